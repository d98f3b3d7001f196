import { FRAMING } from "../../assembly/abi.ts";
import { LogCursor } from "../../wasm/cursor.ts";
import { usedUp } from "./budget.ts";
import type { StreamCursor } from "./cursor.ts";
import { FanOut } from "./fan-out.ts";
import type { Outbox } from "./outbox.ts";
import type { OutputContext, OutputHost, ReaderFault, StreamOutput } from "./output.ts";
import { SenderReports, type TrackChannels } from "./sender-reports.ts";

/** Readers that get the packets of the log interleaved with the messages of their connections (RFC 2326 §10.12). */
export class InterleavedOutput implements StreamOutput {
  readonly name = "interleaved output";
  readonly #context: OutputContext;
  readonly #fanOut: FanOut;

  private constructor(context: OutputContext) {
    const channels = context.log.tracks.map((_, i) => 2 * i);
    this.#context = context;
    this.#fanOut = new FanOut(context, context.log, openCursor(context, channels), FRAMING);
  }

  /** @throws {BudgetError} if the media memory is used up */
  static of(stream: OutputHost): InterleavedOutput {
    return stream.outputOf(InterleavedOutput, (context) => new InterleavedOutput(context));
  }

  get readers(): number {
    return this.#fanOut.size;
  }

  get lag(): number {
    return this.#fanOut.lag;
  }

  /**
   * Adds a reader at the live edge; nothing is sent before the next flush or `pump`.
   *
   * @param channels interleaved channels of each track; undefined for tracks it does not want
   * @throws {BudgetError} if the media memory is used up
   */
  add(outbox: Outbox, channels: readonly (TrackChannels | undefined)[], fault: ReaderFault): StreamCursor {
    const context = this.#context;
    try {
      const cursor = openCursor(
        context,
        channels.map((pair) => pair?.rtp),
        true,
      );
      return this.#fanOut.add({ cursor, outbox, own: new SenderReports(context, channels), fault });
    } finally {
      context.release(this);
    }
  }

  /** Removes a reader and closes it. */
  remove(cursor: StreamCursor): void {
    this.#fanOut.remove(cursor);
    this.#context.release(this);
  }

  flush(now: number): void {
    this.#fanOut.flush(now);
  }

  fail(error: Error): void {
    this.#fanOut.fail(error);
  }

  close(): void {
    this.#fanOut.close();
  }
}

/** @throws {BudgetError} if the media memory is used up */
function openCursor(
  { memory, log }: OutputContext,
  channels: readonly (number | undefined)[],
  stopsAtFirst = false,
): LogCursor {
  const options = { log: log.address, tracks: log.tracks.length, channels, stopsAtFirst };
  const cursor = LogCursor.open(memory, options);
  if (cursor === undefined) throw usedUp();
  return cursor;
}
