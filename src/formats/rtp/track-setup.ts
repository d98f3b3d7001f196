import { PARAM_PPS, PARAM_SPS, PARAM_VPS } from "../../../assembly/abi.ts";
import type { TrackSetup } from "../../../wasm/log.ts";
import type { ParameterSets } from "../../../wasm/track.ts";
import type { Format, StreamDescription, Track } from "../../media/track.ts";
import { rtpKind, rtpRow } from "./codecs.ts";
import { readFormat } from "./unit-formats.ts";

/** The setup of each track of a description for the core. */
export function trackSetups(description: StreamDescription): TrackSetup[] {
  return description.tracks.map((track) => ({
    kinds: new Map(track.formats.map((format) => [format.payloadType, rtpKind(format)])),
    clockRate: (track.formats[0] as Format).clockRate,
    paramsKnown: track.formats.reduce((bits, format) => bits | paramsKnown(format), 0),
  }));
}

/** The parameter sets in a description, as PARAM_* bits. */
function paramsKnown(format: Format): number {
  if (rtpRow(format.codec)?.sets === undefined) return 0;
  const { vps, sps, pps } = (readFormat(format) ?? {}) as Partial<ParameterSets>;
  return (vps ? PARAM_VPS : 0) | (sps ? PARAM_SPS : 0) | (pps ? PARAM_PPS : 0);
}

/**
 * The track with the parameter sets that came in band, so that a reader that joins later knows the ones in use (RFC
 * 6184 §8.1, RFC 7798 §7.1).
 */
export function withParameterSets(track: Track, sets: ParameterSets): Track {
  return { ...track, formats: track.formats.map((format) => withSets(format, sets)) };
}

/** All sets, or the format as it is. */
function withSets(format: Format, sets: ParameterSets): Format {
  const fmtp = new Map(format.fmtp);
  for (const [name, value] of Object.entries(rtpRow(format.codec)?.sets?.(sets) ?? {})) {
    if (value === undefined) return format;
    fmtp.set(name, value);
  }
  return { ...format, fmtp };
}
