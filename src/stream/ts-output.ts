import { TsWriter } from "../../wasm/mpegts.ts";
import { TS_CODECS, tsCarriage } from "../formats/mpegts/codecs.ts";
import { readFormat } from "../formats/rtp/unit-formats.ts";
import { RefusedError } from "../lib/errors.ts";
import type { CodecParameters } from "../media/codec-parameters.ts";
import { CODECS, type CodecRow } from "../media/codecs.ts";
import { withInBand } from "../media/parameters.ts";
import { orUsedUp, usedUp } from "./budget.ts";
import { MuxedOutput, type RecordMuxer } from "./muxed-output.ts";
import type { OutputContext, OutputHost } from "./output.ts";
import type { RecordWriter } from "./record-writer.ts";
import { type InterleavedTrack, isVideo, UnitInterleaver } from "./unit-interleaver.ts";

/** Bytes of a record: seven packets, as SRT and UDP carry them. */
const RECORD_BYTES = 7 * 188;
/** Time between program tables, ms. */
const TABLES_MS = 400;
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

class TsMuxer implements RecordMuxer {
  /** Its units come from another output of the stream. */
  readonly lag = 0;
  readonly #context: OutputContext;
  readonly #records: RecordWriter;
  readonly #writer: TsWriter;
  readonly #units: UnitInterleaver;
  /** When program tables were written last, monotonic ms. */
  #tablesTime = Number.NEGATIVE_INFINITY;
  /** Sum of the parameter versions that the tracks were set up with. */
  #version = -1;

  constructor(stream: OutputHost, records: RecordWriter, context: OutputContext, tracks: readonly number[]) {
    this.#context = context;
    this.#records = records;
    this.#writer = orUsedUp(TsWriter.open(context.memory));
    try {
      this.#units = new UnitInterleaver(stream, context, { tracks, mayBegin: () => this.#describe() });
    } catch (error) {
      this.#writer.close();
      throw error;
    }
    const carried = this.#units.tracks.filter(({ format }) => format.codec in TS_CODECS);
    if (carried.length < tracks.length) this.#refuse();
  }

  #refuse(): never {
    this.close();
    throw new RefusedError("MPEG-TS cannot carry all of these tracks");
  }

  /** @throws {Error} if the output that made its units has failed */
  mux(now: number): void {
    for (let track = this.#units.next(); track !== undefined; track = this.#units.next()) {
      this.#write(track, now);
      this.#units.done(track);
    }
  }

  #write(track: InterleavedTrack, now: number): void {
    const { units, at, origin } = track;
    const isRandomAccess = units.isKey && track.isVideo;
    const number = this.#units.tracks.indexOf(track);
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
    const { tracks } = this.#units;
    let version = 0;
    for (const { index } of tracks) version += log.tracks[index]?.paramsVersion ?? 0;
    if (version === this.#version) return true;
    const setups = tracks.flatMap((track, i) => {
      const parameters = this.#parametersOf(track);
      const carriage = parameters && tsCarriage(parameters);
      return carriage ? [{ units: track.units, pid: FIRST_PID + i, hasClock: i === 0, ...carriage }] : [];
    });
    if (setups.length < tracks.length) return false;
    this.#version = version;
    this.#writer.setUp(setups);
    return true;
  }

  /** Undefined while something is missing. */
  #parametersOf({ index, format, units }: InterleavedTrack): CodecParameters | undefined {
    const read = readFormat(format);
    if (read === undefined) return undefined;
    const sets = this.#context.log.tracks[index]?.parameterSets;
    const parameters = withInBand(read, { config: units.audioConfig, ...(sets && { sets }) });
    const row: CodecRow = CODECS[parameters.codec];
    return row.isComplete?.(parameters) === false ? undefined : parameters;
  }

  close(): void {
    this.#units.close();
    this.#writer.close();
  }
}
