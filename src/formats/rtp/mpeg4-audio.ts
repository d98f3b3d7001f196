import { KIND_AAC, KIND_PACKET, UNITS_GENERIC, UNITS_LATM } from "../../../assembly/abi.ts";
import type { UnitSetup } from "../../../wasm/units.ts";
import { ProtocolError } from "../../lib/errors.ts";
import type { ParametersOf } from "../../media/codec-parameters.ts";
import { type LatmFacts, parseStreamMuxConfig } from "../../media/latm.ts";
import { parseAudioConfig } from "../../media/mpeg4-audio.ts";
import type { Format } from "../../media/track.ts";
import { type FormatText, readHex, writeHex } from "./fmtp.ts";
import { encodingOf } from "./rtpmap.ts";

type Mpeg4Audio = ParametersOf<"mpeg4Audio">;

/** RFC 3640 carries any MPEG-4 stream; only its two AAC modes are MPEG-4 Audio. Some cameras write `AAC_hbr`. */
export function isMpeg4Audio(encoding: string, fmtp: ReadonlyMap<string, string>): boolean {
  return encoding !== "mpeg4-generic" || /^(aac[-_ ]?[hl]br)?$/i.test(fmtp.get("mode") ?? "");
}

/**
 * Reads AU headers (RFC 3640 §4.1) or LATM (RFC 6416 §7.3).
 *
 * @throws {ProtocolError} if there is a StreamMuxConfig which is not understood
 */
export function readMpeg4Audio(format: Format): Mpeg4Audio {
  const config = isLatm(format) ? latmOf(format)?.config : readHex(format.fmtp.get("config"));
  return { codec: "mpeg4Audio", config };
}

/**
 * RFC 3640 §4.1, mode AAC-hbr.
 *
 * @throws {ProtocolError} if there is no configuration, or it is invalid
 */
export function writeMpeg4Audio({ config }: Mpeg4Audio): FormatText {
  if (config === undefined) throw new ProtocolError("MPEG-4 Audio without a configuration");
  const { sampleRate, channels } = parseAudioConfig(config);
  return {
    rtpmap: `mpeg4-generic/${sampleRate}/${channels === 0 ? 2 : channels}`,
    fmtp: {
      streamtype: "5",
      "profile-level-id": "1",
      mode: "AAC-hbr",
      sizelength: "13",
      indexlength: "3",
      indexdeltalength: "3",
      config: writeHex(config),
    },
  };
}

/** Fragments of the usual AU headers may need a size that readers understand; everything else is passed on. */
export function mpeg4AudioKind(format: Format): number {
  const bits = ["sizelength", "indexlength", "indexdeltalength"].map((name) => format.fmtp.get(name));
  return !isLatm(format) && bits.join() === "13,3,3" ? KIND_AAC : KIND_PACKET;
}

/** @throws {ProtocolError} if the configuration is invalid */
export function mpeg4AudioUnits(format: Format, parameters: Mpeg4Audio): UnitSetup | undefined {
  return isLatm(format) ? latmUnits(format) : genericUnits(format, parameters);
}

/** Sizes of the fields of AU headers in a mode that fixes them (RFC 3640 §3.3.5, §3.3.6). */
const MODE_BITS: readonly [mode: RegExp, Readonly<Record<string, number>>][] = [
  [/hbr$/i, { sizelength: 13, indexlength: 3, indexdeltalength: 3 }],
  [/lbr$/i, { sizelength: 6, indexlength: 2, indexdeltalength: 2 }],
];

/** RFC 3640 §4.1: omitted parameters are those of the mode, or 0; an HE-AAC frame has twice the ticks if the clock is the output rate. */
function genericUnits({ fmtp, clockRate }: Format, { config }: Mpeg4Audio): UnitSetup | undefined {
  if (config === undefined) return undefined;
  const fixed = MODE_BITS.find(([mode]) => mode.test(fmtp.get("mode") ?? ""))?.[1];
  const bits = (name: string) => {
    const value = Number(fmtp.get(name) ?? fixed?.[name] ?? 0);
    return Number.isInteger(value) && value >= 0 && value <= 32 ? value : 0;
  };
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
}

/** RFC 6416 §7.3: without `cpresent=0` the configuration may come in band. */
function latmUnits(format: Format): UnitSetup | undefined {
  const { clockRate, fmtp } = format;
  const isInBand = fmtp.get("cpresent") !== "0";
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
}

function isLatm(format: Format): boolean {
  return encodingOf(format) === "mp4a-latm";
}

/** The StreamMuxConfig of a description; undefined when it has none. */
function latmOf({ fmtp }: Format): LatmFacts | undefined {
  const config = readHex(fmtp.get("config"));
  return config === undefined ? undefined : parseStreamMuxConfig(config);
}
