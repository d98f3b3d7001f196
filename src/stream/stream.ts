import { BLOCK_SIZE } from "../../assembly/abi.ts";
import type { MediaMemory } from "../../wasm/core.ts";
import { type IngestEvents, type LogOptions, type ReceiveFault, RtpLog } from "../../wasm/log.ts";
import type { Clock } from "../lib/clock.ts";
import { BudgetError, isExpected, RefusedError } from "../lib/errors.ts";
import { runAll } from "../lib/guard.ts";
import type { StreamDescription } from "../media/track.ts";
import { StreamTimes } from "./clocks.ts";
import type { Flushable, FlushQueue } from "./flush.ts";
import type { OutputContext, OutputHost, StreamOutput } from "./output.ts";
import { StreamStats } from "./stats.ts";

/** Bytes after which blocks that nobody needs are given back, where there is no output. */
const TRIM_BYTES = BLOCK_SIZE >> 1;

/** What a stream is made of. */
export interface StreamOptions {
  readonly memory: MediaMemory;
  readonly clock: Clock;
  readonly flushes: FlushQueue;
  readonly description: StreamDescription;
  readonly log: LogOptions;
}

/** The packets of a publisher, and the outputs that send them to readers. */
export class Stream implements OutputHost, Flushable {
  readonly context: OutputContext;
  readonly stats: StreamStats;
  readonly #flushes: FlushQueue;
  /** In the order of opening: an output that feeds another one is flushed before it. */
  readonly #outputs = new Map<unknown, StreamOutput>();
  pendingSince = 0;
  pendingBytes = 0;
  frameEnded = false;
  #closed = false;

  /** @throws {BudgetError} if the media memory is nearly used up: running streams keep the rest */
  constructor(options: StreamOptions) {
    const { memory, clock, flushes, description } = options;
    const { share, log } = openShare(memory, options.log);
    this.#flushes = flushes;
    this.context = {
      memory: share,
      log,
      description,
      clock,
      times: new StreamTimes(log, clock),
      lagPackets: options.log.lagPackets,
      get scratch() {
        return flushes.scratch;
      },
      createGroup: flushes.createGroup,
      mark: () => flushes.mark(this),
      release: (output) => this.#release(output),
      fault: (error, where) => this.#report(error, where),
    };
    this.stats = new StreamStats(this.context);
  }

  /** Its share of the media memory; closed with it. */
  get memory(): MediaMemory {
    return this.context.memory;
  }

  get description(): StreamDescription {
    return this.context.description;
  }

  get log(): RtpLog {
    return this.context.log;
  }

  get times(): StreamTimes {
    return this.context.times;
  }

  /** Monotonic time, ms. */
  get now(): number {
    return this.context.clock.now();
  }

  /** Address of memory that is free for use between two calls. */
  get scratch(): number {
    return this.context.scratch;
  }

  /** RTP bytes received, headers included. */
  get bytesReceived(): number {
    return this.log.tracks.reduce((sum, track) => sum + track.bytes, 0);
  }

  get readers(): number {
    let count = 0;
    for (const output of this.#outputs.values()) count += output.readers;
    return count;
  }

  /** Receives interleaved frames of the publisher; see RtpLog.receive. */
  receive(chunk: Uint8Array, offset: number): number | ReceiveFault {
    const { now } = this;
    const end = this.log.receive(chunk, offset, now);
    this.received(chunk.length - offset, now);
    return end;
  }

  /** The same for `size` bytes that were written where the log said; see RtpLog.ingest. */
  ingest(size: number): number | ReceiveFault {
    const { now } = this;
    const rest = this.log.ingest(size, now);
    this.received(size, now);
    return rest;
  }

  /** Counts `size` bytes of the publisher that entered the log at `now`, and schedules a flush. */
  received(size: number, now: number): void {
    if (this.pendingBytes === 0) this.pendingSince = now;
    this.pendingBytes += size;
    if (this.log.takeFramesEnded() > 0) this.frameEnded = true;
    // more may come before the end of this turn: what is kept for readers that stall makes room for it now
    if (this.memory.isScarce) this.flush(now);
    if (this.#outputs.size > 0 || this.pendingBytes >= TRIM_BYTES) this.#flushes.mark(this);
  }

  /** Packets ignored since the last call. */
  takeEvents(): IngestEvents | undefined {
    return this.log.takeEvents();
  }

  outputOf<Output extends StreamOutput>(key: unknown, open: (context: OutputContext) => Output): Output {
    const found = this.#outputs.get(key);
    if (found !== undefined) return found as Output;
    if (this.#closed) throw new RefusedError("the stream has ended");
    const output = open(this.context);
    this.#outputs.set(key, output);
    return output;
  }

  #release(output: StreamOutput): void {
    if (output.readers === 0 && this.#forget(output)) output.close();
  }

  /** @returns whether it was known */
  #forget(output: StreamOutput): boolean {
    for (const [key, each] of this.#outputs) if (each === output) return this.#outputs.delete(key);
    return false;
  }

  /** Flushes all outputs, and gives back the blocks that none of them needs any more. */
  flush(now: number): void {
    if (this.#closed) return;
    this.pendingBytes = 0;
    this.frameEnded = false;
    let lag = 0;
    for (const output of this.#outputs.values()) lag = Math.max(lag, this.#flushOutput(output, now));
    if (!this.#closed) this.log.trim((this.log.headSeq - lag) | 0);
  }

  /** @returns packets that the output still needs; 0 when it threw, and is closed */
  #flushOutput(output: StreamOutput, now: number): number {
    try {
      output.flush(now);
      return output.readers === 0 ? 0 : output.lag;
    } catch (error) {
      this.#report(error, output.name);
      this.#forget(output);
      this.#runAll(output.name, [() => output.fail(error as Error), () => output.close()]);
      return 0;
    }
  }

  /** An exhausted media memory, for example, is not an internal error. */
  #report(error: unknown, where: string): void {
    if (!isExpected(error)) this.#flushes.fault(error, where);
  }

  #runAll(where: string, steps: readonly (() => void)[]): void {
    runAll(steps, where, this.#flushes.fault);
  }

  /** Sends the last packets. */
  finish(): void {
    this.flush(this.now);
  }

  /** Releases everything, whatever throws. The readers have left by then. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#flushes.forget(this);
    const outputs = [...this.#outputs.values()];
    this.#outputs.clear();
    this.#runAll("end of a stream", [
      ...outputs.map((output) => () => output.close()),
      () => this.log.close(),
      () => this.memory.closeShare(),
    ]);
  }
}

/** A share of the memory with a log. */
function openShare(memory: MediaMemory, options: LogOptions) {
  const share = memory.hasRoom ? memory.openShare() : undefined;
  if (share === undefined) throw budgetError(memory);
  const log = RtpLog.open(share, options);
  if (log !== undefined) return { share, log };
  share.closeShare();
  throw budgetError(memory);
}

function budgetError(memory: MediaMemory): BudgetError {
  const { blocksTaken, blocksTotal } = memory.state;
  return new BudgetError(`the media memory is used up: ${blocksTaken} of ${blocksTotal} blocks are taken`);
}
