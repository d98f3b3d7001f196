import { attempt } from "../lib/errors.ts";
import type { CodecParameters, InBand, KnownParameters } from "./codec-parameters.ts";
import { CODECS, type CodecRow } from "./codecs.ts";
import type { PictureFacts } from "./picture.ts";

/** Merges in-band parameters into those of a track; invalid ones are ignored. */
export function withInBand(parameters: CodecParameters, inBand: InBand): CodecParameters {
  const row: CodecRow = CODECS[parameters.codec];
  return attempt(() => row.renew?.(parameters, inBand)) ?? parameters;
}

/** The same parameters if a decoder can start with them; undefined while they are incomplete or invalid. */
export function asKnown(parameters: CodecParameters): KnownParameters | undefined {
  const row: CodecRow = CODECS[parameters.codec];
  const isKnown = attempt(() => {
    if (row.isComplete?.(parameters) === false) return false;
    return row.picture === undefined || row.picture(parameters) !== undefined;
  });
  return isKnown === true ? (parameters as KnownParameters) : undefined;
}

/** The picture format in the parameters; undefined when absent or invalid. */
export function pictureOf(parameters: CodecParameters): PictureFacts | undefined {
  const row: CodecRow = CODECS[parameters.codec];
  return attempt(() => row.picture?.(parameters));
}

/** The known parameter sets, in the order in which they precede a random access point. */
export function setsOf(parameters: CodecParameters): readonly Uint8Array[] {
  const row: CodecRow = CODECS[parameters.codec];
  return (row.sets?.(parameters) ?? []).filter((set) => set !== undefined);
}
