import { ProtocolError } from "../../../lib/errors.ts";

/** Longest line between chunks, bytes. */
const LINE_MAX = 256;
const LF = 0x0a;

/** Decodes the chunked transfer coding (RFC 9112 §7.1): what chunks hold is passed on as it arrives. */
export class ChunkedDecoder {
  readonly #take: (bytes: Uint8Array) => void;
  readonly #ended: () => void;
  /** The line in progress. */
  #line = "";
  /** Bytes of the chunk still to come. */
  #left = 0;
  #isOver = false;

  /**
   * @param take gets decoded bytes, borrowed
   * @param ended called at the last chunk
   */
  constructor(take: (bytes: Uint8Array) => void, ended: () => void) {
    this.#take = take;
    this.#ended = ended;
  }

  /** Takes borrowed bytes. @throws {ProtocolError} if they are not chunked */
  receive(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && !this.#isOver; ) {
      at = this.#left > 0 ? this.#takeData(bytes, at) : this.#takeLine(bytes, at);
    }
  }

  #takeData(bytes: Uint8Array, at: number): number {
    const end = Math.min(bytes.length, at + this.#left);
    this.#left -= end - at;
    this.#take(bytes.subarray(at, end));
    return end;
  }

  #takeLine(bytes: Uint8Array, at: number): number {
    const found = bytes.indexOf(LF, at);
    const end = found < 0 ? bytes.length : found;
    if (this.#line.length + end - at > LINE_MAX) throw new ProtocolError("chunk header too long");
    this.#line += String.fromCharCode(...bytes.subarray(at, end));
    if (found < 0) return end;
    const line = this.#line.trim();
    this.#line = "";
    if (line !== "") this.#begin(line); // an empty line ends the chunk before
    return end + 1;
  }

  /** @param line the size of a chunk in hex, and extensions */
  #begin(line: string): void {
    const [, size] = /^([0-9a-f]{1,8})\s*(?:;|$)/i.exec(line) ?? [];
    if (size === undefined) throw new ProtocolError("invalid size of a chunk");
    this.#left = Number.parseInt(size, 16);
    if (this.#left > 0) return;
    this.#isOver = true;
    this.#ended();
  }
}
