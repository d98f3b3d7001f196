import {
  Line,
  Location,
  Profile,
  Function as ProfiledFunction,
  Sample,
  StringTable,
  ValueType,
} from "pprof-format";

/** Type and unit of a value of a sample: `["cpu", "nanoseconds"]`. */
export type Measure = readonly [type: string, unit: string];

/** A function on a stack. */
export interface Frame {
  readonly name: string;
  readonly file?: string;
  /** From 1. */
  readonly line?: number;
}

export interface ProfileOptions {
  /** The types of the values of each sample. */
  readonly measures: readonly Measure[];
  /** Wall clock of its start, ms since 1970. */
  readonly wall: number;
  /** Duration, ms; omitted for a snapshot. */
  readonly durationMs?: number;
  /** Type and period of the sampling. */
  readonly period?: readonly [measure: Measure, every: number];
}

/** Builds a profile as `go tool pprof` reads it (profile.proto). */
export class ProfileBuilder {
  readonly #options: ProfileOptions;
  readonly #strings = new StringTable();
  readonly #functions = new Map<string, ProfiledFunction>();
  readonly #locations = new Map<string, Location>();
  readonly #samples: Sample[] = [];

  constructor(options: ProfileOptions) {
    this.#options = options;
  }

  /**
   * Adds a sample.
   *
   * @param stack the innermost function first
   * @param value one number per type
   */
  add(stack: readonly Frame[], value: readonly number[]): void {
    const locationId = stack.map((frame) => this.#location(frame).id);
    this.#samples.push(new Sample({ locationId, value: [...value] }));
  }

  /** The profile as bytes, not compressed. */
  encode(): Uint8Array {
    const { measures, wall, durationMs = 0, period } = this.#options;
    const profile = new Profile({
      sampleType: measures.map((measure) => this.#measure(measure)),
      sample: this.#samples,
      location: [...this.#locations.values()],
      function: [...this.#functions.values()],
      timeNanos: BigInt(Math.round(wall)) * 1_000_000n,
      durationNanos: BigInt(Math.round(durationMs)) * 1_000_000n,
      ...(period !== undefined && { periodType: this.#measure(period[0]), period: period[1] }),
      stringTable: this.#strings,
    });
    return profile.encode();
  }

  #measure([type, unit]: Measure): ValueType {
    return new ValueType({ type: this.#strings.dedup(type), unit: this.#strings.dedup(unit) });
  }

  #location({ name, file = "", line = 0 }: Frame): Location {
    const key = `${name}\n${file}\n${line}`;
    const known = this.#locations.get(key);
    if (known !== undefined) return known;
    const { id: functionId } = this.#function(name, file);
    const location = new Location({ id: this.#locations.size + 1, line: [new Line({ functionId, line })] });
    this.#locations.set(key, location);
    return location;
  }

  #function(name: string, file: string): ProfiledFunction {
    const key = `${name}\n${file}`;
    const known = this.#functions.get(key);
    if (known !== undefined) return known;
    const text = this.#strings.dedup(name);
    const made = new ProfiledFunction({
      id: this.#functions.size + 1,
      name: text,
      systemName: text,
      filename: this.#strings.dedup(file),
    });
    this.#functions.set(key, made);
    return made;
  }
}
