import type { MediaMemory } from "../../wasm/core.ts";
import type { Cancel, Clock } from "../lib/clock.ts";
import { BudgetError } from "../lib/errors.ts";
import type { FaultReport } from "../lib/guard.ts";
import { Histogram } from "../lib/histogram.ts";
import { PlainSinkGroup, type SinkGroup } from "./sink-group.ts";

/** Streams with fewer readers are flushed on every turn of the event loop. */
const COALESCE_READERS = 8;
const COALESCE_BYTES = 32 * 1024;
const COALESCE_MS = 10;
/** A copy for one reader, or its sender reports. */
const SCRATCH_BYTES = 72 * 1024;
const FLUSH_BOUNDS_S = [1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1];
const LATENCY_BOUNDS_S = [
  1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
];

/** What is flushed: a stream. */
export interface Flushable {
  readonly readers: number;
  /** When the oldest unflushed data arrived, monotonic ms. */
  readonly pendingSince: number;
  readonly pendingBytes: number;
  /** Whether the unflushed data ends a frame. */
  readonly frameEnded: boolean;
  flush(now: number): void;
}

export interface FlushQueueOptions {
  readonly clock: Clock;
  readonly memory: MediaMemory;
  /** Makes a group of sinks that get the same bytes; by default they are written to one by one. */
  readonly createGroup?: () => SinkGroup;
  /** Reports an internal error that ended a reader, an output or a flush. */
  readonly fault: FaultReport;
}

/**
 * Decides when received data is sent. Nothing is sent while bytes are being received: streams are marked, and flushed
 * once all sockets that are ready have been served. With many readers a stream waits for the end of a frame, 32 KB, or
 * 10 ms, whichever is first, as each write costs the same whatever its size.
 */
export class FlushQueue {
  readonly #clock: Clock;
  #dirty = new Set<Flushable>();
  #spare = new Set<Flushable>();
  #scheduled = false;
  #timer: Cancel | undefined;

  readonly #memory: MediaMemory;
  #scratch = 0;

  /** How long flushes of a stream took, seconds. */
  readonly flushTimes = new Histogram(FLUSH_BOUNDS_S);
  /** From the arrival of the first waiting byte to the end of its flush, seconds. */
  readonly addedLatencies = new Histogram(LATENCY_BOUNDS_S);
  readonly createGroup: () => SinkGroup;
  readonly fault: FaultReport;

  constructor(options: FlushQueueOptions) {
    const { clock, memory, createGroup = () => new PlainSinkGroup(), fault } = options;
    this.#clock = clock;
    this.#memory = memory;
    this.createGroup = createGroup;
    this.fault = fault;
  }

  /** A block that is free for use between two calls: copies for readers with their own channels. */
  get scratch(): number {
    if (this.#scratch !== 0) return this.#scratch;
    const block = this.#memory.take(SCRATCH_BYTES);
    if (block === undefined) throw new BudgetError("the media memory is used up");
    this.#scratch = block;
    return block;
  }

  /** Releases the scratch block. No stream may be left. */
  close(): void {
    if (this.#scratch !== 0) this.#memory.give(this.#scratch);
    this.#scratch = 0;
    this.#timer?.();
  }

  /** Marks a stream as having new data. */
  mark(stream: Flushable): void {
    this.#dirty.add(stream);
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#clock.soon(this.#run);
  }

  forget(stream: Flushable): void {
    this.#dirty.delete(stream);
  }

  readonly #run = (): void => {
    this.#scheduled = false;
    this.#timer?.();
    this.#timer = undefined;
    const now = this.#clock.now();
    const dirty = this.#dirty;
    this.#dirty = this.#spare;
    this.#spare = dirty;
    let wait = Number.POSITIVE_INFINITY;
    let time = now;
    for (const stream of dirty) {
      const left = remaining(stream, now);
      if (left <= 0) {
        time = this.#flush(stream, now, time);
      } else {
        this.#dirty.add(stream);
        wait = Math.min(wait, left);
      }
    }
    dirty.clear();
    if (wait !== Number.POSITIVE_INFINITY && !this.#scheduled) {
      this.#timer = this.#clock.after(wait, this.#run);
    }
  };

  /** @returns when it was done; `begun` is when the one before was */
  #flush(stream: Flushable, now: number, begun: number): number {
    const { pendingBytes, pendingSince } = stream;
    try {
      stream.flush(now);
    } catch (error) {
      this.fault(error, "flush of a stream");
    }
    const done = this.#clock.now();
    this.flushTimes.observe((done - begun) / 1000);
    if (pendingBytes > 0) this.addedLatencies.observe((done - pendingSince) / 1000);
    return done;
  }
}

/** How long a stream may still wait, ms. */
function remaining(stream: Flushable, now: number): number {
  if (stream.readers < COALESCE_READERS || stream.frameEnded || stream.pendingBytes >= COALESCE_BYTES)
    return 0;
  return stream.pendingSince + COALESCE_MS - now;
}
