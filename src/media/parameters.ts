import { attempt } from "../lib/errors.ts";
import type { CodecParameters, InBand, KnownParameters } from "./codec-parameters.ts";
import { CODECS, type CodecRow } from "./codecs.ts";
import type { PictureFacts } from "./picture.ts";

/** The parameters of a track with what its media have said since; what makes no sense changes nothing. */
export function withInBand(parameters: CodecParameters, inBand: InBand): CodecParameters {
  const row: CodecRow = CODECS[parameters.codec];
  return attempt(() => row.renew?.(parameters, inBand)) ?? parameters;
}

/** The same parameters when a decoder can begin with them; undefined while something is missing or makes no sense. */
export function asKnown(parameters: CodecParameters): KnownParameters | undefined {
  const row: CodecRow = CODECS[parameters.codec];
  const isKnown = attempt(() => {
    if (row.isComplete?.(parameters) === false) return false;
    return row.picture === undefined || row.picture(parameters) !== undefined;
  });
  return isKnown === true ? (parameters as KnownParameters) : undefined;
}

/** What parameters say of the picture; undefined where they do not, or make no sense. */
export function pictureOf(parameters: CodecParameters): PictureFacts | undefined {
  const row: CodecRow = CODECS[parameters.codec];
  return attempt(() => row.picture?.(parameters));
}

/** The parameter sets that are known, in the order in which they stand in front of a random access point. */
export function setsOf(parameters: CodecParameters): readonly Uint8Array[] {
  const row: CodecRow = CODECS[parameters.codec];
  return (row.sets?.(parameters) ?? []).filter((set) => set !== undefined);
}
