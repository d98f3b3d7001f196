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
import type { TsTrackSetup } from "../../../wasm/mpegts.ts";
import type { TsStreamKind, TsTrack } from "../../../wasm/ts-track.ts";
import { assert } from "../../lib/assert.ts";
import type { CodecId, CodecParameters, ParametersOf } from "../../media/codec-parameters.ts";
import { adtsHeader, parseAudioConfig } from "../../media/mpeg4-audio.ts";
import { withStartCodes } from "../../media/nal.ts";
import { setsOf } from "../../media/parameters.ts";
import { findDescriptor } from "./tables.ts";

/** Tags of descriptors (ISO/IEC 13818-1 §2.6, ETSI EN 300 468 §6.1, §6.2). */
const REGISTRATION = 0x05;
const AC3 = 0x6a;
const EXTENSION = 0x7f;
/** Tag of the extension descriptor with the channels of Opus. */
const OPUS_CONFIG = 0x80;

/** What the core knows of an elementary stream. */
type TsFacts = Pick<TsTrack, "kind" | "parameterSets" | "audioConfig" | "sampleRate" | "channels">;

/** How transport streams carry a codec. */
interface TsRow<Parameters extends CodecParameters = CodecParameters> {
  /** How the core reads and writes it: TS_* of the ABI. */
  readonly kind: number;
  /** Clock rate in Hz; undefined: the sample rate of the stream. */
  readonly clockRate: number | undefined;
  /** Stream types of the codec (ISO/IEC 13818-1 table 2-34), the written one first. */
  readonly streamTypes: readonly number[];
  /** Stream type of another encapsulation that is only read, and its kind. */
  readonly other?: { readonly streamType: number; readonly kind: number };
  /** Whether the descriptors of a private data stream name the codec. */
  isPrivate?(descriptors: Uint8Array): boolean;
  /** Channels from the descriptors, where the stream itself does not carry them. */
  channels?(descriptors: Uint8Array): number;
  /** The parameters, as far as they have come. */
  read(track: TsFacts): Parameters;
  /** Descriptors that are written. */
  descriptors?(parameters: Parameters): Uint8Array;
  /**
   * What is written in front of random access points besides parameter sets; of AAC an ADTS header.
   *
   * @throws {ProtocolError} if it cannot say what the parameters are
   */
  header?(parameters: Parameters): Uint8Array;
}

type TsRows = { readonly [Id in CodecId]?: TsRow<ParametersOf<Id>> };

export const TS_CODECS = {
  h264: {
    kind: TS_H264,
    clockRate: 90_000,
    streamTypes: [0x1b],
    read: ({ parameterSets: { sps, pps } }) => ({ codec: "h264", sps, pps }),
  },
  h265: {
    kind: TS_H265,
    clockRate: 90_000,
    streamTypes: [0x24],
    isPrivate: (descriptors) => registers(descriptors, "HEVC"),
    read: ({ parameterSets: { vps, sps, pps } }) => ({ codec: "h265", vps, sps, pps }),
  },
  mpeg12Video: {
    kind: TS_MPEG12_VIDEO,
    clockRate: 90_000,
    streamTypes: [0x02, 0x01],
    read: () => ({ codec: "mpeg12Video" }),
  },
  mpeg4Audio: {
    kind: TS_AAC,
    clockRate: undefined,
    streamTypes: [0x0f],
    other: { streamType: 0x11, kind: TS_LATM },
    read: ({ audioConfig }) => ({ codec: "mpeg4Audio", config: audioConfig }),
    header: ({ config }) => adtsHeader(parseAudioConfig(config ?? NOTHING)),
  },
  opus: {
    kind: TS_OPUS,
    clockRate: 48_000,
    streamTypes: [0x06],
    isPrivate: (descriptors) => registers(descriptors, "Opus"),
    channels: opusChannels,
    read: ({ channels }) => ({ codec: "opus", channels }),
    descriptors: ({ channels }) =>
      new Uint8Array([...registration("Opus"), EXTENSION, 2, OPUS_CONFIG, channels]),
  },
  mpeg12Audio: {
    kind: TS_MPEG12_AUDIO,
    clockRate: 90_000,
    streamTypes: [0x03, 0x04],
    read: () => ({ codec: "mpeg12Audio" }),
  },
  ac3: {
    kind: TS_AC3,
    clockRate: undefined,
    streamTypes: [0x81],
    isPrivate: (descriptors) =>
      findDescriptor(descriptors, AC3) !== undefined || registers(descriptors, "AC-3"),
    read: ({ sampleRate, channels }) => ({ codec: "ac3", clockRate: sampleRate, channels }),
    descriptors: () => registration("AC-3"),
  },
} satisfies TsRows;

export type TsCodecId = keyof typeof TS_CODECS;

const ROWS = Object.entries(TS_CODECS) as readonly [TsCodecId, TsRow][];
/** PES packets with private data: only descriptors tell the codec. */
const PRIVATE = 0x06;
const NOTHING = new Uint8Array(0);

/** How an elementary stream is demuxed; undefined if its codec is not supported. */
export function tsKind(streamType: number, descriptors: Uint8Array): TsStreamKind | undefined {
  const row = ROWS.map(([, each]) => each).find(({ streamTypes, isPrivate, other }) =>
    streamType === PRIVATE
      ? isPrivate?.(descriptors) === true
      : streamTypes.includes(streamType) || other?.streamType === streamType,
  );
  if (row === undefined) return undefined;
  const { clockRate, other, channels } = row;
  const kind = other?.streamType === streamType ? other.kind : row.kind;
  return { kind, clockRate, ...(channels && { channels: channels(descriptors) }) };
}

/** The parameters of a track, complete once it is ready. */
export function readTsTrack(track: TsFacts): CodecParameters {
  return TS_CODECS[tsCodecId(track)].read(track);
}

/** The name of a track's codec. */
export function tsCodecId({ kind: { kind } }: Pick<TsFacts, "kind">): TsCodecId {
  const entry = ROWS.find(([, row]) => row.kind === kind || row.other?.kind === kind);
  assert(entry !== undefined, `no row of kind ${kind}`);
  return entry[0];
}

/**
 * How a codec is muxed, for `TsWriter.setUp`; undefined if MPEG-TS does not carry it.
 *
 * @throws {ProtocolError} if ADTS cannot say what the AAC is
 */
export function tsCarriage(
  parameters: CodecParameters,
): Pick<TsTrackSetup, "kind" | "map" | "prefix"> | undefined {
  const row: TsRow | undefined = (TS_CODECS as TsRows)[parameters.codec];
  return (
    row && {
      kind: row.kind,
      map: new Uint8Array([row.streamTypes[0] as number, ...(row.descriptors?.(parameters) ?? [])]),
      prefix: row.header?.(parameters) ?? withStartCodes(setsOf(parameters)),
    }
  );
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
