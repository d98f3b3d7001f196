import type { InBand, KnownParameters } from "../media/codec-parameters.ts";
import { CODECS } from "../media/codecs.ts";
import type { Stream } from "../stream/stream.ts";
import type { MuxerOwner } from "./muxer-options.ts";
import type { MuxerTrack } from "./muxer-track.ts";
import { describeTrack } from "./track-choice.ts";

/** Bytes of a random access point that are parsed. */
const HEAD_BYTES = 4_096;

/** Follows the parameters of the tracks of a muxer. */
export class TrackDescriber {
  readonly #stream: Stream;
  readonly #tracks: readonly MuxerTrack[];
  readonly #owner: Pick<MuxerOwner, "clock" | "logger">;
  /** The tracks with their parameters; empty before all are known. */
  described: readonly KnownParameters[] = [];
  #version = -1;
  /** Whether the leading track has sent units, and random access points. */
  #hasUnits = false;
  #hasStarts = false;
  /** When the log says why there is no playlist yet, monotonic ms. */
  #blindTime: number;

  /** @param patience time without a first part after which the log says why, ms */
  constructor(
    stream: Stream,
    tracks: readonly MuxerTrack[],
    owner: Pick<MuxerOwner, "clock" | "logger">,
    patience: number,
  ) {
    this.#stream = stream;
    this.#tracks = tracks;
    this.#owner = owner;
    this.#blindTime = owner.clock.now() + patience;
  }

  /** Reads the parameters at the unit found last; true when all are known and some have changed. */
  look(): boolean {
    const { log } = this.#stream;
    const version = this.#tracks.reduce((sum, { index }) => sum + (log.tracks[index]?.paramsVersion ?? 0), 0);
    const mayDiffer = this.#tracks.some(({ format }) => CODECS[format.codec].isInKeyFrames);
    if (version === this.#version && !mayDiffer) return false;
    this.#version = version;
    const described = this.#tracks.map((track) => describeTrack(track, inBandOf(this.#stream, track)));
    if (!described.every((track) => track !== undefined)) return false;
    if (sameTracks(described, this.described)) return false;
    this.described = described;
    return true;
  }

  /** Notes a unit of the leading track that nothing can begin with. */
  noteUnusable(isRandomAccess: boolean): void {
    this.#hasUnits = true;
    this.#hasStarts ||= isRandomAccess;
  }

  /** Logs once why there is no playlist, after some time without a first part. */
  noteMissing(): void {
    const { clock, logger } = this.#owner;
    if (clock.now() < this.#blindTime) return;
    this.#blindTime = Number.POSITIVE_INFINITY;
    logger.warn(`no playlist yet: ${this.#missing()}`);
  }

  #missing(): string {
    if (this.#hasStarts) return "the stream has not sent codec parameters";
    if (this.#hasUnits) return "the stream has not sent a key frame";
    const { index, format, units, isVideo } = this.#tracks[0] as MuxerTrack;
    const name = `track ${index + 1} (${CODECS[format.codec].label})`;
    if (units.malformed > 0) return `the packets of ${name} are malformed`;
    if (units.dropped > 0) return `the frames of ${name} are incomplete`;
    return `the stream has not sent ${isVideo ? "a picture" : "audio"} on ${name}`;
  }
}

/** In-band parameters of a track up to the current unit. */
function inBandOf({ log }: Stream, { index, isVideo, units }: MuxerTrack): InBand {
  const sets = log.tracks[index]?.parameterSets;
  return {
    ...(sets && { sets }),
    ...(isVideo ? { head: units.head(HEAD_BYTES) } : { config: units.audioConfig }),
  };
}

/** Whether tracks have the same parameters. */
function sameTracks(a: readonly KnownParameters[], b: readonly KnownParameters[]): boolean {
  return JSON.stringify(a.map(plain)) === JSON.stringify(b.map(plain));
}

function plain(track: KnownParameters): unknown {
  return Object.fromEntries(
    Object.entries(track).map(([key, value]) => [key, value instanceof Uint8Array ? [...value] : value]),
  );
}
