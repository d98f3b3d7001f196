import type { TrackState } from "../../../wasm/track.ts";
import { attempt } from "../../lib/errors.ts";
import type { CodecId } from "../../media/codec-parameters.ts";
import { pictureOf, withInBand } from "../../media/parameters.ts";
import type { Format } from "../../media/track.ts";
import { rtpRow } from "./codecs.ts";
import type { PictureSize } from "./payload-sizes.ts";
import { readFormat } from "./unit-formats.ts";

/** Size of the pictures of a track; undefined while it is not known, or where its codec does not say. */
export function pictureSizeOf(format: Format, track: TrackState): PictureSize | undefined {
  if (rtpRow(format.codec)?.size !== undefined)
    return payloadPictureSize(format.codec, track.randomAccessHead);
  const parameters = readFormat(format);
  return parameters && pictureOf(withInBand(parameters, { sets: track.parameterSets }));
}

/**
 * What the RTP payload that begins a random access point says of the size of its picture.
 *
 * @param payload its first bytes at least
 * @returns undefined when it says nothing, or is cut or broken
 */
export function payloadPictureSize(codec: CodecId, payload: Uint8Array): PictureSize | undefined {
  const size = attempt(() => rtpRow(codec)?.size?.(payload));
  return size !== undefined && size.width > 0 && size.height > 0 ? size : undefined;
}
