import {
  SAMPLE_AV1,
  SAMPLE_FRAMES,
  SAMPLE_H264,
  SAMPLE_H265,
  SAMPLE_PICTURES,
} from "../../../assembly/abi.ts";
import { assert } from "../../lib/assert.ts";
import { attempt, ProtocolError } from "../../lib/errors.ts";
import { parseSequenceHeader, readAv1Record, writeAv1Record } from "../../media/av1.ts";
import type {
  CodecId,
  CodecParameters,
  Known,
  KnownParameters,
  ParametersOf,
} from "../../media/codec-parameters.ts";
import { CODECS } from "../../media/codecs.ts";
import { parseH264Sps } from "../../media/h264.ts";
import { parseH265Sps } from "../../media/h265.ts";
import { parseAudioConfig } from "../../media/mpeg4-audio.ts";
import { readH264Record, readH265Record, writeH264Record, writeH265Record } from "../../media/nal-records.ts";
import { writeVp9Record } from "../../media/vp9.ts";
import { readAc3, readOpus, writeDops } from "./audio-configurations.ts";
import { box, fullBox } from "./boxes.ts";
import { av1Name, h265Name, vp9Name } from "./codec-names.ts";
import { decoderConfigOf, type ElementaryStream, readElementaryStream, writeEsds } from "./esds.ts";
import { type Box, bodyOf } from "./read-boxes.ts";
import { audioBoxes, audioEntry, type SampleDescription, visualBoxes, visualEntry } from "./sample-entry.ts";

/** How files carry a codec. */
interface Mp4Row<Parameters extends CodecParameters = CodecParameters> {
  /** Sample format for the core: SAMPLE_* of the ABI. */
  readonly kind: number;
  /** Types of sample entries (ISO/IEC 14496-12 §8.5.2) that may be of this codec. */
  readonly entries: readonly string[];
  /**
   * Reads the body of a sample entry; undefined when it is of another codec.
   *
   * @throws {ProtocolError} if it is invalid
   */
  read(body: Uint8Array, type: string): SampleDescription<Parameters> | undefined;
  /** Of codecs that are written, too: the sample entry, and the name in `CODECS` of playlists and in pages (RFC 6381). */
  readonly write?: {
    /** @throws {ProtocolError} if the parameters are invalid */
    entry(parameters: Known<Parameters>): Uint8Array;
    /** @throws {ProtocolError} if the parameters are invalid */
    name(parameters: Known<Parameters>): string;
  };
}

/** A parsed sample entry, and the sample format for the core: SAMPLE_* of the ABI. */
export type ReadEntry = SampleDescription & { readonly kind: number };

type Mp4Rows = { readonly [Id in CodecId]?: Mp4Row<ParametersOf<Id>> };

/** Written codecs are in order of preference: a reader of one track of a kind takes the first. */
export const MP4_CODECS = {
  av1: {
    kind: SAMPLE_AV1,
    entries: ["av01"],
    read: (body) => ({ parameters: { codec: "av1", sequenceHeader: readAv1c(body) } }),
    write: {
      entry: ({ sequenceHeader }) =>
        visualEntry("av01", parseSequenceHeader(sequenceHeader), box("av1C", writeAv1Record(sequenceHeader))),
      name: ({ sequenceHeader }) => av1Name(sequenceHeader),
    },
  },
  vp9: {
    kind: SAMPLE_PICTURES,
    entries: ["vp09"],
    // each key frame says all that is in the entry
    read: () => ({ parameters: { codec: "vp9" } }),
    write: {
      entry: ({ picture }) => visualEntry("vp09", picture, fullBox("vpcC", 1, 0, writeVp9Record(picture))),
      name: ({ picture }) => vp9Name(picture),
    },
  },
  h265: {
    kind: SAMPLE_H265,
    entries: ["hvc1", "hev1"],
    read: readHevc,
    write: {
      entry: (parameters) =>
        visualEntry("hvc1", parseH265Sps(parameters.sps), box("hvcC", writeH265Record(parameters))),
      name: ({ sps }) => h265Name(sps),
    },
  },
  h264: {
    kind: SAMPLE_H264,
    entries: ["avc1", "avc3"],
    read: readAvc,
    write: {
      entry: (parameters) =>
        visualEntry("avc1", parseH264Sps(parameters.sps), box("avcC", writeH264Record(parameters))),
      name: ({ sps }) => `avc1.${Buffer.from(sps.subarray(1, 4)).toString("hex")}`,
    },
  },
  opus: {
    kind: SAMPLE_FRAMES,
    entries: ["Opus"],
    read: (body) => ({ parameters: readOpus(body) }),
    write: {
      entry: ({ channels }) => audioEntry("Opus", channels, 48_000, writeDops(channels)),
      name: () => "opus",
    },
  },
  mpeg4Audio: {
    kind: SAMPLE_FRAMES,
    entries: ["mp4a"],
    read: (body) => {
      const stream = readEsds(body);
      if (!stream.isMpeg4Audio) return undefined;
      return { parameters: { codec: "mpeg4Audio", config: decoderConfigOf(stream) } };
    },
    write: {
      entry: ({ config }) => {
        const { channels, sampleRate } = parseAudioConfig(config);
        return audioEntry("mp4a", channels === 0 ? 2 : channels, sampleRate, writeEsds(config));
      },
      name: ({ config }) => `mp4a.40.${parseAudioConfig(config).objectType}`,
    },
  },
  vp8: {
    kind: SAMPLE_PICTURES,
    entries: ["vp08"],
    read: () => ({ parameters: { codec: "vp8" } }),
  },
  mpeg12Audio: {
    kind: SAMPLE_FRAMES,
    entries: [".mp3", "mp4a"],
    read: (body, type) =>
      type === ".mp3" || readEsds(body).isMpeg12Audio ? { parameters: { codec: "mpeg12Audio" } } : undefined,
  },
  ac3: {
    kind: SAMPLE_FRAMES,
    entries: ["ac-3"],
    read: (body) => ({ parameters: readAc3(body) }),
  },
} satisfies Mp4Rows;

const ROWS = Object.values(MP4_CODECS) as readonly Mp4Row[];

/** Codecs that are written, in the order of preference. */
export const MP4_WRITTEN: readonly CodecId[] = (Object.keys(MP4_CODECS) as CodecId[]).filter(
  (codec) => rowOf(codec)?.write !== undefined,
);

/** The codec of a name (RFC 6381) that can be read: names begin with the type of the sample entry. */
function readableCodec(name: string): CodecId | undefined {
  const type = name.toLowerCase().split(".", 1)[0];
  const rows = Object.entries(MP4_CODECS) as readonly [CodecId, Mp4Row][];
  return rows.find(([, { entries }]) => entries.some((entry) => entry.toLowerCase() === type))?.[0];
}

export function isReadable(name: string): boolean {
  return readableCodec(name) !== undefined;
}

export function isReadableVideo(name: string): boolean {
  const codec = readableCodec(name);
  return codec !== undefined && CODECS[codec].kind === "video";
}

/**
 * Reads a sample entry.
 *
 * @returns undefined when its codec is not known here
 * @throws {ProtocolError} if it is encrypted, or its parameters are invalid
 */
export function readSampleEntry({ type, body }: Box): ReadEntry | undefined {
  if (type === "encv" || type === "enca") throw new ProtocolError("encrypted tracks are not supported");
  for (const row of ROWS) {
    const description = row.entries.includes(type) ? row.read(body, type) : undefined;
    if (description !== undefined) return { ...description, kind: row.kind };
  }
  return undefined;
}

/** @throws {ProtocolError} if the parameters are invalid */
export function sampleEntry(parameters: KnownParameters): Uint8Array {
  return writing(parameters).entry(parameters);
}

/**
 * The name of a codec with its parameters (RFC 6381).
 *
 * @throws {ProtocolError} if the parameters are invalid
 */
export function codecName(parameters: KnownParameters): string {
  return writing(parameters).name(parameters);
}

function writing({ codec }: KnownParameters): NonNullable<Mp4Row["write"]> {
  const write = rowOf(codec)?.write;
  assert(write !== undefined, `files are not written with ${codec}`);
  return write;
}

function rowOf(codec: CodecId): Mp4Row | undefined {
  return (MP4_CODECS as Mp4Rows)[codec];
}

/** An invalid box is ignored: the units carry the same parameters in band. */
function readAv1c(body: Uint8Array): Uint8Array | undefined {
  const record = attempt(() => bodyOf(visualBoxes(body), "av1C", 4));
  return record && readAv1Record(record);
}

function readAvc(body: Uint8Array): SampleDescription<ParametersOf<"h264">> {
  const record = readH264Record(bodyOf(visualBoxes(body), "avcC", 7));
  if (record === undefined) throw new ProtocolError("invalid MP4: truncated parameter sets");
  const { sps, pps } = record.sets;
  const { lengthSize } = record;
  return { parameters: { codec: "h264", sps: sps[0], pps: pps[0] }, lengthSize, sets: [...sps, ...pps] };
}

function readHevc(body: Uint8Array): SampleDescription<ParametersOf<"h265">> {
  const record = readH265Record(bodyOf(visualBoxes(body), "hvcC", 23));
  if (record === undefined) throw new ProtocolError("invalid MP4: truncated parameter sets");
  const { vps, sps, pps } = record.sets;
  return {
    parameters: { codec: "h265", vps: vps[0], sps: sps[0], pps: pps[0] },
    lengthSize: record.lengthSize,
    sets: [...vps, ...sps, ...pps],
  };
}

function readEsds(body: Uint8Array): ElementaryStream {
  return readElementaryStream(bodyOf(audioBoxes(body), "esds", 4).subarray(4));
}
