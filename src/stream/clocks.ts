import type { RtpLog } from "../../wasm/log.ts";
import type { TrackState } from "../../wasm/track.ts";
import type { Clock } from "../lib/clock.ts";

/** Seconds from 1900, where NTP begins, to 1970. */
const NTP_EPOCH_SECONDS = 2_208_988_800;

/** Sender reports that disagree with arrival by more than this are ignored, ms. */
const BELIEVABLE_MS = 10_000;

/** An instant in both clocks. */
export interface TrackTime {
  /** NTP time, ms since 1900. */
  readonly ntp: number;
  /** RTP ticks of the track, 32 bits. */
  readonly rtpTime: number;
}

/** An instant of a track in RTP ticks, and in ms since 1970. */
interface Place {
  readonly ticks: number;
  readonly wall: number;
}

/** Where the tracks of a stream are in time, now. */
export class StreamTimes {
  readonly #log: RtpLog;
  readonly #clock: Clock;
  readonly #ntp: NtpClock;

  constructor(log: RtpLog, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
    this.#ntp = new NtpClock(
      log,
      log.tracks.map(({ clockRate }) => clockRate),
    );
  }

  /** RTP time of a track at this moment; undefined before its first packet. */
  at(track: number): TrackTime | undefined {
    return this.#ntp.at(track, this.#clock.now(), this.#clock.wall());
  }

  /** Wall clock of an RTP time of a track that has sent something, ms since 1970. */
  wallAt(track: number, rtpTime: number): number {
    const wall = this.#clock.wall();
    const present = this.#ntp.at(track, this.#clock.now(), wall);
    if (present === undefined) return wall;
    const rate = this.#log.tracks[track]?.clockRate ?? 1;
    return wall - (((present.rtpTime - rtpTime) | 0) * 1000) / rate;
  }

  /**
   * Pins an instant of a track to the wall clock, from now on.
   *
   * @param ticks RTP time of the track, with or without wraps
   * @param wall wall clock of the server, ms since 1970
   */
  align(track: number, ticks: number, wall: number): void {
    this.#ntp.place(track, ticks, wall);
  }

  /** Tracks whose place on the wall clock is known, from a sender report or from the source. */
  get reportedTracks(): number {
    return this.#ntp.reportedTracks;
  }
}

/**
 * Relates the RTP time of each track to the server's wall clock. Tracks are aligned by the publisher's sender reports
 * as soon as each has one, by arrival until then.
 */
export class NtpClock {
  readonly #log: RtpLog;
  readonly #rates: readonly number[];
  /** Server's wall clock minus publisher's, ms; undefined before the first report. */
  #offset: number | undefined;
  readonly #seen: number[];
  /** Instants pinned by the source, by track; undefined for tracks that it has not placed. */
  readonly #places: (Place | undefined)[];

  constructor(log: RtpLog, clockRates: readonly number[]) {
    this.#log = log;
    this.#rates = clockRates;
    this.#seen = clockRates.map(() => 0);
    this.#places = clockRates.map(() => undefined);
  }

  /**
   * The RTP time of a track at this moment; undefined before its first packet.
   *
   * @param now monotonic ms
   * @param wall the same moment, ms since 1970
   */
  at(index: number, now: number, wall: number): TrackTime | undefined {
    const track = this.#log.tracks[index];
    if (track === undefined || !track.started) return undefined;
    this.#follow(now, wall);
    const ntp = wall + NTP_EPOCH_SECONDS * 1000;
    const rate = this.#rates[index] as number;
    const place = this.#places[index];
    if (place !== undefined) return { ntp, rtpTime: wrap(place.ticks + ((wall - place.wall) / 1000) * rate) };
    return {
      ntp,
      rtpTime: this.#byReports(now, wall) ? this.#reported(track, ntp, rate) : arrived(track, now, rate),
    };
  }

  /**
   * Pins an instant of a track to the wall clock of the server; this overrides sender reports and arrival.
   *
   * @param ticks RTP time, with or without wraps
   * @param wall ms since 1970
   */
  place(index: number, ticks: number, wall: number): void {
    this.#places[index] = { ticks, wall };
  }

  /** Number of tracks placed by a sender report or by the source; when it grows, the alignment may have improved. */
  get reportedTracks(): number {
    const { tracks } = this.#log;
    let count = 0;
    for (let i = 0; i < tracks.length; i++) {
      if ((tracks[i]?.reports ?? 0) > 0 || this.#places[i] !== undefined) count += 1;
    }
    return count;
  }

  /** Updates the clock offset with the sender reports received since the last call. */
  #follow(now: number, wall: number): void {
    this.#log.tracks.forEach((track, i) => {
      if (track.reports === this.#seen[i]) return;
      this.#seen[i] = track.reports;
      const report = track.lastReport;
      const offset = wall - (now - report.arrival) + NTP_EPOCH_SECONDS * 1000 - report.ntp;
      if (this.#offset === undefined || Math.abs(offset - this.#offset) > BELIEVABLE_MS)
        this.#offset = offset;
      else this.#offset += (offset - this.#offset) / 8;
    });
  }

  /** Whether every active track has a sender report and all of them agree with arrival. */
  #byReports(now: number, wall: number): boolean {
    return this.#log.tracks.every((track, i) => {
      if (!track.started) return true;
      if (track.reports === 0) return false;
      const rate = this.#rates[i] as number;
      const ntp = wall + NTP_EPOCH_SECONDS * 1000;
      const difference = (this.#reported(track, ntp, rate) - arrived(track, now, rate)) | 0;
      return Math.abs(difference / rate) * 1000 < BELIEVABLE_MS;
    });
  }

  #reported(track: TrackState, ntp: number, rate: number): number {
    const report = track.lastReport;
    const elapsed = ntp - (this.#offset ?? 0) - report.ntp;
    return wrap(report.rtpTime + (elapsed / 1000) * rate);
  }
}

function arrived(track: TrackState, now: number, rate: number): number {
  return wrap(track.anchorTime + ((now - track.anchorArrival) / 1000) * rate);
}

/** To 32 bits; the argument may be far outside. */
function wrap(ticks: number): number {
  const modulus = 0x1_0000_0000;
  return Math.round(((ticks % modulus) + modulus) % modulus) % modulus;
}
