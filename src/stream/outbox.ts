import type { MediaMemory } from "../../wasm/core.ts";
import { SentBytes } from "./sent-bytes.ts";

/** Where bytes go: the socket of a reader. */
export interface ByteSink {
  /** Bytes taken: fewer than `length` when it is full (room is announced later), -1 when it is closed. */
  write(bytes: Uint8Array, offset: number, length: number): number;
}

/** Bytes an outbox holds at most: the rest of one packet, and responses behind it. */
export const OUTBOX_MAX = 128 * 1024 - 64;

/**
 * Bytes that the socket has not accepted yet: the rest of a partly written packet, responses, reports. Nothing else is
 * sent until it is empty. Takes media memory only while it holds something.
 */
export class Outbox {
  readonly #memory: MediaMemory;
  /** The socket; only writes to many sockets at once bypass the outbox. */
  sink: ByteSink;
  /** All bytes sent to the peer, also those written to the sink directly. */
  readonly sent = new SentBytes();
  /** Called when a write was short: from now on the outbox is blocked. */
  onBlocked: (() => void) | undefined;
  #address = 0;
  #capacity = 0;
  #start = 0;
  #end = 0;
  /** Whether the sink is full: wait until it announces room. */
  #full = false;
  /** Whether the sink is closed: it accepts everything, and nothing is counted. */
  isGone = false;

  constructor(memory: MediaMemory, sink: ByteSink) {
    this.#memory = memory;
    this.sink = sink;
  }

  /** Whether nothing may be written now. */
  get blocked(): boolean {
    return this.#full;
  }

  get pending(): number {
    return this.#end - this.#start;
  }

  /**
   * Writes media from media memory straight to the sink.
   *
   * @returns bytes accepted; the caller keeps the rest. A closed sink accepts everything and counts nothing
   */
  write(address: number, size: number): number {
    const taken = this.#put(this.#memory.u8, address, size);
    if (taken > 0) this.sent.addMedia(taken);
    return taken < 0 ? size : taken;
  }

  /** Records a direct write to the sink, of which only `taken` bytes were accepted. */
  tookLess(taken: number): void {
    if (taken > 0) {
      this.sent.addTotal(taken);
      this.sent.addMedia(taken);
    }
    if (taken < 0) this.isGone = true;
    this.block();
  }

  /** @returns bytes taken, -1 when the sink is closed */
  #put(bytes: Uint8Array, offset: number, size: number): number {
    const taken = this.sink.write(bytes, offset, size);
    if (taken > 0) this.sent.addTotal(taken);
    if (taken < 0) this.isGone = true;
    if (taken < size) this.block();
    return taken;
  }

  /** Marks the sink as full. */
  block(): void {
    this.#full = true;
    this.onBlocked?.();
  }

  /**
   * Sends bytes that must arrive, now or later.
   *
   * @returns false if they do not fit: the peer does not read
   */
  send(bytes: Uint8Array): boolean {
    let taken = 0;
    if (!this.#full && this.pending === 0) {
      taken = this.#put(bytes, 0, bytes.length);
      if (taken < 0 || taken === bytes.length) return true;
    }
    const rest = bytes.length - taken;
    if (!this.#makeRoom(rest)) return false;
    this.#memory.u8.set(taken === 0 ? bytes : bytes.subarray(taken), this.#end);
    this.#end += rest;
    return true;
  }

  /** Keeps a copy of media in the media memory; false when it does not fit. */
  hold(address: number, size: number): boolean {
    if (size === 0) return true;
    if (!this.#makeRoom(size)) return false;
    this.#memory.u8.copyWithin(this.#end, address, address + size);
    this.extend(size);
    return true;
  }

  /** Room for up to `size` bytes at its end, for `extend`; 0 when there is none. */
  reserve(size: number): number {
    return this.#makeRoom(size) ? this.#end : 0;
  }

  /** Keeps media that was written where `reserve` said. */
  extend(size: number): void {
    this.#end += size;
    this.sent.addMedia(size);
  }

  /** Continues writing: the sink has room again. */
  drain(): void {
    this.#full = false;
    if (this.pending === 0) return;
    const size = this.pending;
    const taken = this.#put(this.#memory.u8, this.#start, size);
    if (taken < 0 || taken === size) this.#release();
    else this.#start += taken;
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
