import { isDeepStrictEqual } from "node:util";
import {
  FLV_AC3,
  FLV_MPEG_AUDIO,
  FLV_PCM,
  FLV_PCM_16,
  FLV_SAMPLE,
  MAX_AUDIO_BYTES,
  MAX_FRAME_BYTES,
  SAMPLE_AV1,
  SAMPLE_FRAMES,
  SAMPLE_H264,
  SAMPLE_H265,
  SAMPLE_PICTURES,
} from "../../../assembly/abi.ts";
import type { FlvCodecs, FlvReading, FlvSettings } from "../../../wasm/flv-track.ts";
import { attempt } from "../../lib/errors.ts";
import { readAv1Record, writeAv1Record } from "../../media/av1.ts";
import type { CodecId, CodecParameters, Known, ParametersOf } from "../../media/codec-parameters.ts";
import { CODECS } from "../../media/codecs.ts";
import { findStreamInfo, parseStreamInfo } from "../../media/flac.ts";
import { type Mpeg4AudioFacts, parseAudioConfig } from "../../media/mpeg4-audio.ts";
import { withLengths } from "../../media/nal.ts";
import { readH264Record, readH265Record, writeH264Record, writeH265Record } from "../../media/nal-records.ts";
import { writeVp9Record } from "../../media/vp9.ts";
import { readOpusHead, writeOpusHead } from "./opus-head.ts";

/** Sound formats and codec ids (FLV 10.1 §E.4.2.1, §E.4.3.1); 12 is H265 as senders in China have it. */
const LEGACY = {
  lpcm: 0,
  mp3: 2,
  lpcmLittle: 3,
  aLaw: 7,
  muLaw: 8,
  aac: 10,
  mp3At8: 14,
  avc: 7,
  hevc: 12,
} as const;

/** What follows from a sequence header, or from nothing. */
type Settings<Parameters extends CodecParameters = CodecParameters> = Omit<
  FlvSettings<Parameters>,
  "maxBytes"
>;

/** How FLV carries a codec. */
interface FlvRow<Parameters extends CodecParameters = CodecParameters> {
  /** FLV_SAMPLE and so on, of the ABI. */
  readonly form: number;
  /** The same, where it depends on the parameters. */
  formOf?(parameters: Parameters): number;
  /** Codec ids or sound formats of the legacy form. */
  readonly legacy?: readonly number[];
  /** How its messages begin in the legacy form, of codecs that are written in it. */
  readonly written?: {
    /** In front of frames, with the frame type of video and the composition time 0; undefined if it cannot be said. */
    frames(parameters: Parameters): readonly number[] | undefined;
    /** In front of the sequence header. */
    readonly start?: readonly number[];
  };
  /** Where the composition time is in front of frames in the legacy form; the enhanced form has one at the end then. */
  readonly compositionAt?: number;
  /** Of the enhanced form. */
  readonly fourCc?: string;
  /** Settings without a sequence header; undefined: it takes one, or the first frame. */
  readonly settings?: Settings<Parameters> | ((codec: number) => Settings<Parameters>);
  /**
   * Reads a sequence header; undefined when it is cut off.
   *
   * @throws {ProtocolError} if it is invalid
   */
  read?(config: Uint8Array): Settings | undefined;
  /** Settings by the first frame. */
  learn?(rate: number, channels: number): Settings<Parameters>;
  /** Whether units can go on with other parameters, where they are not in band. */
  isSame?(before: Parameters, after: Parameters): boolean;
  /**
   * The sequence header.
   *
   * @throws {ProtocolError} if the parameters are invalid
   */
  write?(parameters: Known<Parameters>): Uint8Array;
}

/** Frame type of a key frame. */
const KEY_FRAME = 0x10;
/** Sound of 44 kHz, 16 bits and two channels, as AAC always has it; the flag of 16 bits. */
const AAC_HEAD = (LEGACY.aac << 4) | 0x0f;
const BITS_16 = 2;
/** By the two bits of an audio header, Hz: 5.5, 11, 22 and 44 kHz. */
const SOUND_RATES = [5_512, 11_025, 22_050, 44_100];

type FlvRows = { readonly [Id in CodecId]?: FlvRow<ParametersOf<Id>> };

export const FLV_CODECS = {
  av1: {
    form: FLV_SAMPLE,
    fourCc: "av01",
    settings: { parameters: { codec: "av1" }, clockRate: 90_000, sample: SAMPLE_AV1 },
    read: (config) => ({
      parameters: { codec: "av1", sequenceHeader: readAv1Record(config) },
      clockRate: 90_000,
      sample: SAMPLE_AV1,
    }),
    write: ({ sequenceHeader }) => writeAv1Record(sequenceHeader),
  },
  vp9: {
    form: FLV_SAMPLE,
    fourCc: "vp09",
    // each key frame says all that is in the record; it has version and flags in front, as in files
    settings: { parameters: { codec: "vp9" }, clockRate: 90_000, sample: SAMPLE_PICTURES },
    write: ({ picture }) => new Uint8Array([1, 0, 0, 0, ...writeVp9Record(picture)]),
  },
  vp8: {
    form: FLV_SAMPLE,
    fourCc: "vp08",
    settings: { parameters: { codec: "vp8" }, clockRate: 90_000, sample: SAMPLE_PICTURES },
  },
  h265: {
    form: FLV_SAMPLE,
    legacy: [LEGACY.hevc],
    compositionAt: 2,
    fourCc: "hvc1",
    read: readHevc,
    write: writeH265Record,
  },
  h264: {
    form: FLV_SAMPLE,
    legacy: [LEGACY.avc],
    written: { frames: () => [LEGACY.avc, 1, 0, 0, 0], start: [KEY_FRAME | LEGACY.avc, 0, 0, 0, 0] },
    compositionAt: 2,
    fourCc: "avc1",
    // some encoders put H265 there
    read: (config) => readAvc(config) ?? readHevc(config),
    write: writeH264Record,
  },
  opus: {
    form: FLV_SAMPLE,
    fourCc: "Opus",
    settings: { parameters: { codec: "opus", channels: 2 }, clockRate: 48_000, sample: SAMPLE_FRAMES },
    read: (config) => ({
      parameters: { codec: "opus", channels: readOpusHead(config) },
      clockRate: 48_000,
      sample: SAMPLE_FRAMES,
    }),
    write: ({ channels }) => writeOpusHead(channels),
  },
  mpeg4Audio: {
    form: FLV_SAMPLE,
    legacy: [LEGACY.aac],
    written: { frames: () => [AAC_HEAD, 1], start: [AAC_HEAD, 0] },
    fourCc: "mp4a",
    read: (config) => {
      const { sampleRate, frameSamples } = parseAudioConfig(config);
      return {
        parameters: { codec: "mpeg4Audio", config: config.slice() },
        clockRate: sampleRate,
        sample: SAMPLE_FRAMES,
        frameTicks: frameSamples,
      };
    },
    write: ({ config }) => config,
    isSame: (before, after) => isDeepStrictEqual(soundOf(before), soundOf(after)),
  },
  mpeg12Audio: {
    form: FLV_MPEG_AUDIO,
    legacy: [LEGACY.mp3, LEGACY.mp3At8],
    // the core writes what each frame says
    written: { frames: () => [LEGACY.mp3 << 4] },
    fourCc: ".mp3",
    settings: { parameters: { codec: "mpeg12Audio" }, clockRate: 90_000 },
  },
  ac3: {
    form: FLV_AC3,
    fourCc: "ac-3",
    learn: (clockRate, channels) => ({ parameters: { codec: "ac3", clockRate, channels }, clockRate }),
  },
  flac: {
    form: FLV_SAMPLE,
    fourCc: "fLaC",
    read: (config) => {
      const streamInfo = findStreamInfo(config);
      if (streamInfo === undefined) return undefined;
      const { sampleRate, frameSamples } = parseStreamInfo(streamInfo);
      return {
        parameters: { codec: "flac", streamInfo },
        clockRate: sampleRate,
        sample: SAMPLE_FRAMES,
        ...(frameSamples !== undefined && { frameTicks: frameSamples }),
      };
    },
    write: ({ streamInfo }) => streamInfo,
    isSame: (before, after) =>
      isDeepStrictEqual(parseStreamInfo(before.streamInfo), parseStreamInfo(after.streamInfo)),
  },
  g711: {
    form: FLV_PCM,
    legacy: [LEGACY.aLaw, LEGACY.muLaw],
    written: {
      frames: ({ law, clockRate, channels }) => {
        if (clockRate !== 8_000 || channels > 2) return undefined;
        return [((law === "a" ? LEGACY.aLaw : LEGACY.muLaw) << 4) | BITS_16 | (channels - 1)];
      },
    },
    settings: (codec) => {
      const { format, channels } = soundHeader(codec);
      const law = format === LEGACY.aLaw ? "a" : "mu";
      return {
        parameters: { codec: "g711", law, clockRate: 8_000, channels },
        clockRate: 8_000,
        sampleBytes: channels,
      };
    },
  },
  lpcm: {
    form: FLV_PCM,
    formOf: ({ bitDepth }) => (bitDepth === 16 ? FLV_PCM_16 : FLV_PCM),
    legacy: [LEGACY.lpcmLittle, LEGACY.lpcm],
    written: {
      frames: ({ bitDepth, clockRate, channels }) => {
        const rate = SOUND_RATES.indexOf(clockRate);
        if (rate < 0 || bitDepth > 16 || channels > 2) return undefined;
        return [(LEGACY.lpcmLittle << 4) | (rate << 2) | (bitDepth === 16 ? BITS_16 : 0) | (channels - 1)];
      },
    },
    settings: (codec) => {
      const { clockRate, bitDepth, channels } = soundHeader(codec);
      return {
        parameters: { codec: "lpcm", bitDepth, clockRate, channels },
        clockRate,
        sampleBytes: (bitDepth / 8) * channels,
      };
    },
  },
} satisfies FlvRows;

export type FlvCodecId = keyof typeof FLV_CODECS;

const ROWS = Object.entries(FLV_CODECS) as readonly [FlvCodecId, FlvRow][];

/** The row of a codec; undefined if FLV does not carry it. */
export function flvRow(codec: CodecId): FlvRow | undefined {
  return (FLV_CODECS as FlvRows)[codec];
}

export function isFlvVideo(codec: CodecId): boolean {
  return CODECS[codec].kind === "video";
}

/** A FourCC as a number. */
export function fourCcNumber(fourCc: string): number {
  return Buffer.from(fourCc, "latin1").readUInt32BE();
}

/** The codec of a codec id, a sound format or a FourCC; undefined if it is not supported. */
export function flvCodecId(isVideo: boolean, codec: number): FlvCodecId | undefined {
  const isLegacy = codec < 256;
  const legacy = isVideo ? codec : codec & 15;
  return ROWS.find(([id, row]) => {
    if (isFlvVideo(id) !== isVideo) return false;
    if (isLegacy) return row.legacy?.includes(legacy) === true;
    return row.fourCc !== undefined && fourCcNumber(row.fourCc) === codec;
  })?.[0];
}

/** How a codec that is not supported is named: `video codec: 2`, `audio codec: ec-3`. */
export function flvCodecName(isVideo: boolean, codec: number): string {
  const fourCc = Buffer.alloc(4);
  fourCc.writeUInt32BE(codec);
  const isText = fourCc.every((byte) => byte >= 0x20 && byte < 0x7f);
  const name =
    codec < 256 ? String(isVideo ? codec : codec & 15) : isText ? fourCc.toString("latin1") : String(codec);
  return `${isVideo ? "video" : "audio"} codec: ${name}`;
}

/** The codecs that are read, for `FlvDemuxer`. */
export const FLV_READ: FlvCodecs<CodecParameters> = {
  find: (isVideo, codec) => {
    const id = flvCodecId(isVideo, codec);
    return id && readingOf(flvRow(id) as FlvRow, codec);
  },
  isChange: (before, after) => {
    if (before.codec !== after.codec) return true;
    return flvRow(before.codec)?.isSame?.(before, after) === false;
  },
};

function readingOf(row: FlvRow, codec: number): FlvReading<CodecParameters> {
  const { form, settings, read, learn } = row;
  const present = typeof settings === "function" ? settings(codec) : settings;
  return {
    form: (present && row.formOf?.(present.parameters)) ?? form,
    ...(present && { settings: limited(present) }),
    ...(read && {
      configure: (config: Uint8Array) => {
        const found = attempt(() => read(config));
        return found && limited(found);
      },
    }),
    ...(learn && { learn: (rate: number, channels: number) => limited(learn(rate, channels)) }),
  };
}

function limited(settings: Settings): FlvSettings<CodecParameters> {
  const isAudio = CODECS[settings.parameters.codec].kind === "audio";
  return { ...settings, maxBytes: isAudio ? MAX_AUDIO_BYTES : MAX_FRAME_BYTES };
}

function soundOf({ config }: ParametersOf<"mpeg4Audio">): Mpeg4AudioFacts | undefined {
  return config && parseAudioConfig(config);
}

/** Undefined when it is cut off, or has no parameter sets of H264. */
function readAvc(config: Uint8Array): Settings | undefined {
  const record = readH264Record(config);
  const { sps = [], pps = [] } = record?.sets ?? {};
  const [first] = sps;
  if (record === undefined || first === undefined || pps[0] === undefined) return undefined;
  if (((first[0] as number) & 31) !== SPS_TYPE) return undefined;
  return {
    parameters: { codec: "h264", sps: first, pps: pps[0] },
    clockRate: 90_000,
    sample: SAMPLE_H264,
    lengthSize: record.lengthSize,
    sets: withLengths([...sps, ...pps]),
  };
}

function readHevc(config: Uint8Array): Settings | undefined {
  const record = readH265Record(config);
  const { vps = [], sps = [], pps = [] } = record?.sets ?? {};
  if (record === undefined || sps[0] === undefined || pps[0] === undefined) return undefined;
  return {
    parameters: { codec: "h265", vps: vps[0], sps: sps[0], pps: pps[0] },
    clockRate: 90_000,
    sample: SAMPLE_H265,
    lengthSize: record.lengthSize,
    sets: withLengths([...vps, ...sps, ...pps]),
  };
}

/** Type of a sequence parameter set (ITU-T H.264 table 7-1). */
const SPS_TYPE = 7;
/** What the first byte of a legacy audio message says (FLV 10.1 §E.4.2.1). */
export function soundHeader(codec: number) {
  const flags = codec >> 4;
  return {
    format: codec & 15,
    clockRate: SOUND_RATES[flags >> 2] as number,
    bitDepth: (flags & 2) === 0 ? 8 : 16,
    channels: (flags & 1) + 1,
  };
}
