import {
  MP4_AV1,
  MP4_FRAMES,
  MP4_H264,
  MP4_H265,
  MP4_PICTURES,
  MP4_TRACKS_MAX,
} from "../../../assembly/abi.ts";
import type { MediaMemory } from "../../../wasm/core.ts";
import { Mp4Demuxer, type Mp4TrackSetup } from "../../../wasm/mp4-demuxer.ts";
import { UnitLog } from "../../../wasm/units.ts";
import type { ReadCodec } from "../../formats/fmp4/read-entry.ts";
import { type InitTrack, readInit } from "../../formats/fmp4/read-init.ts";
import { unitFormat } from "../../formats/rtp/unit-formats.ts";
import type { Lane, SourceTimeline } from "../../ingest/timeline.ts";
import { BudgetError, SourceError } from "../../lib/errors.ts";
import type { Logger } from "../../lib/log.ts";
import type { CodecParameters } from "../../media/codec-parameters.ts";
import { type Container, isAudio, isWanted, type SourceTrack, type Wanted } from "./source-container.ts";

export interface Mp4ContainerOptions {
  readonly memory: MediaMemory;
  readonly timeline: SourceTimeline;
  readonly wanted: Wanted;
  readonly logger: Logger;
}

/** Most ticks a second that the core counts with. */
const RATE_MAX = 768_000;

const KINDS: Readonly<Record<ReadCodec["codec"], number>> = {
  h264: MP4_H264,
  h265: MP4_H265,
  av1: MP4_AV1,
  vp8: MP4_PICTURES,
  vp9: MP4_PICTURES,
  mpeg4Audio: MP4_FRAMES,
  mpeg12Audio: MP4_FRAMES,
  opus: MP4_FRAMES,
  ac3: MP4_FRAMES,
};

/** Segments of fragmented MP4. */
export class Mp4Container implements Container {
  readonly #options: Mp4ContainerOptions;
  readonly #demuxer: Mp4Demuxer;
  readonly #lane: Lane = { end: undefined };
  #tracks: readonly SourceTrack[] | undefined;
  #discontinuity = 0;
  /** Samples before the segment, and those that were missing. */
  #before = { samples: 0, missing: 0 };

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
   * Takes an initialization segment; between two segments.
   *
   * @throws {ProtocolError} if it is none
   * @throws {SourceError} if it has other tracks than the one before, or none that can be read
   * @throws {BudgetError} if the media memory is used up
   */
  init(bytes: Uint8Array): void {
    const { wanted, logger } = this.#options;
    const isFirst = this.#tracks === undefined;
    const rows: { readonly track: InitTrack; readonly read: ReadCodec; readonly codec: CodecParameters }[] =
      [];
    for (const track of readInit(bytes)) {
      const codec = track.codec === undefined ? undefined : unitCodec(track.codec);
      if (codec === undefined || track.codec === undefined) {
        if (isFirst) logger.warn(`skipping track ${track.id} (${track.entry}): codec not supported`);
      } else if (isWanted(isAudio(codec), wanted) && rows.length < MP4_TRACKS_MAX) {
        rows.push({ track, read: track.codec, codec });
      }
    }
    if (rows.length === 0) throw new SourceError("no supported tracks found");
    const codecs = rows.map(({ codec }) => codec);
    this.#tracks = isFirst ? this.#open(codecs) : this.#same(codecs);
    const setups = rows.map(({ track, read }, i) =>
      trackSetup(track, read, this.#tracks?.[i]?.units as UnitLog),
    );
    if (!this.#demuxer.setUp(setups)) throw new BudgetError("the media memory is used up");
  }

  #open(codecs: readonly CodecParameters[]): SourceTrack[] {
    const tracks: SourceTrack[] = [];
    for (const codec of codecs) {
      const { clockRate } = unitFormat(codec);
      if (clockRate > RATE_MAX) throw new SourceError(`a sample rate of ${clockRate} Hz`);
      const setup = { format: 0, clockRate, frameTicks: 0, reorderDepth: 0 };
      const units = UnitLog.open(this.#options.memory, setup);
      if (units === undefined) {
        for (const track of tracks) track.units.close();
        throw new BudgetError("the media memory is used up");
      }
      tracks.push({ parameters: codec, units });
    }
    return tracks;
  }

  /** The tracks as they are, when a new description fits them. */
  #same(codecs: readonly CodecParameters[]): readonly SourceTrack[] {
    const tracks = this.#tracks ?? [];
    const isSame =
      codecs.length === tracks.length &&
      tracks.every(({ parameters, units }, i) => {
        const now = codecs[i] as CodecParameters;
        return now.codec === parameters.codec && unitFormat(now).clockRate === units.clockRate;
      });
    if (!isSame) throw new SourceError("the tracks have changed");
    return tracks;
  }

  begin(discontinuity: number, position: number): void {
    const { samples, missing } = this.#demuxer;
    this.#before = { samples, missing };
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
    const missing = this.#demuxer.missing - this.#before.missing;
    if (missing === 0) return;
    if (this.#demuxer.samples === this.#before.samples) {
      throw new SourceError("invalid segment: its media are not behind their fragments");
    }
    this.#options.logger.warn(`${missing} samples of a segment are missing`);
  }

  close(): void {
    this.#demuxer.close();
    for (const { units } of this.#tracks ?? []) units.close();
  }
}

/** What readers are told; the first of several parameter sets. */
function unitCodec(codec: ReadCodec): CodecParameters {
  switch (codec.codec) {
    case "h264":
      return { codec: "h264", sps: codec.sps[0], pps: codec.pps[0] };
    case "h265":
      return { codec: "h265", vps: codec.vps[0], sps: codec.sps[0], pps: codec.pps[0] };
    default:
      return codec;
  }
}

function trackSetup(track: InitTrack, codec: ReadCodec, units: UnitLog): Mp4TrackSetup {
  const sets = codec.codec === "h264" ? [...codec.sps, ...codec.pps] : [];
  if (codec.codec === "h265") sets.push(...codec.vps, ...codec.sps, ...codec.pps);
  const { id, timescale, offset, duration, size, flags } = track;
  return {
    id,
    kind: KINDS[codec.codec],
    units,
    lengthSize: "lengthSize" in codec ? codec.lengthSize : 4,
    sets: new Uint8Array(Buffer.concat(sets.flatMap((set) => [sizeOf(set), set]))),
    timescale,
    offset,
    duration,
    size,
    flags,
  };
}

function sizeOf({ length }: Uint8Array): Uint8Array {
  return new Uint8Array([length >>> 24, length >> 16, length >> 8, length]);
}
