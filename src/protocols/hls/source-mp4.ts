import { MAX_AUDIO_BYTES, MAX_FRAME_BYTES, MP4_TRACKS_MAX } from "../../../assembly/abi.ts";
import type { MediaMemory } from "../../../wasm/core.ts";
import { Mp4Demuxer, type Mp4TrackSetup } from "../../../wasm/mp4-demuxer.ts";
import { UnitLog } from "../../../wasm/units.ts";
import type { ReadEntry } from "../../formats/fmp4/codecs.ts";
import { type InitTrack, readInit } from "../../formats/fmp4/read-init.ts";
import { unitFormat } from "../../formats/rtp/unit-formats.ts";
import type { Lane, Timeline } from "../../ingest/timeline.ts";
import { BudgetError, SourceError } from "../../lib/errors.ts";
import type { Logger } from "../../lib/log.ts";
import type { CodecParameters } from "../../media/codec-parameters.ts";
import { withLengths } from "../../media/nal.ts";
import {
  type Container,
  isAudio,
  isWanted,
  NoTracksError,
  type SourceTrack,
  type WantedTracks,
} from "./source-container.ts";

export interface Mp4ContainerOptions {
  readonly memory: MediaMemory;
  readonly timeline: Timeline;
  readonly wanted: WantedTracks;
  readonly logger: Logger;
}

/** Highest clock rate of the core, Hz. */
const RATE_MAX = 768_000;

/** A track with a supported codec. */
type KnownTrack = InitTrack & { readonly description: ReadEntry };

/** Segments of fragmented MP4. */
export class Mp4Container implements Container {
  readonly #options: Mp4ContainerOptions;
  readonly #demuxer: Mp4Demuxer;
  readonly #lane: Lane = { end: undefined };
  #tracks: readonly SourceTrack[] | undefined;
  #discontinuity = 0;
  /** Counters before the segment: samples, missing ones, oversized ones. */
  #before = { samples: 0, missing: 0, oversized: 0 };

  /** @throws {BudgetError} if the media memory is used up */
  constructor(options: Mp4ContainerOptions) {
    const demuxer = Mp4Demuxer.open(options.memory);
    if (demuxer === undefined) throw new BudgetError("the media memory is used up");
    this.#options = options;
    this.#demuxer = demuxer;
  }

  get tracks(): readonly SourceTrack[] | undefined {
    return this.#tracks;
  }

  /**
   * Reads an initialization segment; called between two segments.
   *
   * @throws {ProtocolError} if it is none
   * @throws {SourceError} if it has other tracks than the one before, or none that can be read
   * @throws {BudgetError} if the media memory is used up
   */
  init(bytes: Uint8Array): void {
    const { wanted, logger } = this.#options;
    const isFirst = this.#tracks === undefined;
    const known: KnownTrack[] = [];
    for (const track of readInit(bytes)) {
      const { id, entry, description } = track;
      if (description === undefined) {
        if (isFirst) logger.warn(`skipping track ${id} (${entry}): codec not supported`);
      } else if (isWanted(isAudio(description.parameters), wanted) && known.length < MP4_TRACKS_MAX) {
        known.push({ ...track, description });
      }
    }
    if (known.length === 0) throw new NoTracksError();
    const parameters = known.map(({ description }) => description.parameters);
    this.#tracks = isFirst ? this.#open(parameters) : this.#same(parameters);
    const setups = known.map((track, i) => trackSetup(track, this.#tracks?.[i]?.units as UnitLog));
    if (!this.#demuxer.setUp(setups)) throw new BudgetError("the media memory is used up");
  }

  #open(described: readonly CodecParameters[]): SourceTrack[] {
    const tracks: SourceTrack[] = [];
    for (const parameters of described) {
      const { clockRate } = unitFormat(parameters);
      if (clockRate > RATE_MAX) throw new SourceError(`unsupported sample rate: ${clockRate} Hz`);
      const maxBytes = isAudio(parameters) ? MAX_AUDIO_BYTES : MAX_FRAME_BYTES;
      const setup = { format: 0, clockRate, frameTicks: 0, reorderDepth: 0, maxBytes };
      const units = UnitLog.open(this.#options.memory, setup);
      if (units === undefined) {
        for (const track of tracks) track.units.close();
        throw new BudgetError("the media memory is used up");
      }
      tracks.push({ parameters, units });
    }
    return tracks;
  }

  /** The present tracks, if a new initialization segment matches them. */
  #same(described: readonly CodecParameters[]): readonly SourceTrack[] {
    const tracks = this.#tracks ?? [];
    const isSame =
      described.length === tracks.length &&
      tracks.every(({ parameters, units }, i) => {
        const now = described[i] as CodecParameters;
        return now.codec === parameters.codec && unitFormat(now).clockRate === units.clockRate;
      });
    if (!isSame) throw new SourceError("the tracks have changed");
    return tracks;
  }

  begin(discontinuity: number, position: number): void {
    const { samples, missing } = this.#demuxer;
    this.#before = { samples, missing, oversized: this.#oversized };
    this.#discontinuity = discontinuity;
    this.#demuxer.begin(position);
  }

  push(chunk: Uint8Array): void {
    const fault = this.#demuxer.push(chunk, this.#place);
    if (fault !== undefined) throw new SourceError(`invalid segment: ${fault}`);
  }

  readonly #place = (first: number, end: number): number =>
    this.#options.timeline.place(this.#lane, this.#discontinuity, first, end);

  end(): void {
    const fault = this.#demuxer.end();
    if (fault !== undefined) throw new SourceError(`invalid segment: ${fault}`);
    const oversized = this.#oversized - this.#before.oversized;
    if (oversized > 0) this.#options.logger.warn(`samples dropped, too large: ${oversized}`);
    const missing = this.#demuxer.missing - this.#before.missing;
    if (missing === 0) return;
    if (this.#demuxer.samples === this.#before.samples) {
      throw new SourceError("invalid segment: no mdat after its moof holds the samples");
    }
    this.#options.logger.warn(`samples missing from a segment: ${missing}`);
  }

  get #oversized(): number {
    return (this.#tracks ?? []).reduce((sum, { units }) => sum + units.oversized, 0);
  }

  close(): void {
    this.#demuxer.close();
    for (const { units } of this.#tracks ?? []) units.close();
  }
}

function trackSetup(track: KnownTrack, units: UnitLog): Mp4TrackSetup {
  const { id, timescale, offset, duration, size, flags } = track;
  const { kind, lengthSize = 4, sets = [] } = track.description;
  return { id, kind, units, lengthSize, sets: withLengths(sets), timescale, offset, duration, size, flags };
}
