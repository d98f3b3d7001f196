import type { MediaMemory } from "../../wasm/core.ts";
import { TsWriter } from "../../wasm/mpegts.ts";
import { type PartRange, PartWriter, type UnitLog } from "../../wasm/units.ts";
import { writeInit } from "../formats/fmp4/init.ts";
import { tsCarriage } from "../formats/mpegts/codecs.ts";
import { BudgetError, RefusedError } from "../lib/errors.ts";
import type { KnownParameters } from "../media/codec-parameters.ts";
import { CODECS } from "../media/codecs.ts";
import { withLengths } from "../media/nal.ts";
import { setsOf } from "../media/parameters.ts";

/** The container of the segment files. */
export type Container = "fmp4" | "mpegts";

/** Writes parts in a container. */
export interface Writer {
  /**
   * Takes the tracks with their parameters, before the first part and when they change.
   *
   * @returns the file that goes before all others; empty where there is none
   */
  setUp(tracks: readonly KnownParameters[], units: readonly UnitLog[]): Uint8Array<ArrayBuffer>;
  /** @returns views of media memory, to be copied at once; undefined when it cannot be done */
  write(ranges: readonly PartRange[], isSegmentStart: boolean): Uint8Array[] | undefined;
  close(): void;
}

/** @throws {BudgetError} if the media memory is used up */
export function openWriter(container: Container, memory: MediaMemory): Writer {
  const writer = container === "mpegts" ? TransportStream.open(memory) : Fragments.open(memory);
  if (writer === undefined) throw new BudgetError("the media memory is used up");
  return writer;
}

/** Fragmented MP4. */
class Fragments implements Writer {
  readonly #writer: PartWriter;
  #sequence = 0;
  /** Parameter sets as units of the segment have them, and those of the next segment. */
  #parameters: Uint8Array | undefined;
  #nextParameters = new Uint8Array(0);

  private constructor(writer: PartWriter) {
    this.#writer = writer;
  }

  static open(memory: MediaMemory): Fragments | undefined {
    const writer = PartWriter.open(memory);
    return writer && new Fragments(writer);
  }

  setUp(tracks: readonly KnownParameters[], units: readonly UnitLog[]): Uint8Array<ArrayBuffer> {
    this.#nextParameters = parameterSets(tracks[0]);
    this.#parameters ??= this.#nextParameters;
    const timed = tracks.map((parameters, i) => ({
      parameters,
      timescale: (units[i] as UnitLog).clockRate,
    }));
    return new Uint8Array(writeInit(timed));
  }

  write(ranges: readonly PartRange[], isSegmentStart: boolean): Uint8Array[] | undefined {
    this.#sequence += 1;
    const filled = ranges.filter(({ from, to }) => to !== from);
    const front = isSegmentStart && filled[0]?.isVideo ? this.#parameters : undefined;
    // new parameter sets apply from the segment that starts after this part
    this.#parameters = this.#nextParameters;
    return this.#writer.write(filled, this.#sequence, front);
  }

  close(): void {
    this.#writer.close();
  }
}

/**
 * Parameter sets of a video, each behind its length: they go in front of the random access point at the start of each
 * segment too. Players that take the init file only once, as FFmpeg does, show nothing right otherwise once they change.
 */
function parameterSets(track: KnownParameters | undefined): Uint8Array<ArrayBuffer> {
  return withLengths(track === undefined ? [] : setsOf(track));
}

const FIRST_PID = 256;

/** MPEG transport streams. */
class TransportStream implements Writer {
  readonly #writer: TsWriter;

  private constructor(writer: TsWriter) {
    this.#writer = writer;
  }

  static open(memory: MediaMemory): TransportStream | undefined {
    const writer = TsWriter.open(memory);
    return writer && new TransportStream(writer);
  }

  setUp(tracks: readonly KnownParameters[], units: readonly UnitLog[]): Uint8Array<ArrayBuffer> {
    this.#writer.setUp(
      tracks.map((track, i) => ({
        units: units[i] as UnitLog,
        pid: FIRST_PID + i,
        hasClock: i === 0,
        ...carriage(track),
      })),
    );
    return new Uint8Array(0);
  }

  write(ranges: readonly PartRange[], isSegmentStart: boolean): Uint8Array[] | undefined {
    return this.#writer.write(ranges, isSegmentStart);
  }

  close(): void {
    this.#writer.close();
  }
}

function carriage(parameters: KnownParameters): NonNullable<ReturnType<typeof tsCarriage>> {
  const found = tsCarriage(parameters);
  if (found !== undefined) return found;
  throw new RefusedError(`muxer error: MPEG-TS cannot carry ${CODECS[parameters.codec].label}`);
}
