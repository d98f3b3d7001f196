import { DatagramSource, type ReceptionState } from "../../wasm/datagram-source.ts";
import type { ReceiveFault } from "../../wasm/log.ts";
import { writeReceiverReport } from "../../wasm/rtcp.ts";
import { usedUp } from "./budget.ts";
import type { Stream } from "./stream.ts";

/** Largest RTCP datagram that is parsed, bytes. */
const REPORT_MAX = 4_096;

/** Writes a stream received in datagrams into the log: one source per track. */
export class DatagramInput {
  readonly #stream: Stream;
  readonly #sources: readonly DatagramSource[];
  /** The last receiver report of each track. */
  readonly #reported: { expected: number; received: number }[];

  /** @throws {BudgetError} if the media memory is used up */
  constructor(stream: Stream) {
    const sources: DatagramSource[] = [];
    stream.log.tracks.forEach((_, i) => {
      const source = DatagramSource.open(stream.memory, stream.log, i);
      if (source !== undefined) sources.push(source);
    });
    this.#stream = stream;
    this.#sources = sources;
    this.#reported = sources.map(() => ({ expected: 0, received: 0 }));
    if (sources.length === stream.log.tracks.length) return;
    this.close();
    throw usedUp();
  }

  /**
   * Takes the RTP packet of a datagram.
   *
   * @returns why the publisher must be closed
   */
  receive(track: number, data: Uint8Array): ReceiveFault | undefined {
    const { now } = this.#stream;
    const fault = this.#sources[track]?.receive(data, now);
    this.#stream.received(data.length, now);
    return fault;
  }

  /** Takes the RTCP packets of a datagram. */
  receiveReport(track: number, data: Uint8Array): void {
    if (data.length > REPORT_MAX) return;
    this.#sources[track]?.receiveReport(data, this.#stream.scratch, this.#stream.now);
  }

  /**
   * Writes the receiver report of a track (RFC 3550 §6.4.2).
   *
   * @param ssrc ours
   * @returns a view that is valid until the next call; undefined before the first packet
   */
  writeReport(track: number, ssrc: number): Uint8Array | undefined {
    const state = this.#stream.log.tracks[track];
    const reception = this.#sources[track]?.reception;
    if (state === undefined || reception === undefined) return undefined;
    const { memory, scratch } = this.#stream;
    const size = writeReceiverReport(memory, scratch, {
      ssrc,
      source: state.source,
      highestSeq: reception.highest,
      jitter: Math.min(Math.round(reception.jitter), 0xffffffff),
      ...this.#losses(track, reception),
      ...this.#lastReport(track),
    });
    return memory.u8.subarray(scratch, scratch + size);
  }

  /** Interarrival jitter of the track where it is greatest (RFC 3550 §6.4.1), ms. */
  get jitterMs(): number {
    const { tracks } = this.#stream.log;
    return tracks.reduce((most, { clockRate }, i) => {
      const jitter = this.#sources[i]?.reception?.jitter ?? 0;
      return Math.max(most, (jitter * 1000) / clockRate);
    }, 0);
  }

  /** RFC 3550 §A.3. */
  #losses(track: number, { base, highest, received }: ReceptionState) {
    const before = this.#reported[track] as { expected: number; received: number };
    const expected = ((highest - base) >>> 0) + 1;
    const expectedSince = expected - before.expected;
    const lostSince = expectedSince - (received - before.received);
    before.expected = expected;
    before.received = received;
    return {
      fractionLost:
        lostSince <= 0 || expectedSince <= 0 ? 0 : Math.floor((lostSince * 256) / expectedSince) & 255,
      lost: Math.max(Math.min(expected - received, 0x7fffff), 0),
    };
  }

  #lastReport(track: number): { readonly lastReport: number; readonly delay: number } {
    const state = this.#stream.log.tracks[track];
    if (state === undefined || state.reports === 0) return { lastReport: 0, delay: 0 };
    const { ntp, arrival } = state.lastReport;
    return {
      lastReport: Math.floor((ntp / 1000) * 0x10000) % 0x1_0000_0000,
      delay: Math.min(Math.round(((this.#stream.now - arrival) / 1000) * 0x10000), 0xffffffff),
    };
  }

  close(): void {
    for (const source of this.#sources) source.close();
  }
}
