import type { MediaMemory } from "../../wasm/core.ts";

/** Where bytes go: the socket of a reader. */
export interface ByteSink {
  /** Bytes taken: fewer than `length` when it is full (room is announced later), -1 when it is closed. */
  write(bytes: Uint8Array, offset: number, length: number): number;
}

/** Bytes an outbox holds at most: the rest of one packet, and responses behind it. */
export const OUTBOX_MAX = 128 * 1024 - 64;

/**
 * What a peer could not take yet: the rest of a packet that was written in part, responses, reports. Nothing else is
 * sent until it is empty. Takes media memory only while it holds something.
 */
export class Outbox {
  readonly #memory: MediaMemory;
  readonly #sink: ByteSink;
  /** The socket itself, for writes to many readers at once; these are not seen by the sink. */
  readonly direct: ByteSink;
  /** Called when something could not be written: from now on the outbox blocks. */
  onBlocked: (() => void) | undefined;
  #address = 0;
  #capacity = 0;
  #start = 0;
  #end = 0;
  /** The sink was full: wait until it announces room. */
  #full = false;

  constructor(memory: MediaMemory, sink: ByteSink, direct: ByteSink = sink) {
    this.#memory = memory;
    this.#sink = sink;
    this.direct = direct;
  }

  /** Whether nothing may be written now. */
  get blocked(): boolean {
    return this.#full;
  }

  get pending(): number {
    return this.#end - this.#start;
  }

  /**
   * Writes bytes from media memory straight to the sink.
   *
   * @returns bytes taken; what is left is the caller's to hold
   */
  write(address: number, size: number): number {
    const taken = this.#sink.write(this.#memory.u8, address, size);
    if (taken < size) this.block();
    return taken < 0 ? size : taken;
  }

  /** Says that the sink is full. */
  block(): void {
    this.#full = true;
    this.onBlocked?.();
  }

  /**
   * Sends bytes that must arrive, now or later.
   *
   * @returns false when they do not fit any more: the peer has stopped reading
   */
  send(bytes: Uint8Array): boolean {
    let taken = 0;
    if (!this.#full && this.pending === 0) {
      taken = this.#sink.write(bytes, 0, bytes.length);
      if (taken < 0) return true;
      if (taken === bytes.length) return true;
      this.block();
    }
    const rest = bytes.length - taken;
    if (!this.#makeRoom(rest)) return false;
    this.#memory.u8.set(taken === 0 ? bytes : bytes.subarray(taken), this.#end);
    this.#end += rest;
    return true;
  }

  /** Keeps a copy of bytes of the media memory; false when they do not fit. */
  hold(address: number, size: number): boolean {
    if (size === 0) return true;
    if (!this.#makeRoom(size)) return false;
    this.#memory.u8.copyWithin(this.#end, address, address + size);
    this.#end += size;
    return true;
  }

  /** Room for up to `size` bytes at its end, for `extend`; 0 when there is none. */
  reserve(size: number): number {
    return this.#makeRoom(size) ? this.#end : 0;
  }

  /** Counts bytes that were written where `reserve` said. */
  extend(size: number): void {
    this.#end += size;
  }

  /** The sink has room again: writes on. */
  drain(): void {
    this.#full = false;
    if (this.pending === 0) return;
    const size = this.pending;
    const taken = this.write(this.#start, size);
    this.#start += taken;
    if (taken === size) this.#release();
  }

  #makeRoom(size: number): boolean {
    if (this.#end + size <= this.#address + this.#capacity) return true;
    const pending = this.pending;
    const needed = pending + size;
    if (needed > OUTBOX_MAX) return false;
    const address = this.#memory.take(needed);
    if (address === undefined) return false;
    if (pending > 0) this.#memory.u8.copyWithin(address, this.#start, this.#end);
    this.#release();
    this.#address = address;
    this.#capacity = needed;
    this.#start = address;
    this.#end = address + pending;
    return true;
  }

  #release(): void {
    if (this.#address !== 0) this.#memory.give(this.#address);
    this.#address = 0;
    this.#capacity = 0;
    this.#start = 0;
    this.#end = 0;
  }

  close(): void {
    this.#full = true;
    this.#release();
  }
}
