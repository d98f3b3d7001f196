import { ConfigError } from "../lib/errors.ts";

/** Most mistakes of one file that are shown. */
const SHOWN_MAX = 20;
/** Most that are kept. */
const KEPT_MAX = 1_000;

/** Where something is in a configuration: keys from the top on, items of lists by their index. */
export type Place = readonly string[];

/** Something wrong in a configuration. */
export interface Mistake {
  readonly error: ConfigError;
  /** The map or the value that it is in. */
  readonly place: Place;
  /** Parameters of that map that it is about, the most relevant one first. */
  readonly about?: readonly string[];
}

/** Takes a mistake; the reading goes on, unless this throws. */
export type Report = (mistake: Mistake) => void;

/** For edits: the first mistake ends the reading. */
export const throwFirst: Report = ({ error }) => {
  throw error;
};

/** A mistake in one entry of a map. */
export class EntryError extends ConfigError {
  /** The parameter meant. */
  readonly parameter: string | undefined;
  /** Keys below the entry; undefined if it is the key of the entry that is wrong. */
  readonly within: Place | undefined;

  constructor(text: string, parameter: string | undefined, within?: Place) {
    super(text);
    this.parameter = parameter;
    this.within = within;
  }
}

/** Runs `read`; reports a ConfigError. @returns undefined after one */
export function reporting<T>(report: Report, place: Place, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    report({ error, place });
    return undefined;
  }
}

/** A position in a text; both count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A mistake for people. */
export interface PlacedMistake {
  readonly text: string;
  /** Undefined if it is not in the file, but in the environment, or in what the file lacks. */
  readonly position: Position | undefined;
}

/** All mistakes of a configuration, in the order of the file. */
export class ConfigErrors extends ConfigError {
  readonly mistakes: readonly PlacedMistake[];

  /** How many there are; those beyond a limit are not kept. */
  readonly count: number;

  /** @param file its name, for the message; positions are left out without it */
  constructor(mistakes: readonly PlacedMistake[], { file, count }: { file?: string; count?: number } = {}) {
    const shown = mistakes.slice(0, SHOWN_MAX).map(({ text, position }) => {
      if (file === undefined || position === undefined) return text;
      return `${text} at ${file}:${position.line}:${position.column}`;
    });
    const all = count ?? mistakes.length;
    const more = all - shown.length;
    super([...shown, ...(more > 0 ? [`and ${more} more mistake${more === 1 ? "" : "s"}`] : [])].join("\n"));
    this.mistakes = mistakes;
    this.count = all;
  }
}

/** Collects the mistakes of a configuration. */
export class Mistakes {
  readonly #found: Mistake[] = [];
  readonly #placed: PlacedMistake[] = [];
  #count = 0;
  /** Parameters whose value is not known because of a mistake. */
  readonly #doubtful = new Set<string>();

  /** Takes a mistake in a value or a key. */
  readonly report: Report = (mistake) => {
    const { error, place, about = [] } = mistake;
    const parameter = error instanceof EntryError ? error.parameter : place.at(-1);
    if (parameter !== undefined) this.#doubtful.add(keyOf(place.slice(0, -1), parameter));
    for (const name of about) this.#doubtful.add(keyOf(place, name));
    this.#add(mistake);
  };

  /** Takes a conflict between valid values; left out if one of them is not known. */
  readonly reportCheck: Report = (mistake) => {
    const { place, about = [] } = mistake;
    const places = place[0] === "paths" ? [place, ["pathDefaults"]] : [place];
    if (places.some((at) => about.some((name) => this.#doubtful.has(keyOf(at, name))))) return;
    this.#add(mistake);
  };

  /** Takes a mistake that is not in a value of the file. */
  reportAt(error: ConfigError, position: Position | undefined): void {
    this.#count += 1;
    if (this.#placed.length < KEPT_MAX) this.#placed.push({ text: error.message, position });
  }

  #add(mistake: Mistake): void {
    this.#count += 1;
    if (this.#found.length < KEPT_MAX) this.#found.push(mistake);
  }

  /** @throws {ConfigErrors} if there are any */
  throwAny(locate: (mistake: Mistake) => Position | undefined): void {
    if (this.#count === 0) return;
    const found = this.#found.map((mistake) => ({
      text: mistake.error.message,
      position: locate(mistake),
    }));
    const mistakes = [...this.#placed, ...found].sort((a, b) => order(a.position, b.position));
    throw new ConfigErrors(mistakes, { count: this.#count });
  }
}

function keyOf(place: Place, name: string): string {
  return [...place, name].join("\0").toLowerCase();
}

function order(a: Position | undefined, b: Position | undefined): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  return a.line - b.line || a.column - b.column;
}
