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

/** The sender reports of a reader that gets them interleaved with its packets. */
export class SenderReports implements OwnBytes {
  readonly #context: OutputContext;
  readonly #channels: readonly (TrackChannels | undefined)[];
  /** When the next reports are due. */
  #due = 0;
  framing = 0;
  /** Tracks that had a publisher's report when ours were last sent. */
  #reportedTracks = 0;
  /** Tracks (bits) without a first report yet, because none of their packets have arrived. */
  #unreported: number;

  constructor(context: OutputContext, channels: readonly (TrackChannels | undefined)[]) {
    this.#context = context;
    this.#channels = channels;
    this.#unreported = bitsOf(channels);
  }

  get isSettled(): boolean {
    return this.#unreported === 0;
  }

  isDue(now: number): boolean {
    return this.#unreported !== 0 || this.#isRoundDue(now);
  }

  /** Every ten seconds, and as soon as the publisher's own reports improve the alignment. */
  #isRoundDue(now: number): boolean {
    return now >= this.#due || this.#context.times.reportedTracks !== this.#reportedTracks;
  }

  /** Writes a report of each track that has sent something. */
  write(dst: number, now: number): number {
    const isRound = this.#isRoundDue(now);
    let size = 0;
    this.framing = 0;
    for (let i = 0; i < this.#channels.length; i++) {
      const pair = this.#channels[i];
      if (pair === undefined || (!isRound && (this.#unreported & (1 << i)) === 0)) continue;
      const written = this.#writeFramed(dst + size, i, pair.rtcp);
      if (written === 0) continue;
      this.#unreported &= ~(1 << i);
      this.framing += FRAMING;
      size += written;
    }
    if (isRound) this.#due = now + REPORT_INTERVAL_MS;
    this.#reportedTracks = this.#context.times.reportedTracks;
    return size;
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
