import type { KnownParameters } from "../../media/codec-parameters.ts";
import { CODECS } from "../../media/codecs.ts";
import { pictureOf } from "../../media/parameters.ts";
import { flvRow, fourCcNumber } from "./codecs.ts";

/** What `onMetaData` says about the tracks of a stream (Enhanced RTMP v2, "Enhancing onMetaData"). */
export function flvMetadata(tracks: readonly KnownParameters[]): Readonly<Record<string, number>> {
  const values: Record<string, number> = {};
  for (const parameters of tracks) {
    const { kind } = CODECS[parameters.codec];
    if (kind === "application" || `${kind}codecid` in values) continue;
    const row = flvRow(parameters.codec);
    values[`${kind}codecid`] = row?.legacy?.[0] ?? fourCcNumber(row?.fourCc ?? "");
    const { width, height, frameRate } = pictureOf(parameters) ?? {};
    if (width !== undefined) Object.assign(values, { width, height });
    if (frameRate !== undefined) values["framerate"] = frameRate;
  }
  return values;
}
