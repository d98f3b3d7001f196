import type { MediaMemory } from "./core.ts";
import { type ElementaryStream, type ProgramMap, parseAssociation, parseProgramMap } from "./ts-tables.ts";

export interface TsProgramsOptions {
  readonly isKnown: (stream: ElementaryStream) => boolean;
  /** Hands the packets with an identifier to what is at an address; false when that cannot be. */
  readonly listen: (pid: number, target: number) => boolean;
  readonly ignore: (pid: number) => void;
  /** Told of the streams of the program that is chosen, again when they change. */
  readonly chosen: (streams: readonly ElementaryStream[]) => void;
}

/** Programs whose maps are looked at before one is chosen. */
const PROGRAMS_MAX = 16;
/** Identifiers that tables and streams may have (ISO/IEC 13818-1 table 2-3). */
const PID_MIN = 0x10;
const PID_MAX = 0x1ffe;

interface Program {
  readonly program: number;
  readonly pid: number;
  map: ProgramMap | undefined;
  /** How often its map has come. */
  seen: number;
}

/** Finds the program to read: the first one with a stream that is known. */
export class TsPrograms {
  readonly #memory: MediaMemory;
  readonly #options: TsProgramsOptions;
  /** Addresses of the tables that are listened to, by packet identifier. */
  readonly #sections = new Map<number, number>();
  /** Associations by number of their section, as a table may have several. */
  readonly #associations = new Map<number, readonly { program: number; pid: number }[]>();
  #version = "";
  #programs: Program[] = [];
  #chosen: Program | undefined;

  constructor(memory: MediaMemory, options: TsProgramsOptions) {
    this.#memory = memory;
    this.#options = options;
    this.#open(0);
  }

  /** Takes the sections that the core has put together. */
  receive(split: (bytes: Uint8Array) => Uint8Array[]): void {
    const { core, i32, u8 } = this.#memory;
    for (const [pid, address] of [...this.#sections]) {
      const done = (address + core.TS_SECTION_DONE_BYTES.value) >> 2;
      const size = i32[done] as number;
      if (size === 0) continue;
      i32[done] = 0;
      const start = address + core.TS_SECTION_DONE.value;
      for (const section of split(u8.slice(start, start + size))) this.#section(pid, section);
    }
  }

  #section(pid: number, section: Uint8Array): void {
    if (pid === 0) this.#associate(section);
    else this.#map(pid, section);
  }

  #associate(bytes: Uint8Array): void {
    const association = parseAssociation(bytes);
    if (association === undefined) return;
    const version = `${association.transportStream}/${association.version}`;
    if (version !== this.#version) this.#associations.clear();
    this.#version = version;
    this.#associations.set(association.section, association.programs);
    const before = this.#programs;
    const listed = [...this.#associations].sort(([a], [b]) => a - b).flatMap(([, programs]) => programs);
    this.#programs = listed
      .filter(({ pid }) => pid >= PID_MIN && pid <= PID_MAX)
      .slice(0, PROGRAMS_MAX)
      .map(
        ({ program, pid }) =>
          before.find((old) => old.program === program && old.pid === pid) ?? {
            program,
            pid,
            map: undefined,
            seen: 0,
          },
      );
    if (this.#chosen !== undefined && !this.#programs.includes(this.#chosen)) this.#chosen = undefined;
    this.#listen();
    this.#choose();
  }

  #map(pid: number, bytes: Uint8Array): void {
    const map = parseProgramMap(bytes);
    const program = this.#programs.find((each) => each.pid === pid && each.program === map?.program);
    if (map === undefined || program === undefined) return;
    program.map = map;
    program.seen += 1;
    if (program === this.#chosen) this.#options.chosen(map.streams);
    else this.#choose();
  }

  /** Chooses when no earlier program can be better, or its map has not come although this one has come twice. */
  #choose(): void {
    if (this.#chosen !== undefined) return;
    const isGood = ({ map }: Program) => map?.streams.some(this.#options.isKnown) === true;
    const first = this.#programs.find(isGood);
    if (first?.map === undefined) return;
    const earlier = this.#programs.slice(0, this.#programs.indexOf(first));
    if (first.seen < 2 && earlier.some(({ map }) => map === undefined)) return;
    this.#chosen = first;
    this.#listen();
    this.#options.chosen(first.map.streams);
  }

  /** Listens to the tables that are still of interest, which need not be told again and again. */
  #listen(): void {
    const chosen = this.#chosen;
    const wanted = new Set((chosen === undefined ? this.#programs : [chosen]).map(({ pid }) => pid));
    for (const pid of [...this.#sections.keys()]) if (pid !== 0 && !wanted.has(pid)) this.#close(pid);
    for (const pid of wanted) this.#open(pid);
    const { core, i32 } = this.#memory;
    for (const address of this.#sections.values()) {
      i32[(address + core.TS_SECTION_QUIET.value) >> 2] = chosen === undefined ? 0 : 1;
    }
  }

  #open(pid: number): void {
    if (this.#sections.has(pid)) return;
    const size = this.#memory.core.TS_SECTION_SIZE.value;
    const address = this.#memory.take(size);
    if (address === undefined) return;
    this.#memory.core.tsTargetOpen(address, 0, size);
    if (this.#options.listen(pid, address)) this.#sections.set(pid, address);
    else this.#memory.give(address);
  }

  #close(pid: number): void {
    this.#options.ignore(pid);
    this.#memory.give(this.#sections.get(pid) as number);
    this.#sections.delete(pid);
  }

  close(): void {
    for (const address of this.#sections.values()) this.#memory.give(address);
    this.#sections.clear();
  }
}
