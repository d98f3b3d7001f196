import type { UnitLog } from "../../../wasm/units.ts";
import { SourceError } from "../../lib/errors.ts";
import type { CodecParameters } from "../../media/codec-parameters.ts";
import { CODECS } from "../../media/codecs.ts";

/** A track of a source. */
export interface SourceTrack {
  readonly parameters: CodecParameters;
  readonly units: UnitLog;
  /** Tracks with the same value have a common clock. */
  readonly clock?: object;
}

/** Nothing in the segments can be read. */
export class NoTracksError extends SourceError {
  constructor() {
    super("no supported tracks found");
  }
}

/** Which tracks of a container are wanted. */
export type WantedTracks = "all" | "audio" | "other than audio";

/** Demuxes the segments of one rendition into units. */
export interface Container {
  /** Undefined until they are known. */
  readonly tracks: readonly SourceTrack[] | undefined;
  /**
   * Starts a segment.
   *
   * @param discontinuity number of its time line
   * @param position place of its first byte in its file
   */
  begin(discontinuity: number, position: number): void;
  /** @throws {SourceError} if the bytes are invalid */
  push(chunk: Uint8Array): void;
  /** @throws {SourceError} if nothing can be made of the segment */
  end(): void;
  /** Releases everything, including the units. */
  close(): void;
}

export function isWanted(isAudio: boolean, wanted: WantedTracks): boolean {
  return wanted === "all" || isAudio === (wanted === "audio");
}

export function isAudio({ codec }: CodecParameters): boolean {
  return CODECS[codec].kind === "audio";
}
