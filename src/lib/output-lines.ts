/** Bytes of a line that are kept. */
const LINE_MAX = 1_000;
const LF = 0x0a;
const CR = 0x0d;
const TAB = 0x09;
const SPACE = 0x20;

/** Limits the lines that are logged: a burst, and some more each second. */
export class LineBudget {
  static readonly burst = 50;
  static readonly perSecond = 20;
  #left = LineBudget.burst;
  #at = 0;

  /** Takes one line of it. @param now monotonic, ms */
  take(now: number): boolean {
    this.#left = Math.min(LineBudget.burst, this.#left + ((now - this.#at) * LineBudget.perSecond) / 1_000);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}

/**
 * Splits the output of a process into lines of at most 1,000 bytes. Empty lines are dropped, and tabs become spaces. A line
 * that ends with a lone carriage return is reported as such: on a terminal it would be overwritten by the next one.
 */
export class OutputLines {
  readonly #line: (text: string, overwritten: boolean) => void;
  readonly #kept = new Uint8Array(LINE_MAX);
  readonly #decoder = new TextDecoder();
  /** Bytes of the line so far, those beyond the limit included. */
  #size = 0;
  #afterReturn = false;
  readonly #wanted: () => boolean;

  /**
   * @param wanted whether the next line is wanted; called once per line
   * @param line called for each line that is wanted, without its end
   */
  constructor(wanted: () => boolean, line: (text: string, overwritten: boolean) => void) {
    this.#wanted = wanted;
    this.#line = line;
  }

  /** Takes what the process wrote. */
  push(chunk: Uint8Array): void {
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i] as number;
      if (this.#afterReturn) {
        this.#afterReturn = false;
        this.#end(byte !== LF);
        if (byte === LF) continue;
      }
      if (byte === LF) this.#end(false);
      else if (byte === CR) this.#afterReturn = true;
      else {
        if (this.#size < LINE_MAX) this.#kept[this.#size] = byte === TAB ? SPACE : byte;
        this.#size += 1;
      }
    }
  }

  /** The process has closed its output: an unfinished line is reported too. */
  flush(): void {
    const overwritten = this.#afterReturn;
    this.#afterReturn = false;
    this.#end(overwritten);
  }

  #end(overwritten: boolean): void {
    const size = this.#size;
    this.#size = 0;
    if (size === 0 || !this.#wanted()) return;
    const text = this.#decoder.decode(this.#kept.subarray(0, Math.min(size, LINE_MAX)));
    this.#line(size > LINE_MAX ? `${text}…` : text, overwritten);
  }
}
