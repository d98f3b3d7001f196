import { TsWriter } from "../../wasm/mpegts.ts";
import type { UnitLog } from "../../wasm/units.ts";
import { TS_CODECS, tsCarriage } from "../formats/mpegts/codecs.ts";
import { readFormat } from "../formats/rtp/unit-formats.ts";
import { EndError, RefusedError } from "../lib/errors.ts";
import type { CodecParameters } from "../media/codec-parameters.ts";
import { CODECS, type CodecRow } from "../media/codecs.ts";
import { withInBand } from "../media/parameters.ts";
import type { Format } from "../media/track.ts";
import { orUsedUp, usedUp } from "./budget.ts";
import { MuxedOutput, type RecordMuxer } from "./muxed-output.ts";
import type { OutputContext, OutputHost } from "./output.ts";
import type { RecordWriter } from "./record-writer.ts";
import { UnitOutput, type UnitReader } from "./unit-output.ts";

/** Bytes of a record: seven packets, as SRT and UDP carry them. */
const RECORD_BYTES = 7 * 188;
/** Time between program tables, ms. */
const TABLES_MS = 400;
/** Audio/video shifts below this are not noticeable, ms. */
const VISIBLE_SHIFT_MS = 15;
const FIRST_PID = 256;

/**
 * A stream as MPEG-TS, made once for all its readers. Each frame begins a record, so that readers can drop whole frames;
 * the program tables are the preamble, and are repeated in front of each random access point.
 *
 * @param tracks indexes of the tracks, at most four; the first one carries the clock
 * @throws {RefusedError} if MPEG-TS cannot carry one of them
 * @throws {BudgetError} if the media memory is used up
 */
export function tsOutput(stream: OutputHost, tracks: readonly number[]): MuxedOutput {
  const { description } = stream.context;
  const video = tracks.map((index) => isVideo(description.tracks[index]?.formats[0]));
  return MuxedOutput.of(stream, `ts ${tracks.join()}`, {
    name: "MPEG-TS output",
    video,
    open: (records, context) => new TsMuxer(stream, records, context, tracks),
  });
}

function isVideo(format: Format | undefined): boolean {
  return format !== undefined && CODECS[format.codec].kind === "video";
}

interface Track {
  /** Index in the stream. */
  readonly index: number;
  readonly format: Format;
  readonly isVideo: boolean;
  readonly units: UnitLog;
  /** Entry of the next unit. */
  at: number;
  /** Ticks subtracted from its times; undefined before its first unit. */
  origin: number | undefined;
}

class TsMuxer implements RecordMuxer, UnitReader {
  /** Its units come from another output of the stream. */
  readonly lag = 0;
  readonly #context: OutputContext;
  readonly #records: RecordWriter;
  readonly #writer: TsWriter;
  readonly #units: UnitOutput;
  readonly #tracks: readonly Track[];
  /** Wall clock of the first unit written, ms since 1970. */
  #zero: number | undefined;
  /** When program tables were written last, monotonic ms. */
  #tablesTime = Number.NEGATIVE_INFINITY;
  /** Sum of the parameter versions that the tracks were set up with. */
  #version = -1;
  #error: Error | undefined;

  constructor(stream: OutputHost, records: RecordWriter, context: OutputContext, indexes: readonly number[]) {
    this.#context = context;
    this.#records = records;
    this.#writer = orUsedUp(TsWriter.open(context.memory));
    try {
      this.#units = UnitOutput.enter(stream, this, indexes);
    } catch (error) {
      this.#writer.close();
      throw error;
    }
    this.#tracks = indexes.flatMap((index) => {
      const units = this.#units.tracks[index];
      const format = context.description.tracks[index]?.formats[0];
      if (units === undefined || format === undefined || !(format.codec in TS_CODECS)) return [];
      return [{ index, format, isVideo: isVideo(format), units, at: units.headSeq, origin: undefined }];
    });
    if (this.#tracks.length < indexes.length) this.#refuse();
  }

  #refuse(): never {
    this.close();
    throw new RefusedError("MPEG-TS cannot carry all of these tracks");
  }

  needs(index: number): number {
    for (const track of this.#tracks) if (track.index === index) return track.at;
    return this.#units.tracks[index]?.headSeq ?? 0;
  }

  /** Does nothing: the same flush calls `mux`, which takes the units. */
  pump(): void {}

  failed(error: Error): void {
    this.#error = error;
    this.#context.mark();
  }

  /** @throws {Error} if the output that made its units has failed */
  mux(now: number): void {
    if (this.#units.readers === 0) throw this.#error ?? new EndError("the stream has no more units");
    for (let track = this.#earliest(); track !== undefined; track = this.#earliest()) {
      if (this.#mayWrite(track)) this.#write(track, now);
      track.at = (track.at + track.units.entries) | 0;
    }
  }

  /** The track whose next unit is decoded first; undefined when none has one. */
  #earliest(): Track | undefined {
    let best: Track | undefined;
    let bestTime = Number.POSITIVE_INFINITY;
    for (const track of this.#tracks) {
      if (!track.units.find(track.at)) continue;
      const time = this.#units.wallOf(track.index, track.units.dts);
      if (time >= bestTime) continue;
      best = track;
      bestTime = time;
    }
    return best;
  }

  /** Writing starts with a random access point of the first track, once the parameters of all tracks are known. */
  #mayWrite(track: Track): boolean {
    const { units, index } = track;
    const wall = this.#units.wallOf(index, units.dts);
    const isLeading = track === this.#tracks[0];
    const mayBegin = isLeading && (units.isKey || !track.isVideo);
    if (mayBegin && this.#describe()) {
      if (this.#zero === undefined) this.#zero = wall;
      else if (track.isVideo) this.#realign();
    }
    if (this.#zero === undefined || wall < this.#zero) return false;
    track.origin ??= this.#originOf(track);
    return true;
  }

  #write(track: Track, now: number): void {
    const { units, at, isVideo } = track;
    const origin = track.origin ?? 0;
    const isRandomAccess = units.isKey && isVideo;
    const number = this.#tracks.indexOf(track);
    if (isRandomAccess || now - this.#tablesTime >= TABLES_MS) this.#writeTables(now);
    this.#writer.select(number, at, (at + units.entries) | 0, origin);
    const time = Math.floor(((units.dts - origin) * 90_000) / units.clockRate);
    this.#records.begin(number, isRandomAccess, time >>> 0, now);
    if (!this.#writer.writeRecords(this.#records.log, RECORD_BYTES)) throw usedUp();
  }

  #writeTables(now: number): void {
    const { scratch } = this.#context;
    this.#tablesTime = now;
    this.#records.preamble(scratch, orUsedUp(this.#writer.writeTables(scratch)), now);
  }

  /** Sets up the tracks whose parameters have changed; false while some are unknown. */
  #describe(): boolean {
    const { log } = this.#context;
    let version = 0;
    for (const { index } of this.#tracks) version += log.tracks[index]?.paramsVersion ?? 0;
    if (version === this.#version) return true;
    const setups = this.#tracks.flatMap((track, i) => {
      const parameters = this.#parametersOf(track);
      const carriage = parameters && tsCarriage(parameters);
      return carriage ? [{ units: track.units, pid: FIRST_PID + i, hasClock: i === 0, ...carriage }] : [];
    });
    if (setups.length < this.#tracks.length) return false;
    this.#version = version;
    this.#writer.setUp(setups);
    return true;
  }

  /** Undefined while something is missing. */
  #parametersOf({ index, format, units }: Track): CodecParameters | undefined {
    const read = readFormat(format);
    if (read === undefined) return undefined;
    const sets = this.#context.log.tracks[index]?.parameterSets;
    const parameters = withInBand(read, { config: units.audioConfig, ...(sets && { sets }) });
    const row: CodecRow = CODECS[parameters.codec];
    return row.isComplete?.(parameters) === false ? undefined : parameters;
  }

  /** Aligns the tracks again by the sender reports that have arrived since. */
  #realign(): void {
    const leading = this.#tracks[0] as Track;
    const instants: (number | undefined)[] = [];
    for (const { index, units, at } of this.#tracks) if (units.find(at)) instants[index] = units.dts;
    this.#units.realign(instants, leading.index);
    for (const track of this.#tracks) {
      if (track === leading || track.origin === undefined) continue;
      const origin = this.#originOf(track);
      const shiftMs = (Math.abs(origin - track.origin) * 1000) / track.units.clockRate;
      if (shiftMs >= VISIBLE_SHIFT_MS) track.origin = origin;
    }
  }

  /** Ticks of a track at the time of the first unit. */
  #originOf({ units, index }: Track): number {
    return Math.round((((this.#zero ?? 0) - this.#units.wallOf(index, 0)) * units.clockRate) / 1000);
  }

  close(): void {
    this.#units.remove(this);
    this.#writer.close();
  }
}
