/** What is true of a codec in any container. */
export interface CodecRow {
  /** Name in API, log lines and error texts. */
  readonly label: string;
  readonly kind: "video" | "audio" | "application";
  /** RTP clock rate in Hz when the codec fixes it; 0 when each track says its own. */
  readonly clockRate: number;
}

export const CODECS = {
  av1: { label: "AV1", kind: "video", clockRate: 90_000 },
  vp9: { label: "VP9", kind: "video", clockRate: 90_000 },
  vp8: { label: "VP8", kind: "video", clockRate: 90_000 },
  h265: { label: "H265", kind: "video", clockRate: 90_000 },
  h264: { label: "H264", kind: "video", clockRate: 90_000 },
  mpeg4Video: { label: "MPEG-4 Video", kind: "video", clockRate: 90_000 },
  mpeg12Video: { label: "MPEG-1/2 Video", kind: "video", clockRate: 90_000 },
  mjpeg: { label: "M-JPEG", kind: "video", clockRate: 90_000 },
  mpegts: { label: "MPEG-TS", kind: "video", clockRate: 90_000 },
  opus: { label: "Opus", kind: "audio", clockRate: 48_000 },
  vorbis: { label: "Vorbis", kind: "audio", clockRate: 0 },
  mpeg4Audio: { label: "MPEG-4 Audio", kind: "audio", clockRate: 0 },
  mpeg4AudioLatm: { label: "MPEG-4 Audio", kind: "audio", clockRate: 0 },
  mpeg12Audio: { label: "MPEG-1/2 Audio", kind: "audio", clockRate: 90_000 },
  ac3: { label: "AC-3", kind: "audio", clockRate: 0 },
  speex: { label: "Speex", kind: "audio", clockRate: 0 },
  g726: { label: "G726", kind: "audio", clockRate: 8_000 },
  g722: { label: "G722", kind: "audio", clockRate: 8_000 },
  g711: { label: "G711", kind: "audio", clockRate: 0 },
  lpcm: { label: "LPCM", kind: "audio", clockRate: 0 },
  generic: { label: "Generic", kind: "application", clockRate: 0 },
} as const satisfies Record<string, CodecRow>;

export type CodecId = keyof typeof CODECS;
