import { CODECS } from "../media/codecs.ts";
import type { Format, StreamDescription } from "../media/track.ts";

const TITLE = "Stream";

/** The description of a stream that is made of units: a track for each format. */
export function describeUnits(formats: readonly Format[]): StreamDescription {
  const tracks = formats.map((format) => ({
    media: CODECS[format.codec].kind,
    mid: undefined,
    formats: [format],
  }));
  return { title: TITLE, tracks, fecGroups: [] };
}
