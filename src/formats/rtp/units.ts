import {
  UNITS_AC3,
  UNITS_AV1,
  UNITS_FRAMES,
  UNITS_GENERIC,
  UNITS_H264,
  UNITS_H265,
  UNITS_LATM,
  UNITS_MPEG4_VIDEO,
  UNITS_MPEG12_AUDIO,
  UNITS_MPEG12_VIDEO,
  UNITS_SAMPLES,
  UNITS_VP8,
  UNITS_VP9,
} from "../../../assembly/abi.ts";
import type { ParameterSets } from "../../../wasm/track.ts";
import type { UnitSetup } from "../../../wasm/units.ts";
import { ProtocolError } from "../../lib/errors.ts";
import type { CodecId } from "../../media/codecs.ts";
import { parseH264Sps } from "../../media/h264.ts";
import { parseH265Sps } from "../../media/h265.ts";
import { parseAudioConfig } from "../../media/mpeg4-audio.ts";
import { audioConfigOf, latmOf, parameterSetsOf } from "../../media/parameters.ts";
import type { PictureFacts } from "../../media/picture.ts";
import type { Format } from "../../media/track.ts";
import { STATIC_PAYLOADS } from "./payloads.ts";

/** Frames a second where nobody says. */
const USUAL_FRAME_RATE = 30;
const OPUS_FRAME_MS = 20;
/** Channels of samples at most. */
const CHANNELS_MAX = 64;

/** Codecs whose RTP payloads become units: the core's format, and what a track's parameters say. */
const UNITS: Readonly<
  Partial<Record<CodecId, (format: Format, sets: ParameterSets) => UnitSetup | undefined>>
> = {
  h264: (format, sets) => videoSetup(UNITS_H264, format, pictureOf(format, sets)),
  h265: (format, sets) => videoSetup(UNITS_H265, format, pictureOf(format, sets)),
  av1: (format) => videoSetup(UNITS_AV1, format, undefined),
  vp9: (format) => videoSetup(UNITS_VP9, format, undefined),
  vp8: (format) => videoSetup(UNITS_VP8, format, undefined),
  opus: ({ clockRate }) => ({
    format: UNITS_FRAMES,
    clockRate,
    frameTicks: (clockRate * OPUS_FRAME_MS) / 1000,
    reorderDepth: 0,
  }),
  mpeg4Audio: genericSetup,
  mpeg4AudioLatm: latmSetup,
  // of B pictures one reference at most comes before and is shown after
  mpeg12Video: (format) => ({ ...videoSetup(UNITS_MPEG12_VIDEO, format, undefined), reorderDepth: 1 }),
  mpeg4Video: (format) => ({ ...videoSetup(UNITS_MPEG4_VIDEO, format, undefined), reorderDepth: 1 }),
  mpeg12Audio: (format) => frameSetup(UNITS_MPEG12_AUDIO, format, 1152 / 44_100),
  ac3: (format) => frameSetup(UNITS_AC3, format, 1536 / format.clockRate),
  g711: (format) => sampleSetup(format, 8),
  g722: (format) => sampleSetup(format, 8),
  lpcm: (format) => sampleSetup(format, Number(/^L(8|16|24)/i.exec(rtpmapOf(format))?.[1] ?? 0)),
};

/** What stands for the rtpmap of a format that has none. */
function rtpmapOf({ rtpmap, payloadType }: Format): string {
  return rtpmap ?? STATIC_PAYLOADS.get(payloadType)?.rtpmap ?? "";
}

/** @param seconds of a frame, as far as it is known before the first one */
function frameSetup(format: number, { clockRate }: Format, seconds: number): UnitSetup {
  return { format, clockRate, frameTicks: Math.round(clockRate * seconds), reorderDepth: 0 };
}

/** @param bits of one tick of one channel */
function sampleSetup(format: Format, bits: number): UnitSetup | undefined {
  const channels = Number(rtpmapOf(format).split("/")[2] ?? 1);
  if (bits === 0 || !(channels >= 1 && channels <= CHANNELS_MAX)) return undefined;
  const { clockRate } = format;
  return {
    format: UNITS_SAMPLES,
    clockRate,
    frameTicks: 1,
    reorderDepth: 0,
    sampleBytes: (Math.floor(channels) * bits) / 8,
  };
}

/**
 * How the payloads of a format become units.
 *
 * @param sets parameter sets that came in band
 * @returns undefined where that is not possible
 */
export function unitSetup(format: Format, sets: ParameterSets): UnitSetup | undefined {
  return UNITS[format.codec]?.(format, sets);
}

/** What the parameter sets of H264 and H265 say of the picture; undefined when they are missing or broken. */
export function pictureOf(format: Format, inBand: ParameterSets): PictureFacts | undefined {
  const { sps } = parameterSetsOf(format, inBand);
  if (sps === undefined) return undefined;
  try {
    return format.codec === "h265" ? parseH265Sps(sps) : parseH264Sps(sps);
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

function videoSetup(format: number, { clockRate }: Format, picture: PictureFacts | undefined): UnitSetup {
  const { frameRate = USUAL_FRAME_RATE, reorderDepth = 0 } = picture ?? {};
  return { format, clockRate, frameTicks: clockRate / frameRate, reorderDepth };
}

/** RFC 6416 §7.3: without `cpresent=0` the configuration may come in band. */
function latmSetup(format: Format): UnitSetup | undefined {
  const { clockRate, fmtp } = format;
  const isInBand = fmtp.get("cpresent") !== "0";
  try {
    const facts = latmOf(format);
    if (facts === undefined && !isInBand) return undefined;
    const { config, subFrames = 0, frameBytes = 0 } = facts ?? {};
    const audio = config === undefined ? undefined : parseAudioConfig(config);
    const { frameSamples, sampleRate } = audio ?? { frameSamples: 1024, sampleRate: clockRate };
    return {
      format: UNITS_LATM,
      clockRate,
      frameTicks: Math.round((frameSamples * clockRate) / sampleRate),
      reorderDepth: 0,
      latm: { subFrames, frameBytes, isInBand },
    };
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

/** RFC 3640 §4.1: what is left out is 0; a frame of HE-AAC has twice the ticks where the clock is that of its output. */
function genericSetup(format: Format): UnitSetup | undefined {
  const { fmtp, clockRate } = format;
  const config = audioConfigOf(format);
  if (config === undefined) return undefined;
  const bits = (name: string) => {
    const value = Number(fmtp.get(name) ?? 0);
    return Number.isInteger(value) && value >= 0 && value <= 32 ? value : 0;
  };
  try {
    const { frameSamples, sampleRate } = parseAudioConfig(config);
    return {
      format: UNITS_GENERIC,
      clockRate,
      frameTicks: Math.round((frameSamples * clockRate) / sampleRate),
      reorderDepth: 0,
      sizeBits: bits("sizelength"),
      indexBits: bits("indexlength"),
      deltaBits: bits("indexdeltalength"),
    };
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}
