import { FRAMING } from "../../assembly/abi.ts";
import { writeSenderReport } from "../../wasm/rtcp.ts";
import type { OwnBytes } from "./cursor.ts";
import type { OutputContext } from "./output.ts";

/** Time between sender reports to a reader, ms. */
export const REPORT_INTERVAL_MS = 10_000;

/** How one track is sent to a reader. */
export interface TrackChannels {
  readonly rtp: number;
  readonly rtcp: number;
}

/** How long a new reader is served by itself while it waits for the first packets of its tracks, ms. */
const START_MS = 2_000;

/**
 * The sender reports of a reader that gets them interleaved with its packets. The first one of each track comes right
 * after its first packet: clients ignore reports that come before.
 */
export class SenderReports implements OwnBytes {
  readonly #context: OutputContext;
  readonly #channels: readonly (TrackChannels | undefined)[];
  readonly #entered: number;
  /** When the next reports are due. */
  #due: number;
  /** Tracks that had a publisher's report when ours were last sent. */
  #reportedTracks: number;
  /** Tracks (bits) without a first report yet, and those of them without a packet. */
  #unreported: number;
  #fresh: number;
  /** Packets of each track when the reader entered; kept for tracks that begin late. */
  #before: number[] | undefined;
  #isSettled = false;
  framing = 0;

  constructor(context: OutputContext, channels: readonly (TrackChannels | undefined)[]) {
    this.#context = context;
    this.#channels = channels;
    this.#entered = context.clock.now();
    this.#due = this.#entered + REPORT_INTERVAL_MS;
    this.#reportedTracks = context.times.reportedTracks;
    this.#unreported = bitsOf(channels);
    this.#fresh = this.#unreported;
    this.#before = context.log.tracks.map(({ packets }) => packets);
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  started(fresh: number): void {
    this.#fresh = fresh;
  }

  isDue(now: number): boolean {
    if (!this.#isSettled && now - this.#entered >= START_MS) this.#isSettled = true;
    return this.#begun !== 0 || this.#isRoundDue(now);
  }

  /** Tracks (bits) that the reader has packets of, but no report. */
  get #begun(): number {
    if (this.#unreported === 0) return 0;
    if (this.#isSettled) this.#followLate();
    return this.#unreported & ~this.#fresh;
  }

  /** Once the reader is sent whatever comes, the counters of the log tell which of its tracks have begun. */
  #followLate(): void {
    const { tracks } = this.#context.log;
    for (let i = 0; i < tracks.length; i++) {
      if (tracks[i]?.packets !== this.#before?.[i]) this.#fresh &= ~(1 << i);
    }
  }

  /** Every ten seconds, and as soon as the publisher's own reports improve the alignment. */
  #isRoundDue(now: number): boolean {
    return now >= this.#due || this.#context.times.reportedTracks !== this.#reportedTracks;
  }

  /** Writes the reports that are due. */
  write(dst: number, now: number): number {
    const isRound = this.#isRoundDue(now);
    const begun = this.#begun;
    const tracks = isRound ? begun | ~this.#unreported : begun;
    let size = 0;
    this.framing = 0;
    for (let i = 0; i < this.#channels.length; i++) {
      const pair = this.#channels[i];
      if (pair === undefined || (tracks & (1 << i)) === 0) continue;
      const written = this.#writeFramed(dst + size, i, pair.rtcp);
      if (written > 0) this.framing += FRAMING;
      size += written;
    }
    this.#reported(begun);
    if (isRound) this.#due = now + REPORT_INTERVAL_MS;
    this.#reportedTracks = this.#context.times.reportedTracks;
    return size;
  }

  #reported(tracks: number): void {
    this.#unreported &= ~tracks;
    if (this.#unreported !== 0) return;
    this.#isSettled = true;
    this.#before = undefined;
  }

  /** RFC 2326 §10.12. */
  #writeFramed(dst: number, track: number, channel: number): number {
    const size = writeTrackReport(this.#context, track, dst + FRAMING);
    if (size === 0) return 0;
    const { u8 } = this.#context.memory;
    u8[dst] = 0x24;
    u8[dst + 1] = channel;
    u8[dst + 2] = 0;
    u8[dst + 3] = size;
    return FRAMING + size;
  }

  jumped(): void {}
}

/**
 * Writes the sender report of a track as of this moment.
 *
 * @param dst address in media memory
 * @returns bytes written; 0 before the first packet of the track
 */
export function writeTrackReport(context: OutputContext, track: number, dst: number): number {
  const { memory, log, times } = context;
  const state = log.tracks[track];
  const time = times.at(track);
  if (state === undefined || time === undefined) return 0;
  const { ssrc, packets, octets } = state;
  return writeSenderReport(memory, dst, { ssrc, packets, octets, ...time });
}

/** Bit mask of the tracks. */
export function bitsOf(tracks: readonly unknown[]): number {
  return tracks.reduce<number>((bits, track, i) => (track === undefined ? bits : bits | (1 << i)), 0);
}
