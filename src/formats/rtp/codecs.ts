import {
  KIND_AV1,
  KIND_H264,
  KIND_H265,
  KIND_MJPEG,
  KIND_MPEG4_VIDEO,
  KIND_MPEG12_VIDEO,
  KIND_PACKET,
  KIND_VP8,
  KIND_VP9,
  UNITS_AC3,
  UNITS_AV1,
  UNITS_FRAMES,
  UNITS_H264,
  UNITS_H265,
  UNITS_MPEG4_VIDEO,
  UNITS_MPEG12_AUDIO,
  UNITS_MPEG12_VIDEO,
  UNITS_VP8,
  UNITS_VP9,
} from "../../../assembly/abi.ts";
import type { ParameterSets } from "../../../wasm/track.ts";
import type { UnitSetup } from "../../../wasm/units.ts";
import type { CodecId, CodecParameters, ParametersOf } from "../../media/codec-parameters.ts";
import { parseStreamInfo } from "../../media/flac.ts";
import type { Format } from "../../media/track.ts";
import { type Fmtp, type FormatText, readHex, writeHex } from "./fmtp.ts";
import {
  isMpeg4Audio,
  mpeg4AudioKind,
  mpeg4AudioUnits,
  readMpeg4Audio,
  writeMpeg4Audio,
} from "./mpeg4-audio.ts";
import { h264Sets, h265Sets, readH264, readH265 } from "./nal-sets.ts";
import { av1Size, mjpegSize, mpeg12Size, type PictureSize, vp8Size, vp9Size } from "./payload-sizes.ts";
import { channelsOf, encodingOf, writeRtpmap } from "./rtpmap.ts";
import { frameUnits, pictureUnits, sampleUnits } from "./unit-setups.ts";

/** How RTP carries a codec. A row with encodings alone is passed on as it is. */
export interface RtpRow<Parameters extends CodecParameters = CodecParameters> {
  /** Encoding names of `a=rtpmap`, in the spelling we write, the preferred one first. Compared without case. */
  readonly encodings: readonly string[];
  /** How the core finds frames and random access points (KIND_*); by default a packet is a frame. */
  readonly kind?: number | ((format: Format) => number);
  /** Whether the rtpmap parameters, in lower case, fit the codec; if not, the track is Generic. */
  fits?(encoding: string, fmtp: ReadonlyMap<string, string>): boolean;
  /**
   * The codec parameters of a format; undefined if they are invalid.
   *
   * @throws {ProtocolError} if it is invalid
   */
  read?(format: Format): Parameters | undefined;
  /** @throws {ProtocolError} if the parameters are invalid */
  write?(parameters: Parameters): FormatText;
  /**
   * How the core depacketizes and packetizes the codec; undefined if it cannot.
   *
   * @throws {ProtocolError} if the parameters are invalid
   */
  units?(format: Format, parameters: Parameters): UnitSetup | undefined;
  /** Of codecs with parameter sets: reads and writes them in `a=fmtp`. Missing ones are undefined. */
  sets?(sets: ParameterSets): Fmtp;
  /**
   * Of codecs whose payloads carry the picture size: reads it from the first payload of a random access point.
   *
   * @throws {ProtocolError} if it is absent or invalid
   */
  size?(payload: Uint8Array): PictureSize;
}

type RtpRows = { readonly [Id in CodecId]?: RtpRow<ParametersOf<Id>> };

const OPUS_FRAME_S = 0.02;
/** Samples of a frame of FLAC that encoders use most. */
const FLAC_SAMPLES = 4096;

export const RTP_CODECS = {
  av1: {
    encodings: ["AV1"],
    kind: KIND_AV1,
    read: () => ({ codec: "av1" }),
    write: () => ({ rtpmap: "AV1/90000" }),
    units: (format, parameters) => pictureUnits(UNITS_AV1, format, parameters),
    size: av1Size,
  },
  vp9: {
    encodings: ["VP9"],
    kind: KIND_VP9,
    read: () => ({ codec: "vp9" }),
    write: () => ({ rtpmap: "VP9/90000" }),
    units: (format, parameters) => pictureUnits(UNITS_VP9, format, parameters),
    size: vp9Size,
  },
  vp8: {
    encodings: ["VP8"],
    kind: KIND_VP8,
    read: () => ({ codec: "vp8" }),
    write: () => ({ rtpmap: "VP8/90000" }),
    units: (format, parameters) => pictureUnits(UNITS_VP8, format, parameters),
    size: vp8Size,
  },
  h265: {
    encodings: ["H265"],
    kind: KIND_H265,
    read: readH265,
    write: (parameters) => ({ rtpmap: "H265/90000", fmtp: h265Sets(parameters) }),
    units: (format, parameters) => pictureUnits(UNITS_H265, format, parameters),
    sets: h265Sets,
  },
  h264: {
    encodings: ["H264"],
    kind: KIND_H264,
    read: readH264,
    write: (parameters) => ({
      rtpmap: "H264/90000",
      fmtp: { "packetization-mode": "1", ...h264Sets(parameters) },
    }),
    units: (format, parameters) => pictureUnits(UNITS_H264, format, parameters),
    sets: h264Sets,
  },
  mpeg4Video: {
    encodings: ["MP4V-ES"],
    kind: KIND_MPEG4_VIDEO,
    read: ({ fmtp }) => ({ codec: "mpeg4Video", config: readHex(fmtp.get("config")) }),
    write: ({ config }) => ({
      rtpmap: "MP4V-ES/90000",
      fmtp: { "profile-level-id": "1", config: writeHex(config) },
    }),
    units: (format, parameters) => ({
      ...pictureUnits(UNITS_MPEG4_VIDEO, format, parameters),
      reorderDepth: 1, // at most one reference picture is decoded before a B picture and shown after it
    }),
  },
  mpeg12Video: {
    encodings: ["MPV"],
    kind: KIND_MPEG12_VIDEO,
    read: () => ({ codec: "mpeg12Video" }),
    write: () => ({ rtpmap: "MPV/90000" }),
    units: (format, parameters) => ({
      ...pictureUnits(UNITS_MPEG12_VIDEO, format, parameters),
      reorderDepth: 1,
    }),
    size: mpeg12Size,
  },
  mjpeg: { encodings: ["JPEG"], kind: KIND_MJPEG, size: mjpegSize },
  mpegts: { encodings: ["MP2T"] },
  opus: {
    encodings: ["opus"],
    // RFC 7587 §7: always two channels in rtpmap; sprop-stereo has the real number
    read: ({ fmtp }) => ({ codec: "opus", channels: fmtp.get("sprop-stereo") === "0" ? 1 : 2 }),
    write: ({ channels }) => ({
      rtpmap: "opus/48000/2",
      fmtp: { "sprop-stereo": channels === 1 ? "0" : "1" },
    }),
    units: (format) => frameUnits(UNITS_FRAMES, format, OPUS_FRAME_S),
  },
  vorbis: { encodings: ["vorbis"] },
  mpeg4Audio: {
    encodings: ["mpeg4-generic", "MP4A-LATM"],
    kind: mpeg4AudioKind,
    fits: isMpeg4Audio,
    read: readMpeg4Audio,
    write: writeMpeg4Audio,
    units: mpeg4AudioUnits,
  },
  mpeg12Audio: {
    encodings: ["MPA"],
    read: () => ({ codec: "mpeg12Audio" }),
    write: () => ({ rtpmap: "MPA/90000" }),
    units: (format) => frameUnits(UNITS_MPEG12_AUDIO, format, 1152 / 44_100),
  },
  ac3: {
    encodings: ["AC3"],
    // RFC 4184 §4.1: six channels when nothing is said
    read: (format) => ({ codec: "ac3", clockRate: format.clockRate, channels: channelsOf(format, 6) ?? 6 }),
    write: ({ clockRate, channels }) => ({ rtpmap: `AC3/${clockRate}/${channels}` }),
    units: (format) => frameUnits(UNITS_AC3, format, 1536 / format.clockRate),
  },
  flac: {
    // no payload format is registered: frames are carried as those of AC-3 are, whole or in fragments (RFC 4184 §4)
    encodings: ["FLAC"],
    read: ({ fmtp }) => {
      const streamInfo = readHex(fmtp.get("streaminfo"));
      return streamInfo && { codec: "flac", streamInfo };
    },
    write: ({ streamInfo }) => {
      const { sampleRate, channels } = parseStreamInfo(streamInfo);
      return {
        rtpmap: writeRtpmap("FLAC", sampleRate, channels),
        fmtp: { streaminfo: writeHex(streamInfo) },
      };
    },
    units: (format, { streamInfo }) => {
      const { frameSamples = FLAC_SAMPLES, sampleRate } = parseStreamInfo(streamInfo);
      return frameUnits(UNITS_AC3, format, frameSamples / sampleRate);
    },
  },
  speex: { encodings: ["speex"] },
  g726: { encodings: [16, 24, 32, 40].flatMap((rate) => [`G726-${rate}`, `AAL2-G726-${rate}`]) },
  g722: {
    encodings: ["G722"],
    read: () => ({ codec: "g722" }),
    write: () => ({ rtpmap: "G722/8000" }),
    units: (format) => {
      const channels = channelsOf(format);
      return channels === undefined ? undefined : sampleUnits(format, 8 * channels);
    },
  },
  g711: {
    encodings: ["PCMU", "PCMA"],
    read: (format) => {
      const channels = channelsOf(format);
      const law = encodingOf(format) === "pcma" ? "a" : "mu";
      return channels === undefined
        ? undefined
        : { codec: "g711", law, clockRate: format.clockRate, channels };
    },
    write: ({ law, clockRate, channels }) => ({
      rtpmap: writeRtpmap(law === "mu" ? "PCMU" : "PCMA", clockRate, channels),
    }),
    units: (format, { channels }) => sampleUnits(format, 8 * channels),
  },
  lpcm: {
    encodings: ["L16", "L24", "L8"],
    read: (format) => {
      const channels = channelsOf(format);
      const bitDepth = Number(encodingOf(format).slice(1));
      return channels === undefined
        ? undefined
        : { codec: "lpcm", bitDepth, clockRate: format.clockRate, channels };
    },
    write: ({ bitDepth, clockRate, channels }) => ({
      rtpmap: writeRtpmap(`L${bitDepth}`, clockRate, channels),
    }),
    units: (format, { bitDepth, channels }) => sampleUnits(format, bitDepth * channels),
  },
} satisfies RtpRows;

/** The row of a codec; undefined where no row describes it. */
export function rtpRow(codec: CodecId): RtpRow | undefined {
  return (RTP_CODECS as RtpRows)[codec];
}

/** How the core finds frames and random access points in a format (KIND_*). */
export function rtpKind(format: Format): number {
  const kind = rtpRow(format.codec)?.kind ?? KIND_PACKET;
  return typeof kind === "number" ? kind : kind(format);
}

/** The codec of an encoding name; `generic` when no row has it or its parameters do not fit. */
export function codecOfEncoding(encoding: string, fmtp: ReadonlyMap<string, string>): CodecId {
  const name = encoding.toLowerCase();
  for (const [codec, row] of Object.entries<RtpRow>(RTP_CODECS)) {
    if (!row.encodings.some((each) => each.toLowerCase() === name)) continue;
    return row.fits?.(name, fmtp) === false ? "generic" : (codec as CodecId);
  }
  return "generic";
}
