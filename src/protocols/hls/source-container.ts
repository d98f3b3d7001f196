import type { UnitLog } from "../../../wasm/units.ts";
import type { CodecParameters } from "../../media/codec-parameters.ts";
import { CODECS } from "../../media/codecs.ts";

/** A track that a source brings. */
export interface SourceTrack {
  readonly parameters: CodecParameters;
  readonly units: UnitLog;
}

/** Which tracks of a container are wanted. */
export type Wanted = "all" | "audio" | "other than audio";

/** Makes units of the segments of one rendition. */
export interface Container {
  /** Undefined as long as they are not known. */
  readonly tracks: readonly SourceTrack[] | undefined;
  /**
   * Begins with a segment.
   *
   * @param discontinuity number of its time line
   * @param position place of its first byte in its file
   */
  begin(discontinuity: number, position: number): void;
  /** @throws {SourceError} if the bytes make no sense */
  push(chunk: Uint8Array): void;
  /** @throws {SourceError} if nothing can be made of the segment */
  end(): void;
  /** Gives everything back, the units too. */
  close(): void;
}

export function isWanted(isAudio: boolean, wanted: Wanted): boolean {
  return wanted === "all" || isAudio === (wanted === "audio");
}

export function isAudio({ codec }: CodecParameters): boolean {
  return CODECS[codec].kind === "audio";
}
