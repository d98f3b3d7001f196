import type { MediaMemory } from "./core.ts";
import type { TsStreamKind } from "./ts-track.ts";

/** An elementary stream of a program. */
export interface TsStream {
  readonly pid: number;
  /** ISO/IEC 13818-1 table 2-34. */
  readonly streamType: number;
  /** How it is demuxed; undefined if unsupported. */
  readonly kind: TsStreamKind | undefined;
}

/** Reads the tables of one transport stream and decides which streams are demuxed. */
export interface TsTables {
  /**
   * Takes sections of tables, back to back. Their CRC has been checked.
   *
   * @returns the streams to read from now on; undefined when nothing changes
   */
  receive(pid: number, sections: Uint8Array): readonly TsStream[] | undefined;
  /** PIDs of the wanted tables. */
  readonly pids: ReadonlySet<number>;
  /** Whether a section equal to the previous one may be skipped. */
  readonly isSettled: boolean;
}

/** Routes packets by PID. */
export interface TsTargets {
  /** Routes a PID to the context at an address; false if the PID is taken or there is no room. */
  readonly listen: (pid: number, target: number) => boolean;
  readonly ignore: (pid: number) => void;
}

/** Assembles the sections of tables, in one context of the core per PID. */
export class TsSections {
  readonly #memory: MediaMemory;
  readonly #targets: TsTargets;
  /** Addresses of the contexts by PID. */
  readonly #open = new Map<number, number>();

  constructor(memory: MediaMemory, targets: TsTargets) {
    this.#memory = memory;
    this.#targets = targets;
  }

  /** Passes on complete sections. */
  deliver(receive: (pid: number, sections: Uint8Array) => void): void {
    const { core, i32, u8 } = this.#memory;
    for (const [pid, address] of this.#open) {
      const done = (address + core.TS_SECTION_DONE_BYTES.value) >> 2;
      const size = i32[done] as number;
      if (size === 0) continue;
      i32[done] = 0;
      const start = address + core.TS_SECTION_DONE.value;
      receive(pid, u8.slice(start, start + size));
    }
  }

  /** Subscribes to the PIDs that the tables want, and to no others. */
  follow({ pids, isSettled }: TsTables): void {
    for (const pid of this.#open.keys()) if (!pids.has(pid)) this.#ignore(pid);
    for (const pid of pids) if (!this.#open.has(pid)) this.#listen(pid);
    const { core, i32 } = this.#memory;
    for (const address of this.#open.values()) {
      i32[(address + core.TS_SECTION_QUIET.value) >> 2] = isSettled ? 1 : 0;
    }
  }

  #listen(pid: number): void {
    const size = this.#memory.core.TS_SECTION_SIZE.value;
    const address = this.#memory.take(size);
    if (address === undefined) return;
    this.#memory.core.tsTargetOpen(address, 0, size);
    if (this.#targets.listen(pid, address)) this.#open.set(pid, address);
    else this.#memory.give(address);
  }

  #ignore(pid: number): void {
    this.#targets.ignore(pid);
    this.#memory.give(this.#open.get(pid) as number);
    this.#open.delete(pid);
  }

  close(): void {
    for (const address of this.#open.values()) this.#memory.give(address);
    this.#open.clear();
  }
}
