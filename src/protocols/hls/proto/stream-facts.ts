import { codecName } from "../../../formats/fmp4/codecs.ts";
import type { KnownParameters } from "../../../media/codec-parameters.ts";
import { CODECS } from "../../../media/codecs.ts";
import { pictureOf } from "../../../media/parameters.ts";
import type { StreamFacts } from "./playlist.ts";

/** The stream attributes of these tracks for a multivariant playlist. */
export function factsOf(tracks: readonly KnownParameters[]): StreamFacts {
  const video = tracks.find(({ codec }) => CODECS[codec].kind === "video");
  const picture = video && pictureOf(video);
  return {
    codecs: tracks.map(codecName),
    ...(picture !== undefined && { width: picture.width, height: picture.height }),
    ...(picture?.frameRate !== undefined && { frameRate: picture.frameRate }),
  };
}
