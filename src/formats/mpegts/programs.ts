import type { TsStream, TsTables } from "../../../wasm/ts-sections.ts";
import { tsKind } from "./codecs.ts";
import { type ProgramMap, parseAssociation, parseProgramMap, splitSections } from "./tables.ts";

/** Programs that are considered. */
const PROGRAMS_MAX = 16;
/** PID of the program association table, and the range for program maps (ISO/IEC 13818-1 table 2-3). */
const ASSOCIATION_PID = 0;
const PID_MIN = 0x10;
const PID_MAX = 0x1ffe;

interface Program {
  readonly program: number;
  readonly pid: number;
  streams: readonly TsStream[] | undefined;
  /** How often its map has arrived. */
  seen: number;
}

/** Chooses the program of a transport stream to read: the first one with a known codec. */
export class TsPrograms implements TsTables {
  /** Sections of the association table by number. */
  readonly #associations = new Map<number, readonly { program: number; pid: number }[]>();
  #version = "";
  #programs: readonly Program[] = [];
  #chosen: Program | undefined;

  get pids(): ReadonlySet<number> {
    const wanted = this.#chosen === undefined ? this.#programs : [this.#chosen];
    return new Set([ASSOCIATION_PID, ...wanted.map(({ pid }) => pid)]);
  }

  get isSettled(): boolean {
    return this.#chosen !== undefined;
  }

  receive(pid: number, sections: Uint8Array): readonly TsStream[] | undefined {
    let streams: readonly TsStream[] | undefined;
    for (const section of splitSections(sections)) {
      streams = (pid === ASSOCIATION_PID ? this.#associate(section) : this.#map(pid, section)) ?? streams;
    }
    return streams;
  }

  #associate(section: Uint8Array): readonly TsStream[] | undefined {
    const association = parseAssociation(section);
    if (association === undefined) return undefined;
    const version = `${association.transportStream}/${association.version}`;
    if (version !== this.#version) this.#associations.clear();
    this.#version = version;
    this.#associations.set(association.section, association.programs);
    const before = this.#programs;
    const listed = [...this.#associations].sort(([a], [b]) => a - b).flatMap(([, programs]) => programs);
    this.#programs = listed
      .filter(({ pid }) => pid >= PID_MIN && pid <= PID_MAX)
      .slice(0, PROGRAMS_MAX)
      .map(({ program, pid }) => {
        const old = before.find((each) => each.program === program && each.pid === pid);
        return old ?? { program, pid, streams: undefined, seen: 0 };
      });
    if (this.#chosen !== undefined && !this.#programs.includes(this.#chosen)) this.#chosen = undefined;
    return this.#choose();
  }

  #map(pid: number, section: Uint8Array): readonly TsStream[] | undefined {
    const map = parseProgramMap(section);
    const program = this.#programs.find((each) => each.pid === pid && each.program === map?.program);
    if (map === undefined || program === undefined) return undefined;
    program.streams = streamsOf(map);
    program.seen += 1;
    return program === this.#chosen ? program.streams : this.#choose();
  }

  /** Chooses a program; waits for the map of an earlier one until this map has arrived twice. */
  #choose(): readonly TsStream[] | undefined {
    if (this.#chosen !== undefined) return undefined;
    const first = this.#programs.find(({ streams }) => streams?.some(({ kind }) => kind !== undefined));
    if (first === undefined) return undefined;
    const earlier = this.#programs.slice(0, this.#programs.indexOf(first));
    if (first.seen < 2 && earlier.some(({ streams }) => streams === undefined)) return undefined;
    this.#chosen = first;
    return first.streams;
  }
}

function streamsOf({ streams }: ProgramMap): readonly TsStream[] {
  return streams.map(({ pid, streamType, descriptors }) => ({
    pid,
    streamType,
    kind: tsKind(streamType, descriptors),
  }));
}
