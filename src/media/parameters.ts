import type { ParameterSets } from "../../wasm/track.ts";
import { type LatmFacts, parseStreamMuxConfig } from "./latm.ts";
import type { Format } from "./track.ts";

/** Parameter sets of a video format, those in band before those of the description. */
export function parameterSetsOf(format: Format, inBand: ParameterSets): ParameterSets {
  const { fmtp, codec } = format;
  if (inBand.sps !== undefined && inBand.pps !== undefined) return inBand;
  if (codec === "h265") {
    const read = (name: string) => decode(fmtp.get(`sprop-${name}`)?.split(",")[0]);
    return { vps: read("vps"), sps: read("sps"), pps: read("pps") };
  }
  const sets = (fmtp.get("sprop-parameter-sets") ?? "").split(",").map(decode);
  const find = (type: number) => sets.find((set) => set !== undefined && ((set[0] as number) & 31) === type);
  return { vps: undefined, sps: find(7), pps: find(8) };
}

function decode(text: string | undefined): Uint8Array | undefined {
  const bytes = text === undefined ? undefined : Buffer.from(text, "base64");
  return bytes === undefined || bytes.length === 0 ? undefined : bytes;
}

/**
 * The AudioSpecificConfig of a format (RFC 3640 §4.1, RFC 6416 §7.3); undefined when the description has none.
 *
 * @throws {ProtocolError} if there is a StreamMuxConfig around it which is not understood
 */
export function audioConfigOf(format: Format): Uint8Array | undefined {
  if (format.codec === "mpeg4AudioLatm") return latmOf(format)?.config;
  return hexOf(format);
}

/**
 * What the StreamMuxConfig of a description says; undefined when it has none.
 *
 * @throws {ProtocolError} if it is not understood
 */
export function latmOf(format: Format): LatmFacts | undefined {
  const config = hexOf(format);
  return config === undefined ? undefined : parseStreamMuxConfig(config);
}

function hexOf({ fmtp }: Format): Uint8Array | undefined {
  const config = fmtp.get("config") ?? "";
  return /^([0-9a-f]{2})+$/i.test(config) ? Buffer.from(config, "hex") : undefined;
}
