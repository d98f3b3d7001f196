import { assert } from "../../lib/assert.ts";
import { attempt } from "../../lib/errors.ts";
import type { CodecParameters } from "../../media/codec-parameters.ts";
import type { Format } from "../../media/track.ts";
import { rtpRow } from "./codecs.ts";
import { staticPayloadType } from "./rtpmap.ts";

/** First payload type without a fixed meaning (RFC 3551 §3). */
const DYNAMIC = 96;

/** The codec parameters of a format; undefined if they are not supported. */
export function readFormat(format: Format): CodecParameters | undefined {
  return attempt(() => rtpRow(format.codec)?.read?.(format));
}

/**
 * The format of a track whose units are packetized.
 *
 * @param index of the track in its stream: makes dynamic payload types distinct
 * @throws {ProtocolError} if the parameters are invalid
 */
export function unitFormat(parameters: CodecParameters, index = 0): Format {
  const { codec } = parameters;
  const text = rtpRow(codec)?.write?.(parameters);
  assert(text !== undefined, `RTP does not carry units of ${codec}`);
  const { rtpmap, fmtp = {} } = text;
  return {
    codec,
    payloadType: staticPayloadType(rtpmap) ?? DYNAMIC + index,
    clockRate: Number(rtpmap.split("/")[1]),
    rtpmap,
    fmtp: new Map(Object.entries(fmtp).filter((entry): entry is [string, string] => entry[1] !== undefined)),
  };
}
