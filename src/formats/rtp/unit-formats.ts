import { parseAudioConfig } from "../../media/mpeg4-audio.ts";
import type { Format } from "../../media/track.ts";
import { STATIC_PAYLOADS } from "./payloads.ts";

/** What a source of units knows of the codec of a track. */
export type UnitCodec =
  | { readonly codec: "h264"; readonly sps?: Uint8Array | undefined; readonly pps?: Uint8Array | undefined }
  | {
      readonly codec: "h265";
      readonly vps?: Uint8Array | undefined;
      readonly sps?: Uint8Array | undefined;
      readonly pps?: Uint8Array | undefined;
    }
  | { readonly codec: "av1" | "vp8" | "vp9" | "mpeg12Video" | "mpeg12Audio" | "g722" }
  /** `config`: AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1). */
  | { readonly codec: "mpeg4Audio"; readonly config: Uint8Array }
  | { readonly codec: "opus"; readonly channels: number }
  | { readonly codec: "ac3"; readonly sampleRate: number; readonly channels: number }
  /** `config`: the headers in front of the first picture (ISO/IEC 14496-2 §6.2.1). */
  | { readonly codec: "mpeg4Video"; readonly config?: Uint8Array | undefined }
  | {
      readonly codec: "g711";
      readonly law: "mu" | "a";
      readonly sampleRate: number;
      readonly channels: number;
    }
  /** `bits`: 8, 16 or 24. */
  | { readonly codec: "lpcm"; readonly bits: number; readonly sampleRate: number; readonly channels: number };

/** Value of `a=rtpmap` behind the payload type, and the parameters of `a=fmtp`. */
interface Said {
  readonly rtpmap: string;
  readonly fmtp?: Readonly<Record<string, string | undefined>>;
}

type Rows = {
  readonly [Codec in UnitCodec["codec"]]: (codec: Extract<UnitCodec, { codec: Codec }>) => Said;
};

/** How each codec is described to readers of RTP. */
const ROWS: Rows = {
  h264: describeH264,
  h265: ({ vps, sps, pps }) => ({
    rtpmap: "H265/90000",
    fmtp: { "sprop-vps": base64(vps), "sprop-sps": base64(sps), "sprop-pps": base64(pps) },
  }),
  av1: () => ({ rtpmap: "AV1/90000" }),
  vp8: () => ({ rtpmap: "VP8/90000" }),
  vp9: () => ({ rtpmap: "VP9/90000" }),
  mpeg12Video: () => ({ rtpmap: "MPV/90000" }),
  mpeg4Video: ({ config }) => ({
    rtpmap: "MP4V-ES/90000",
    fmtp: { "profile-level-id": "1", config: hex(config) },
  }),
  mpeg4Audio: describeMpeg4Audio,
  mpeg12Audio: () => ({ rtpmap: "MPA/90000" }),
  ac3: ({ sampleRate, channels }) => ({ rtpmap: `AC3/${sampleRate}/${channels}` }),
  // RFC 7587 §7: always two channels; a parameter says what they are worth
  opus: ({ channels }) => ({
    rtpmap: "opus/48000/2",
    fmtp: { "sprop-stereo": channels === 1 ? "0" : "1" },
  }),
  g711: ({ law, sampleRate, channels }) => ({
    rtpmap: `${law === "mu" ? "PCMU" : "PCMA"}/${sampleRate}${suffix(channels)}`,
  }),
  g722: () => ({ rtpmap: "G722/8000" }),
  lpcm: ({ bits, sampleRate, channels }) => ({ rtpmap: `L${bits}/${sampleRate}${suffix(channels)}` }),
};

/** First payload type without a fixed meaning (RFC 3551 §3). */
const DYNAMIC = 96;

/**
 * The format of a track whose units are packetized.
 *
 * @param index of the track in its stream: tells dynamic payload types apart
 * @throws {ProtocolError} if an AudioSpecificConfig is none
 */
export function unitFormat(codec: UnitCodec, index = 0): Format {
  const row = ROWS[codec.codec] as (codec: UnitCodec) => Said;
  const { rtpmap, fmtp = {} } = row(codec);
  return {
    codec: codec.codec,
    payloadType: staticType(rtpmap) ?? DYNAMIC + index,
    clockRate: Number(rtpmap.split("/")[1]),
    rtpmap,
    fmtp: new Map(Object.entries(fmtp).filter((entry): entry is [string, string] => entry[1] !== undefined)),
  };
}

/** The payload type that RFC 3551 fixes for what an rtpmap says. */
function staticType(rtpmap: string): number | undefined {
  for (const [payloadType, row] of STATIC_PAYLOADS) if (row.rtpmap === rtpmap) return payloadType;
  return undefined;
}

function suffix(channels: number): string {
  return channels === 1 ? "" : `/${channels}`;
}

/** RFC 6184 §8.1. */
function describeH264({ sps, pps }: Extract<UnitCodec, { codec: "h264" }>): Said {
  const isKnown = sps !== undefined && pps !== undefined && sps.length >= 4;
  return {
    rtpmap: "H264/90000",
    fmtp: {
      "packetization-mode": "1",
      "sprop-parameter-sets": isKnown ? `${base64(sps)},${base64(pps)}` : undefined,
      "profile-level-id": isKnown ? hex(sps.subarray(1, 4))?.toUpperCase() : undefined,
    },
  };
}

/** RFC 3640 §4.1, mode AAC-hbr. */
function describeMpeg4Audio({ config }: Extract<UnitCodec, { codec: "mpeg4Audio" }>): Said {
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
      config: hex(config),
    },
  };
}

function base64(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes).toString("base64");
}

function hex(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes).toString("hex");
}
