import {
  TS_AAC,
  TS_AC3,
  TS_H264,
  TS_H265,
  TS_LATM,
  TS_MPEG12_AUDIO,
  TS_MPEG12_VIDEO,
  TS_OPUS,
} from "../../../assembly/abi.ts";
import type { TsStreamKind, TsTrack } from "../../../wasm/ts-track.ts";
import { adtsHeader, parseAudioConfig } from "../../media/mpeg4-audio.ts";
import { findDescriptor } from "./tables.ts";

/** A codec with what a transport stream says of it: what makes the description of a stream. */
export type TsCodec =
  | { readonly codec: "h264"; readonly sps?: Uint8Array; readonly pps?: Uint8Array }
  | {
      readonly codec: "h265";
      readonly vps?: Uint8Array;
      readonly sps?: Uint8Array;
      readonly pps?: Uint8Array;
    }
  | { readonly codec: "mpeg4Audio"; readonly config: Uint8Array }
  | { readonly codec: "opus"; readonly channels: number }
  | { readonly codec: "mpeg12Video" }
  | { readonly codec: "mpeg12Audio" }
  | { readonly codec: "ac3"; readonly sampleRate: number; readonly channels: number };

/** Tags of descriptors (ISO/IEC 13818-1 §2.6, ETSI EN 300 468 §6.1, §6.2). */
const REGISTRATION = 0x05;
const AC3 = 0x6a;
const EXTENSION = 0x7f;
/** Tag of the extension with which Opus says its channels. */
const OPUS_CONFIG = 0x80;

interface Row<Codec extends TsCodec = TsCodec> {
  readonly kind: number;
  /** Ticks a second; undefined: the sample rate of the stream. */
  readonly clockRate: number | undefined;
  /** Stream types that stand for it (ISO/IEC 13818-1 table 2-34), the one that is written first. */
  readonly streamTypes: readonly number[];
  /** A stream type that stands for another form of it, which is read, and the kind of that. */
  readonly other?: { readonly streamType: number; readonly kind: number };
  /** Whether descriptors say that a stream of private data is one. */
  readonly isPrivate?: (descriptors: Uint8Array) => boolean;
  readonly describe: (track: TsTrack) => Codec;
  /** Descriptors that are written. */
  readonly descriptors?: (codec: Codec) => Uint8Array;
  /** What is written in front of random access points; of AAC an ADTS header. */
  readonly prefix?: (codec: Codec) => Uint8Array;
}

type Rows = { readonly [Id in TsCodec["codec"]]: Row<Extract<TsCodec, { codec: Id }>> };

/** How transport streams carry each codec. */
const TS_CODECS: Rows = {
  h264: {
    kind: TS_H264,
    clockRate: 90_000,
    streamTypes: [0x1b],
    describe: ({ parameterSets: { sps, pps } }) => ({
      codec: "h264",
      ...(sps && { sps }),
      ...(pps && { pps }),
    }),
    prefix: ({ sps, pps }) => startCodes(sps, pps),
  },
  h265: {
    kind: TS_H265,
    clockRate: 90_000,
    streamTypes: [0x24],
    isPrivate: (descriptors) => registers(descriptors, "HEVC"),
    describe: ({ parameterSets: { vps, sps, pps } }) => ({
      codec: "h265",
      ...(vps && { vps }),
      ...(sps && { sps }),
      ...(pps && { pps }),
    }),
    prefix: ({ vps, sps, pps }) => startCodes(vps, sps, pps),
  },
  mpeg12Video: {
    kind: TS_MPEG12_VIDEO,
    clockRate: 90_000,
    streamTypes: [0x02, 0x01],
    describe: () => ({ codec: "mpeg12Video" }),
  },
  mpeg4Audio: {
    kind: TS_AAC,
    clockRate: undefined,
    streamTypes: [0x0f],
    other: { streamType: 0x11, kind: TS_LATM },
    describe: ({ audioConfig }) => ({ codec: "mpeg4Audio", config: audioConfig }),
    prefix: ({ config }) => adtsHeader(parseAudioConfig(config)),
  },
  opus: {
    kind: TS_OPUS,
    clockRate: 48_000,
    streamTypes: [0x06],
    isPrivate: (descriptors) => registers(descriptors, "Opus"),
    describe: ({ channels }) => ({ codec: "opus", channels }),
    descriptors: ({ channels }) =>
      new Uint8Array([...registration("Opus"), EXTENSION, 2, OPUS_CONFIG, channels]),
  },
  mpeg12Audio: {
    kind: TS_MPEG12_AUDIO,
    clockRate: 90_000,
    streamTypes: [0x03, 0x04],
    describe: () => ({ codec: "mpeg12Audio" }),
  },
  ac3: {
    kind: TS_AC3,
    clockRate: undefined,
    streamTypes: [0x81],
    isPrivate: (descriptors) =>
      findDescriptor(descriptors, AC3) !== undefined || registers(descriptors, "AC-3"),
    describe: ({ sampleRate, channels }) => ({ codec: "ac3", sampleRate, channels }),
    descriptors: () => registration("AC-3"),
  },
};

export type TsCodecId = keyof Rows;

const ROWS = Object.values(TS_CODECS) as unknown as readonly Row[];
/** PES packets with private data: only descriptors say what they are. */
const PRIVATE = 0x06;

/** How an elementary stream is read; undefined when its codec is not known. */
export function tsKind(streamType: number, descriptors: Uint8Array): TsStreamKind | undefined {
  const isRow = ({ streamTypes, isPrivate, other }: Row) =>
    streamType === PRIVATE
      ? isPrivate?.(descriptors) === true
      : streamTypes.includes(streamType) || other?.streamType === streamType;
  const row = ROWS.find(isRow);
  if (row === undefined) return undefined;
  const { clockRate, other } = row;
  const kind = other?.streamType === streamType ? other.kind : row.kind;
  return { kind, clockRate, ...(kind === TS_OPUS && { channels: opusChannels(descriptors) }) };
}

/** What a track is, as far as it is known: all of it when it is ready. */
export function tsCodec(track: TsTrack): TsCodec {
  return (TS_CODECS[tsCodecId(track)] as unknown as Row).describe(track);
}

/** The name of a track's codec. */
export function tsCodecId({ kind }: TsTrack): TsCodecId {
  const ids = Object.keys(TS_CODECS) as TsCodecId[];
  return ids.find((id) => [TS_CODECS[id].kind, TS_CODECS[id].other?.kind].includes(kind.kind)) as TsCodecId;
}

/**
 * How a codec is written, for `TsWriter.setUp`.
 *
 * @throws {ProtocolError} if ADTS cannot say what the AAC is
 */
export function tsCarriage(codec: TsCodec): { kind: number; map: Uint8Array; prefix: Uint8Array } {
  const row = TS_CODECS[codec.codec] as unknown as Row;
  return {
    kind: row.kind,
    map: new Uint8Array([row.streamTypes[0] as number, ...(row.descriptors?.(codec) ?? [])]),
    prefix: row.prefix?.(codec) ?? new Uint8Array(0),
  };
}

const START_CODE = [0, 0, 0, 1];

function startCodes(...units: readonly (Uint8Array | undefined)[]): Uint8Array {
  return new Uint8Array(units.flatMap((unit) => (unit === undefined ? [] : [...START_CODE, ...unit])));
}

/** ISO/IEC 13818-1 §2.6.8. */
function registration(format: string): Uint8Array {
  return new Uint8Array([REGISTRATION, 4, ...Buffer.from(format, "latin1")]);
}

function registers(descriptors: Uint8Array, format: string): boolean {
  const content = findDescriptor(descriptors, REGISTRATION);
  return content !== undefined && Buffer.from(content.subarray(0, 4)).toString("latin1") === format;
}

/**
 * Channels by the configuration code of "Opus in MPEG-2 Transport Streams": 0 is two of their own (dual mono), others
 * are the number, or with 128 added streams without coupling.
 */
function opusChannels(descriptors: Uint8Array): number {
  const [tag, code] = findDescriptor(descriptors, EXTENSION) ?? [];
  if (tag !== OPUS_CONFIG || code === undefined || code === 0) return 2;
  const count = code & 0x7f;
  return count >= 1 && count <= 8 ? count : 2;
}
