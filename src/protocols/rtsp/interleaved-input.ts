import { UNKNOWN_FRAME_MAX } from "../../../assembly/abi.ts";
import type { RtpLog } from "../../../wasm/log.ts";
import { ProtocolError } from "../../lib/errors.ts";
import type { IngestReporter } from "../../stream/ingest.ts";
import { findStart, isText } from "./proto/frame-start.ts";

/** Most bytes that are skipped without a packet in between. */
const SKIP_MAX = 256 * 1024;
const DOLLAR = 0x24;
const CR = 0x0d;
const LF = 0x0a;

/**
 * Receives interleaved frames from a connection. Some cameras send bytes between them that are neither frames nor
 * messages: these are skipped and counted.
 */
export class InterleavedInput {
  readonly publisher: IngestReporter;
  /** Bytes skipped since the last packet. */
  #skipped = 0;
  readonly #isChannel: (channel: number) => boolean;

  constructor(publisher: IngestReporter) {
    const { log } = publisher.stream;
    this.publisher = publisher;
    this.#isChannel = (channel) => log.hasChannel(channel);
  }

  /** When the last packet was accepted, monotonic ms. */
  get lastHeard(): number {
    return this.publisher.lastHeard;
  }

  /**
   * Receives interleaved frames from `offset` on. No message may be in progress.
   *
   * @returns position of the first byte of a message, or the length of the chunk
   * @throws {ProtocolError} if a frame is too large, or too many bytes are none
   * @throws {BudgetError} if the media memory is used up
   */
  receive(chunk: Uint8Array, offset: number): number {
    let at = offset;
    while (at < chunk.length) {
      const byte = chunk[at];
      if (this.publisher.midFrame || (byte === DOLLAR && this.#mayBeFrame(chunk, at)))
        at = this.#take(chunk, at);
      else if (byte === CR || byte === LF) at += 1;
      else if (isText(chunk, at)) return at;
      else at = this.#skip(chunk, at);
    }
    return at;
  }

  /** The log, for who writes received bytes straight to where it says; `ingest` takes them. */
  get log(): RtpLog {
    return this.publisher.stream.log;
  }

  /**
   * Receives `size` bytes that were written where the log said.
   *
   * @returns a copy of what must be given to `receive`: no frame begins there
   * @throws {ProtocolError | BudgetError} as `receive`
   */
  ingest(size: number): Uint8Array | undefined {
    const { log } = this;
    const before = log.heard;
    const rest = this.publisher.ingest(size);
    if (log.heard !== before) this.#skipped = 0;
    return rest;
  }

  /** Whether the stream takes it for a frame: not if it is on an unknown channel and large. */
  #mayBeFrame(chunk: Uint8Array, at: number): boolean {
    const [, channel, high, low] = chunk.subarray(at, at + 4);
    if (channel === undefined || low === undefined || this.#isChannel(channel)) return true;
    return ((high as number) << 8) + low <= UNKNOWN_FRAME_MAX;
  }

  #take(chunk: Uint8Array, at: number): number {
    const { log } = this.publisher.stream;
    const before = log.heard;
    const end = this.publisher.receive(chunk, at);
    if (log.heard !== before) this.#skipped = 0;
    return end;
  }

  #skip(chunk: Uint8Array, at: number): number {
    const next = findStart(chunk, at + 1, this.#isChannel);
    this.#skipped += next - at;
    if (this.#skipped > SKIP_MAX) throw new ProtocolError(`more than ${SKIP_MAX} bytes that are no packets`);
    this.publisher.skipped(next - at);
    return next;
  }
}
