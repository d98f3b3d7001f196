import { parseSequenceHeader } from "../../media/av1.ts";
import { parseH265Sps } from "../../media/h265.ts";
import type { Vp9Facts } from "../../media/vp9.ts";

/*
 * Names of codecs with their parameters in playlists and pages (RFC 6381). All throw ProtocolError where the parameters
 * are invalid.
 */

/** AV1 Codec ISO Media File Format Binding §5: all fields, as not every player knows the short form. */
export function av1Name(sequenceHeader: Uint8Array): string {
  const facts = parseSequenceHeader(sequenceHeader);
  const { profile, level, isHighTier, bitDepth, subsamplingX, subsamplingY, samplePosition } = facts;
  const chroma = `${subsamplingX}${subsamplingY}${subsamplingX + subsamplingY === 2 ? samplePosition : 0}`;
  return [
    "av01",
    profile,
    `${twoDigits(level)}${isHighTier ? "H" : "M"}`,
    twoDigits(bitDepth),
    Number(facts.isMonochrome),
    chroma,
    ...[facts.primaries, facts.transfer, facts.matrix].map(twoDigits),
    Number(facts.isFullRange),
  ].join(".");
}

/** VP Codec ISO Media File Format Binding, "Codecs Parameter String". */
export function vp9Name({ profile, bitDepth }: Vp9Facts): string {
  return `vp09.${twoDigits(profile)}.10.${twoDigits(bitDepth)}`;
}

/** ISO/IEC 14496-15 §E.3: profile, compatibility with its bits reversed, tier and level, constraints. */
export function h265Name(sps: Uint8Array): string {
  const { profile, compatibility, constraints, level } = parseH265Sps(sps);
  const space = ["", "A", "B", "C"][profile >> 6] as string;
  const tier = (profile & 0x20) === 0 ? "L" : "H";
  let reversed = 0;
  for (let i = 0; i < 32; i++) reversed = ((reversed << 1) | ((compatibility >>> i) & 1)) >>> 0;
  const bytes = [...constraints];
  while (bytes.at(-1) === 0) bytes.pop();
  const flags = bytes.map((byte) => byte.toString(16).toUpperCase());
  return [
    "hvc1",
    `${space}${profile & 31}`,
    reversed.toString(16).toUpperCase(),
    `${tier}${level}`,
    ...flags,
  ].join(".");
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}
