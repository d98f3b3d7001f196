import { FLV_AUDIO, FLV_VIDEO } from "../../assembly/abi.ts";
import { FlvMuxer } from "../../wasm/flv-muxer.ts";
import { writeChunks, writeRecords } from "../../wasm/rtmp-writer.ts";
import { writeAmf0 } from "../formats/amf/amf0-writer.ts";
import { ecmaArray } from "../formats/amf/value.ts";
import { flvHead, flvSequenceHeader } from "../formats/flv/messages.ts";
import { writeMetadata } from "../formats/flv/metadata.ts";
import { readFormat } from "../formats/rtp/unit-formats.ts";
import { RefusedError } from "../lib/errors.ts";
import type { KnownParameters } from "../media/codec-parameters.ts";
import { CODECS } from "../media/codecs.ts";
import { asKnown, withInBand } from "../media/parameters.ts";
import { usedUp } from "./budget.ts";
import { MuxedOutput, type RecordMuxer } from "./muxed-output.ts";
import type { OutputContext, OutputHost } from "./output.ts";
import type { RecordWriter } from "./record-writer.ts";
import { type InterleavedTrack, isVideo, UnitInterleaver } from "./unit-interleaver.ts";

/** Bytes of payload in a chunk: a record has one chunk. Readers are told with Set Chunk Size. */
export const RTMP_CHUNK_SIZE = 32_768;
/** The message stream that media is sent on. */
export const RTMP_STREAM_ID = 1;

/** Message types, and the chunk streams that they are sent on. */
const DATA = 18;
const CHUNK_STREAMS = { [FLV_AUDIO]: 4, [FLV_VIDEO]: 6, [DATA]: 5 } as const;
/** Bytes of a random access point that are parsed. */
const HEAD_BYTES = 4_096;
/** Where in the scratch memory messages are put together, and how large one can be. */
const BODY_AT = 40 * 1024;
const BODY_MAX = 24 * 1024;

/**
 * A stream as chunks of RTMP, made once for all its readers: all have the time base of the form. A message is a frame;
 * the preamble has `onMetaData` and the sequence headers.
 *
 * @param tracks indexes of the tracks, video first
 * @throws {RefusedError} if RTMP cannot carry one of them
 * @throws {BudgetError} if the media memory is used up
 */
export function rtmpOutput(stream: OutputHost, tracks: readonly number[]): MuxedOutput {
  const { description } = stream.context;
  const video = tracks.map((index) => isVideo(description.tracks[index]?.formats[0]));
  return MuxedOutput.of(stream, `rtmp ${tracks.join()}`, {
    name: "RTMP output",
    video,
    open: (records, context) => new RtmpMuxer(stream, records, context, tracks),
  });
}

class RtmpMuxer implements RecordMuxer {
  /** Its units come from another output of the stream. */
  readonly lag = 0;
  readonly #context: OutputContext;
  readonly #records: RecordWriter;
  readonly #writer: FlvMuxer;
  readonly #units: UnitInterleaver;
  /** Of the messages that are written, one after the other. */
  readonly #video = headerOf(FLV_VIDEO, 0);
  readonly #audio = headerOf(FLV_AUDIO, 0);
  /** Whether a random access point may change parameters without other notice. */
  readonly #mayDiffer: boolean;
  /** Sum of the parameter versions that the tracks were set up with. */
  #version = -1;
  /** What readers need first: bodies of messages, with their types. Empty before all parameters are known. */
  #preamble: readonly Part[] = [];
  /** Whether the preamble is written before the next unit. */
  #isDue = false;

  constructor(stream: OutputHost, records: RecordWriter, context: OutputContext, tracks: readonly number[]) {
    this.#context = context;
    this.#records = records;
    this.#writer = FlvMuxer.open(context.memory);
    this.#units = new UnitInterleaver(stream, context, { tracks, mayBegin: () => this.#describe() });
    this.#mayDiffer = this.#units.tracks.some(({ format }) => CODECS[format.codec].isInKeyFrames);
    if (this.#units.tracks.length === tracks.length) return;
    this.close();
    throw new RefusedError("RTMP cannot carry all of these tracks");
  }

  /** @throws {Error} if the output that made its units has failed */
  mux(now: number): void {
    for (let track = this.#units.next(); track !== undefined; track = this.#units.next()) {
      this.#write(track, now);
      this.#units.done(track);
    }
  }

  #write(track: InterleavedTrack, now: number): void {
    const { memory } = this.#context;
    const writer = this.#writer;
    const number = this.#units.tracks.indexOf(track);
    if (!writer.find(number, track.at, track.origin)) return;
    const timestamp = Math.max(writer.time, 0) >>> 0;
    if (this.#isDue) this.#writePreamble(timestamp, now);
    const header = track.isVideo ? this.#video : this.#audio;
    header.timestamp = timestamp;
    this.#records.begin(number, track.isVideo && writer.isKey, timestamp, now);
    if (!writeRecords(memory, this.#records.log, header, writer, RTMP_CHUNK_SIZE)) throw usedUp();
  }

  #writePreamble(timestamp: number, now: number): void {
    const { scratch, memory } = this.#context;
    let size = 0;
    for (const { type, body } of this.#preamble) {
      memory.u8.set(body, scratch + BODY_AT);
      const message = { src: scratch + BODY_AT, size: body.length, chunkSize: RTMP_CHUNK_SIZE };
      size += writeChunks(memory, scratch + size, headerOf(type, timestamp), message);
    }
    this.#isDue = false;
    this.#records.preamble(scratch, size, now);
  }

  /** Takes the parameters at the unit of the leading track that was found; false while some are unknown. */
  #describe(): boolean {
    const { log } = this.#context;
    const { tracks } = this.#units;
    let version = 0;
    for (const { index } of tracks) version += log.tracks[index]?.paramsVersion ?? 0;
    if (version === this.#version && !this.#mayDiffer) return true;
    const known = tracks.map((track) => this.#parametersOf(track));
    if (!known.every((parameters) => parameters !== undefined)) return this.#preamble.length > 0;
    this.#version = version;
    const preamble = preambleOf(known);
    if (isSame(preamble, this.#preamble)) return true;
    this.#preamble = preamble;
    this.#isDue = true;
    const ids = idsOf(known);
    const heads = tracks.flatMap(({ units, isVideo: video }, i) => {
      const head = flvHead(known[i] as KnownParameters, ids[i]);
      return head === undefined ? [] : [{ ...head, units, isVideo: video }];
    });
    if (heads.length < tracks.length) throw new RefusedError("RTMP cannot carry all of these tracks");
    if (!this.#writer.setUp(heads)) throw usedUp();
    return true;
  }

  /** Undefined while something is missing. */
  #parametersOf({ index, format, units, at, isVideo: video }: InterleavedTrack): KnownParameters | undefined {
    const read = readFormat(format);
    if (read === undefined) return undefined;
    const sets = this.#context.log.tracks[index]?.parameterSets;
    const head = video && units.find(at) ? units.head(HEAD_BYTES) : undefined;
    const inBand = { ...(head && { head }), ...(!video && { config: units.audioConfig }) };
    return asKnown(withInBand(read, { ...inBand, ...(sets && { sets }) }));
  }

  close(): void {
    this.#units.close();
    this.#writer.close();
  }
}

/** The number of each track among those of its kind: all but the first are written as multitrack. */
function idsOf(tracks: readonly KnownParameters[]): number[] {
  const kinds = tracks.map(({ codec }) => CODECS[codec].kind);
  return kinds.map((kind, i) => kinds.slice(0, i).filter((each) => each === kind).length);
}

/** A message of the preamble. */
interface Part {
  readonly type: keyof typeof CHUNK_STREAMS;
  readonly body: Uint8Array;
}

/** @throws {ProtocolError} if the parameters are invalid */
function preambleOf(tracks: readonly KnownParameters[]): Part[] {
  const ids = idsOf(tracks);
  const headers = tracks.flatMap((parameters, i): Part[] => {
    const body = flvSequenceHeader(parameters, ids[i]);
    const type = CODECS[parameters.codec].kind === "video" ? FLV_VIDEO : FLV_AUDIO;
    return body === undefined ? [] : [{ type, body }];
  });
  const metadata = writeMetadata(tracks.map((parameters) => ({ parameters, kbps: 0 })));
  const first: Part = { type: DATA, body: writeAmf0("onMetaData", ecmaArray(Object.fromEntries(metadata))) };
  return [first, ...headers].filter(({ body }) => body.length <= BODY_MAX);
}

function isSame(a: readonly Part[], b: readonly Part[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ body }, i) => Buffer.compare(body, b[i]?.body ?? body.subarray(1)) === 0)
  );
}

function headerOf(type: Part["type"], timestamp: number) {
  return { chunkStream: CHUNK_STREAMS[type], type, streamId: RTMP_STREAM_ID, timestamp };
}
