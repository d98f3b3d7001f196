import { LogCursor } from "../../wasm/cursor.ts";
import type { ParameterSets } from "../../wasm/track.ts";
import { UnitLog, UnitPull, type UnitSetup } from "../../wasm/units.ts";
import { readFormat } from "../formats/rtp/unit-formats.ts";
import { unitSetup } from "../formats/rtp/units.ts";
import { pictureOf, withInBand } from "../media/parameters.ts";
import type { Format } from "../media/track.ts";
import { usedUp } from "./budget.ts";
import type { OutputContext, OutputHost, StreamOutput } from "./output.ts";
import { UnitAlignment } from "./unit-alignment.ts";

/** Reads some tracks of a stream as units. */
export interface UnitReader {
  /** Called when there may be new units. If it throws, the reader is removed. */
  pump(now: number): void;
  /** First entry of one of its tracks that it still needs. */
  needs(track: number): number;
  /** Called at most once, after the turn in which it failed. */
  failed(error: Error): void;
}

interface Member {
  readonly reader: UnitReader;
  /** Tracks that it takes. */
  readonly tracks: readonly number[];
}

const NO_SETS = { vps: undefined, sps: undefined, pps: undefined };

/** Access units and audio frames, made of the packets of the tracks that its readers take. */
export class UnitOutput implements StreamOutput {
  readonly name = "unit output";
  readonly #context: OutputContext;
  readonly #cursor: LogCursor;
  readonly #pull: UnitPull;
  /** By track of the stream; undefined for tracks without a reader and for codecs that have no units. */
  readonly #tracks: (UnitLog | undefined)[];
  /** Tracks (bits) whose parameter sets were not known when their units began. */
  #unordered = 0;
  readonly #alignment: UnitAlignment;
  readonly #members: Member[] = [];

  /** Starts at the last random access point of `tracks`, if the log still has it. */
  private constructor(context: OutputContext, tracks: readonly number[]) {
    const { memory, log } = context;
    const channels = log.tracks.map((_, i) => (tracks.includes(i) ? 2 * i : undefined));
    const cursor = LogCursor.open(memory, { log: log.address, tracks: channels.length, channels });
    const none = channels.map(() => undefined);
    const pull = cursor && UnitPull.open(memory, cursor, none);
    if (cursor === undefined || pull === undefined) {
      cursor?.close();
      throw usedUp();
    }
    this.#context = context;
    this.#cursor = cursor;
    this.#pull = pull;
    this.#tracks = none;
    this.#alignment = new UnitAlignment(context.times, this.#tracks);
    this.#cursor.toRandomAccess();
  }

  /**
   * Adds a reader of some tracks; it is called with the next flush.
   *
   * @throws {BudgetError} if the media memory is used up
   */
  static enter(stream: OutputHost, reader: UnitReader, tracks: readonly number[]): UnitOutput {
    const output = stream.outputOf(UnitOutput, (context) => new UnitOutput(context, tracks));
    output.#add(reader, tracks);
    return output;
  }

  get readers(): number {
    return this.#members.length;
  }

  get lag(): number {
    return this.#cursor.lag;
  }

  /** By track of the stream; undefined for tracks without a reader and for codecs that have no units. */
  get tracks(): readonly (UnitLog | undefined)[] {
    return this.#tracks;
  }

  #add(reader: UnitReader, tracks: readonly number[]): void {
    this.#members.push({ reader, tracks });
    try {
      for (const track of tracks) this.#openTrack(track);
    } catch (error) {
      this.remove(reader);
      throw error;
    }
    this.#context.mark();
  }

  #openTrack(track: number): void {
    const { memory, log, description } = this.#context;
    const format = description.tracks[track]?.formats[0] as Format | undefined;
    if (this.#tracks[track] !== undefined || format === undefined) return;
    const sets = log.tracks[track]?.parameterSets ?? NO_SETS;
    const setup = unitSetup(format, sets);
    if (setup === undefined) return;
    const units = UnitLog.open(memory, setup);
    if (units === undefined) throw usedUp();
    if (!saysOrder(format, sets)) this.#unordered |= 1 << track;
    this.#setTrack(track, units);
  }

  /** Of tracks that began before their parameter sets came in band: pictures are in the order that these say. */
  #order(): void {
    const { log, description } = this.#context;
    for (let track = 0; track < this.#tracks.length; track++) {
      const state = log.tracks[track];
      if ((this.#unordered & (1 << track)) === 0 || state === undefined || state.paramsVersion === 0)
        continue;
      const format = description.tracks[track]?.formats[0] as Format;
      const sets = state.parameterSets ?? NO_SETS;
      if (!saysOrder(format, sets)) continue;
      this.#unordered &= ~(1 << track);
      this.#tracks[track]?.learn(unitSetup(format, sets) as UnitSetup);
    }
  }

  #setTrack(track: number, units: UnitLog | undefined): void {
    this.#tracks[track] = units;
    if (units === undefined) this.#unordered &= ~(1 << track);
    this.#pull.setTrack(track, units);
    this.#alignment.forget(track);
  }

  /** Removes a reader; tracks without readers are no longer depacketized. */
  remove(reader: UnitReader): void {
    this.#leave(reader);
    this.#context.release(this);
  }

  #leave(reader: UnitReader): void {
    const i = this.#members.findIndex((member) => member.reader === reader);
    const [left] = i < 0 ? [] : this.#members.splice(i, 1);
    for (const track of left?.tracks ?? []) {
      const units = this.#tracks[track];
      if (units === undefined || this.#members.some(({ tracks }) => tracks.includes(track))) continue;
      this.#setTrack(track, undefined);
      units.close();
    }
  }

  /** Depacketizes new packets and calls the readers. */
  flush(now: number): void {
    if (this.#unordered !== 0) this.#order();
    for (let isMore = true; isMore && this.#members.length > 0; ) {
      isMore = this.#pull.pull();
      for (let i = this.#members.length - 1; i >= 0; i--)
        this.#pump((this.#members[i] as Member).reader, now);
      this.#trim();
    }
  }

  #pump(reader: UnitReader, now: number): void {
    try {
      reader.pump(now);
    } catch (error) {
      this.#context.fault(error, "reader of units");
      this.#end(reader, error as Error);
      this.remove(reader);
    }
  }

  #end(reader: UnitReader, error: Error): void {
    this.#context.clock.soon(() => reader.failed(error));
  }

  #trim(): void {
    for (let track = 0; track < this.#tracks.length; track++) {
      const units = this.#tracks[track];
      if (units === undefined) continue;
      let keep = units.headSeq;
      for (let i = 0; i < this.#members.length; i++) {
        const { reader, tracks } = this.#members[i] as Member;
        if (!tracks.includes(track)) continue;
        const needs = reader.needs(track);
        if (((needs - keep) | 0) < 0) keep = needs;
      }
      units.trim(keep);
    }
  }

  /** Wall clock of an instant of a track that has a reader, ms since 1970; see UnitAlignment. */
  wallOf(track: number, ticks: number): number {
    return this.#alignment.wallOf(track, ticks);
  }

  /** Realigns the tracks if sender reports allow it now; see UnitAlignment. */
  realign(ticks: readonly (number | undefined)[], except: number): void {
    this.#alignment.realign(ticks, except);
  }

  fail(error: Error): void {
    for (const { reader } of this.#members) this.#end(reader, error);
  }

  close(): void {
    this.#members.length = 0;
    this.#pull.close();
    this.#cursor.close();
    for (const track of this.#tracks) track?.close();
    this.#tracks.fill(undefined);
  }
}

/** Whether the parameters of a track say in which order its pictures come. */
function saysOrder(format: Format, sets: ParameterSets): boolean {
  const parameters = readFormat(format);
  return parameters !== undefined && pictureOf(withInBand(parameters, { sets })) !== undefined;
}
