import { CODECS, type CodecId } from "../../media/codecs.ts";

/** How RTP carries a codec. */
export interface PayloadRow {
  /** Encoding names of `a=rtpmap`, in the spelling we write, the preferred one first. Compared without case. */
  readonly encodings: readonly string[];
  /** Whether the parameters fit the codec; when not, its track is Generic. */
  readonly fits?: (fmtp: ReadonlyMap<string, string>) => boolean;
}

/** The row of each codec; `generic` is what no row describes. */
export const PAYLOADS: Readonly<Record<CodecId, PayloadRow>> = {
  av1: { encodings: ["AV1"] },
  vp9: { encodings: ["VP9"] },
  vp8: { encodings: ["VP8"] },
  h265: { encodings: ["H265"] },
  h264: { encodings: ["H264"] },
  mpeg4Video: { encodings: ["MP4V-ES"] },
  mpeg12Video: { encodings: ["MPV"] },
  mjpeg: { encodings: ["JPEG"] },
  mpegts: { encodings: ["MP2T"] },
  opus: { encodings: ["opus"] },
  vorbis: { encodings: ["vorbis"] },
  // RFC 3640 carries any MPEG-4 stream; only its two AAC modes are this codec
  mpeg4Audio: {
    encodings: ["mpeg4-generic"],
    fits: (fmtp) => /^(aac-[hl]br)?$/i.test(fmtp.get("mode") ?? ""),
  },
  mpeg4AudioLatm: { encodings: ["MP4A-LATM"] },
  mpeg12Audio: { encodings: ["MPA"] },
  ac3: { encodings: ["AC3"] },
  speex: { encodings: ["speex"] },
  g726: { encodings: [16, 24, 32, 40].flatMap((rate) => [`G726-${rate}`, `AAL2-G726-${rate}`]) },
  g722: { encodings: ["G722"] },
  g711: { encodings: ["PCMU", "PCMA"] },
  lpcm: { encodings: ["L16", "L24", "L8"] },
  generic: { encodings: [] },
};

/** A payload type whose meaning needs no `a=rtpmap`. */
export interface StaticPayload {
  readonly codec: CodecId;
  /** In Hz. */
  readonly clockRate: number;
  /** What `a=rtpmap` would say. */
  readonly rtpmap: string;
}

/** RFC 3551 §6, tables 4 and 5. */
export const STATIC_PAYLOADS: ReadonlyMap<number, StaticPayload> = new Map(
  (
    [
      [0, "PCMU/8000"],
      [3, "GSM/8000"],
      [4, "G723/8000"],
      [5, "DVI4/8000"],
      [6, "DVI4/16000"],
      [7, "LPC/8000"],
      [8, "PCMA/8000"],
      [9, "G722/8000"],
      [10, "L16/44100/2"],
      [11, "L16/44100"],
      [12, "QCELP/8000"],
      [13, "CN/8000"],
      [14, "MPA/90000"],
      [15, "G728/8000"],
      [16, "DVI4/11025"],
      [17, "DVI4/22050"],
      [18, "G729/8000"],
      [25, "CelB/90000"],
      [26, "JPEG/90000"],
      [28, "nv/90000"],
      [31, "H261/90000"],
      [32, "MPV/90000"],
      [33, "MP2T/90000"],
      [34, "H263/90000"],
    ] as const
  ).map(([payloadType, rtpmap]) => {
    const [encoding = "", clockRate] = rtpmap.split("/");
    return [
      payloadType,
      { codec: codecOfEncoding(encoding, new Map()), clockRate: Number(clockRate), rtpmap },
    ];
  }),
);

/** The codec of an encoding name; `generic` when no row has it or its parameters do not fit. */
export function codecOfEncoding(encoding: string, fmtp: ReadonlyMap<string, string>): CodecId {
  const name = encoding.toLowerCase();
  for (const codec of Object.keys(CODECS) as CodecId[]) {
    const { encodings, fits } = PAYLOADS[codec];
    if (!encodings.some((each) => each.toLowerCase() === name)) continue;
    return fits === undefined || fits(fmtp) ? codec : "generic";
  }
  return "generic";
}
