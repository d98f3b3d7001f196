import type { TrackState } from "../../../wasm/track.ts";
import { attempt } from "../../lib/errors.ts";
import type { CodecId } from "../../media/codec-parameters.ts";
import { pictureOf, withInBand } from "../../media/parameters.ts";
import type { Format } from "../../media/track.ts";
import { rtpRow } from "./codecs.ts";
import type { PictureSize } from "./payload-sizes.ts";
import { readFormat } from "./unit-formats.ts";

/** Picture size of a track; undefined while unknown, and for codecs that do not carry it. */
export function pictureSizeOf(format: Format, track: TrackState): PictureSize | undefined {
  if (rtpRow(format.codec)?.size !== undefined)
    return payloadPictureSize(format.codec, track.randomAccessHead);
  const parameters = readFormat(format);
  return parameters && pictureOf(withInBand(parameters, { sets: track.parameterSets }));
}

/**
 * Reads the picture size from the first RTP payload of a random access point.
 *
 * @param payload its first bytes at least
 * @returns undefined if there is none, or the payload is truncated or invalid
 */
export function payloadPictureSize(codec: CodecId, payload: Uint8Array): PictureSize | undefined {
  const size = attempt(() => rtpRow(codec)?.size?.(payload));
  return size !== undefined && size.width > 0 && size.height > 0 ? size : undefined;
}
