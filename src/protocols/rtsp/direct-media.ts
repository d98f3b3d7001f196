import type { MediaMemory } from "../../../wasm/core.ts";
import type { DirectTarget } from "../../host/tcp-connection.ts";
import type { InterleavedInput } from "./interleaved-input.ts";

export interface DirectMediaOptions {
  readonly memory: MediaMemory;
  /** Where the next byte belongs; undefined if it is part of a message, or nothing may be received now. */
  readonly input: () => InterleavedInput | undefined;
  /** Bytes have arrived. */
  readonly count: (size: number) => void;
  /** Takes bytes that begin with no frame; they are owned. */
  readonly receive: (rest: Uint8Array) => void;
}

/** Lets interleaved frames of a connection be received at the head of the log. */
export class DirectMedia implements DirectTarget {
  readonly #options: DirectMediaOptions;
  /** Of the last `reserve`. */
  #input: InterleavedInput | undefined;

  constructor(options: DirectMediaOptions) {
    this.#options = options;
  }

  get memory(): Uint8Array {
    return this.#options.memory.u8;
  }

  get room(): number {
    return this.#input?.log.room ?? 0;
  }

  /** Where there is no memory left, the chunk that comes instead says so. */
  reserve(): number {
    this.#input = this.#options.input();
    return this.#input?.log.reserve() ?? 0;
  }

  received(size: number): void {
    this.#options.count(size);
    const rest = this.#input?.ingest(size);
    if (rest !== undefined) this.#options.receive(rest);
  }
}
