import type { ByteSink } from "./outbox.ts";

/**
 * Told of a sink that took fewer bytes than it was given; `taken` is -1 when it is closed.
 *
 * @param error what the sink threw; undefined when it did not
 */
export type ShortWrite = (index: number, taken: number, error?: unknown) => void;

/** Sinks that get the same bytes. Kept by index, so that its owner may keep a list beside it. */
export interface SinkGroup {
  /** Adds at the end. */
  push(sink: ByteSink): void;
  /** Takes one out; the last one moves to its place. */
  remove(index: number): void;
  /**
   * Writes to each, and names those that did not take all; what one of them throws does not stop the others. Nothing may
   * be added or removed meanwhile.
   */
  write(bytes: Uint8Array, offset: number, length: number, short: ShortWrite): void;
}

/** Writes to one after the other. */
export class PlainSinkGroup implements SinkGroup {
  readonly #sinks: ByteSink[] = [];

  push(sink: ByteSink): void {
    this.#sinks.push(sink);
  }

  remove(index: number): void {
    const last = this.#sinks.pop() as ByteSink;
    if (index < this.#sinks.length) this.#sinks[index] = last;
  }

  write(bytes: Uint8Array, offset: number, length: number, short: ShortWrite): void {
    const sinks = this.#sinks;
    for (let i = 0; i < sinks.length; i++) {
      try {
        const taken = (sinks[i] as ByteSink).write(bytes, offset, length);
        if (taken !== length) short(i, taken);
      } catch (error) {
        short(i, -1, error);
      }
    }
  }
}
