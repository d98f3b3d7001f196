import { findSequenceHeader, parseSequenceHeader } from "./av1.ts";
import type { CodecId, CodecParameters, InBand, ParametersOf } from "./codec-parameters.ts";
import { parseH264Sps } from "./h264.ts";
import { parseH265Sps } from "./h265.ts";
import { parseAudioConfig } from "./mpeg4-audio.ts";
import type { PictureFacts } from "./picture.ts";
import { parseVp9KeyFrame } from "./vp9.ts";

/**
 * Facts of a codec in any container, and functions on its parameters. They throw `ProtocolError`
 * on invalid bytes; other code calls `parameters.ts`.
 */
export interface CodecRow<Parameters extends CodecParameters = CodecParameters> {
  /** Name in API, log lines and error texts. */
  readonly label: string;
  readonly kind: "video" | "audio" | "application";
  /** RTP clock rate in Hz if the codec fixes it; 0 if each track has its own. */
  readonly clockRate: number;
  /** Whether any random access point may change the parameters without other notice. */
  readonly isInKeyFrames?: boolean;
  /** The parameters with what has come in band since. */
  renew?(parameters: Parameters, inBand: InBand): Parameters;
  /** Whether a decoder can start with the parameters; always, if omitted. */
  isComplete?(parameters: Parameters): boolean;
  /** Parameter sets in the order in which they precede a random access point. */
  sets?(parameters: Parameters): readonly (Uint8Array | undefined)[];
  /** The picture format in the parameters; undefined while unknown. */
  picture?(parameters: Parameters): PictureFacts | undefined;
}

type CodecRows = { readonly [Id in CodecId]: CodecRow<ParametersOf<Id>> };

export const CODECS: CodecRows = {
  av1: {
    label: "AV1",
    kind: "video",
    clockRate: 90_000,
    isInKeyFrames: true,
    renew: (before, { head }) => {
      const sequenceHeader = head && findSequenceHeader(head)?.slice();
      return sequenceHeader === undefined ? before : { codec: "av1", sequenceHeader };
    },
    isComplete: ({ sequenceHeader }) => sequenceHeader !== undefined,
    picture: ({ sequenceHeader }) => sequenceHeader && parseSequenceHeader(sequenceHeader),
  },
  vp9: {
    label: "VP9",
    kind: "video",
    clockRate: 90_000,
    isInKeyFrames: true,
    renew: (before, { head }) =>
      head === undefined ? before : { codec: "vp9", picture: parseVp9KeyFrame(head) },
    isComplete: ({ picture }) => picture !== undefined,
    picture: ({ picture }) => picture,
  },
  vp8: { label: "VP8", kind: "video", clockRate: 90_000 },
  h265: {
    label: "H265",
    kind: "video",
    clockRate: 90_000,
    renew: (before, { sets: { vps, sps, pps } = NO_SETS }) =>
      sps && pps ? { codec: "h265", vps: vps ?? before.vps, sps, pps } : before,
    isComplete: ({ vps, sps, pps }) => vps !== undefined && sps !== undefined && pps !== undefined,
    sets: ({ vps, sps, pps }) => [vps, sps, pps],
    picture: ({ sps }) => sps && parseH265Sps(sps),
  },
  h264: {
    label: "H264",
    kind: "video",
    clockRate: 90_000,
    renew: (before, { sets: { sps, pps } = NO_SETS }) => (sps && pps ? { codec: "h264", sps, pps } : before),
    isComplete: ({ sps, pps }) => sps !== undefined && pps !== undefined,
    sets: ({ sps, pps }) => [sps, pps],
    picture: ({ sps }) => sps && parseH264Sps(sps),
  },
  mpeg4Video: {
    label: "MPEG-4 Video",
    kind: "video",
    clockRate: 90_000,
    isComplete: ({ config }) => config !== undefined,
  },
  mpeg12Video: { label: "MPEG-1/2 Video", kind: "video", clockRate: 90_000 },
  mjpeg: { label: "M-JPEG", kind: "video", clockRate: 90_000 },
  mpegts: { label: "MPEG-TS", kind: "video", clockRate: 90_000 },
  opus: { label: "Opus", kind: "audio", clockRate: 48_000 },
  vorbis: { label: "Vorbis", kind: "audio", clockRate: 0 },
  mpeg4Audio: {
    label: "MPEG-4 Audio",
    kind: "audio",
    clockRate: 0,
    renew: (before, { config }) => (config === undefined ? before : { codec: "mpeg4Audio", config }),
    isComplete: ({ config }) => config !== undefined && parseAudioConfig(config).sampleRate > 0,
  },
  mpeg12Audio: { label: "MPEG-1/2 Audio", kind: "audio", clockRate: 90_000 },
  ac3: { label: "AC-3", kind: "audio", clockRate: 0 },
  flac: {
    label: "FLAC",
    kind: "audio",
    clockRate: 0,
    isComplete: ({ streamInfo }) => streamInfo !== undefined,
  },
  speex: { label: "Speex", kind: "audio", clockRate: 0 },
  g726: { label: "G726", kind: "audio", clockRate: 8_000 },
  g722: { label: "G722", kind: "audio", clockRate: 8_000 },
  g711: { label: "G711", kind: "audio", clockRate: 0 },
  lpcm: { label: "LPCM", kind: "audio", clockRate: 0 },
  generic: { label: "Generic", kind: "application", clockRate: 0 },
};

const NO_SETS = { vps: undefined, sps: undefined, pps: undefined };
