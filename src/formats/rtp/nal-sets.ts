import type { ParametersOf } from "../../media/codec-parameters.ts";
import type { Format } from "../../media/track.ts";
import { type Fmtp, readBase64, writeBase64, writeHex } from "./fmtp.ts";

type Sets<Id extends "h264" | "h265"> = Omit<ParametersOf<Id>, "codec">;

/** The first SPS and PPS of `sprop-parameter-sets` (RFC 6184 §8.1). */
export function readH264({ fmtp }: Format): ParametersOf<"h264"> {
  const sets = (fmtp.get("sprop-parameter-sets") ?? "").split(",").map(readBase64);
  const find = (type: number) => sets.find((set) => set !== undefined && ((set[0] as number) & 31) === type);
  return { codec: "h264", sps: find(7), pps: find(8) };
}

/** `sprop-parameter-sets` (RFC 6184 §8.1); nothing while one of the sets is missing. */
export function h264Sets({ sps, pps }: Sets<"h264">): Fmtp {
  const isKnown = sps !== undefined && pps !== undefined && sps.length >= 4;
  return {
    "sprop-parameter-sets": isKnown ? `${writeBase64(sps)},${writeBase64(pps)}` : undefined,
    "profile-level-id": isKnown ? writeHex(sps.subarray(1, 4))?.toUpperCase() : undefined,
  };
}

/** The first set of each kind (RFC 7798 §7.1). */
export function readH265({ fmtp }: Format): ParametersOf<"h265"> {
  const read = (name: string) => readBase64(fmtp.get(`sprop-${name}`)?.split(",")[0]);
  return { codec: "h265", vps: read("vps"), sps: read("sps"), pps: read("pps") };
}

/** `sprop-vps`, `sprop-sps` and `sprop-pps` (RFC 7798 §7.1), as far as known. */
export function h265Sets({ vps, sps, pps }: Sets<"h265">): Fmtp {
  return { "sprop-vps": writeBase64(vps), "sprop-sps": writeBase64(sps), "sprop-pps": writeBase64(pps) };
}
