import type { ByteBudget } from "./budget.ts";
import { InitFiles } from "./init-files.ts";

/** A part of a segment. */
export interface Part {
  /** Number of the part in the lifetime of the muxer, from 0. */
  readonly id: number;
  /** ms. */
  readonly duration: number;
  /** Whether it begins with a random access point. */
  readonly isIndependent: boolean;
  bytes: Blob;
}

/** A segment, whole or in progress. */
export interface Segment {
  readonly id: number;
  /** Wall clock of its first frame, ms since 1970. */
  readonly start: number;
  /** Number of the init file that it needs. */
  readonly init: number;
  /** Whether its parameters differ from those of the segment before. */
  readonly isDiscontinuity: boolean;
  readonly parts: Part[];
  /** ms; 0 while it is in progress. */
  duration: number;
  /** Bytes of the whole segment. */
  bytes: Blob | undefined;
  size: number;
  /** Bytes of it in memory. */
  kept: number;
}

/** A gap, for the start of a low-latency playlist. */
export interface Gap {
  readonly isGap: true;
  readonly duration: number;
}

export type Entry = Segment | Gap;

export function isGap(entry: Entry): entry is Gap {
  return "isGap" in entry;
}

export interface WindowOptions {
  /** Entries of a playlist. */
  readonly count: number;
  /** Number of gaps in front of the first segment, which is also its sequence number. */
  readonly gaps: number;
  /** The budget for the bytes; unlimited when omitted. */
  readonly budget?: ByteBudget;
}

/** Segments kept after they have left the playlist: clients with an older playlist still request them. */
const LATE_MAX = 2;

/** The segments that a playlist names, and the one in progress. */
export class SegmentWindow {
  readonly #options: WindowOptions;
  readonly entries: Entry[] = [];
  /** Removed entries, and the discontinuities among them. */
  readonly removed = { entries: 0, discontinuities: 0 };
  readonly #late: Segment[] = [];
  readonly #segments = new Map<number, Segment>();
  readonly #parts = new Map<number, Part>();
  readonly #inits = new InitFiles();
  #open: Segment | undefined;
  #nextSegment: number;
  #nextPart = 0;
  /** Longest part so far, ms. */
  partTarget = 0;
  /** Grows with every change of the playlist. */
  version = 0;

  constructor(options: WindowOptions) {
    this.#options = options;
    this.#nextSegment = options.gaps;
  }

  /** The segment in progress. */
  get open(): Segment | undefined {
    return this.#open;
  }

  /** Number of the part that comes next. */
  get nextPart(): number {
    return this.#nextPart;
  }

  /** Number of the segment that comes after those that are whole. */
  get nextSegment(): number {
    return this.#open?.id ?? this.#nextSegment;
  }

  /** Segments that are whole. */
  get whole(): Segment[] {
    return this.entries.filter((entry): entry is Segment => !isGap(entry));
  }

  /** How many segments are whole. */
  get wholeCount(): number {
    return this.#segments.size - this.#late.length;
  }

  /** Adds the init file of the segments from now on; it gets the next number, from 1. */
  describe(init: Uint8Array<ArrayBuffer>): void {
    this.#inits.add(new Blob([init]));
  }

  /** An init file by its number, while a stored segment needs it. */
  init(number: number): Blob | undefined {
    return this.#inits.get(number);
  }

  begin(start: number): void {
    const before = this.entries.at(-1);
    const { newest: init } = this.#inits;
    this.#open = {
      id: this.#nextSegment,
      start,
      init,
      isDiscontinuity: before !== undefined && !isGap(before) && before.init !== init,
      parts: [],
      duration: 0,
      bytes: undefined,
      size: 0,
      kept: 0,
    };
    this.#nextSegment += 1;
    this.version += 1;
  }

  /** Adds a part to the segment in progress. */
  addPart(bytes: Blob, duration: number, isIndependent: boolean): void {
    const segment = this.#open as Segment;
    const part: Part = { id: this.#nextPart, duration, isIndependent, bytes };
    segment.parts.push(part);
    segment.size += bytes.size;
    segment.kept += bytes.size;
    this.#options.budget?.take(bytes.size);
    this.#parts.set(part.id, part);
    this.#nextPart += 1;
    this.partTarget = Math.max(this.partTarget, duration);
    this.version += 1;
  }

  /** Completes the segment in progress. */
  end(): void {
    const segment = this.#open;
    if (segment === undefined) return;
    this.#open = undefined;
    segment.duration = segment.parts.reduce((sum, { duration }) => sum + duration, 0);
    segment.bytes = unite(segment.parts);
    if (this.entries.length === 0) {
      const gap: Gap = { isGap: true, duration: segment.duration };
      for (let i = 0; i < this.#options.gaps; i++) this.entries.push(gap);
    }
    this.entries.push(segment);
    this.#segments.set(segment.id, segment);
    while (this.entries.length > this.#options.count) this.#shift();
    while (this.#late.length > LATE_MAX) this.#forget(this.#late.shift() as Segment);
    this.version += 1;
  }

  #shift(): void {
    const gone = this.entries.shift() as Entry;
    this.removed.entries += 1;
    if (isGap(gone)) return;
    if (gone.isDiscontinuity) this.removed.discontinuities += 1;
    this.#late.push(gone);
  }

  /** Whether a completed segment is stored. */
  keeps(id: number): boolean {
    return this.#segments.has(id);
  }

  /** Replaces the bytes of a completed segment by its file. */
  stored(id: number, file: Blob): void {
    const segment = this.#segments.get(id);
    if (segment === undefined) return;
    segment.bytes = file;
    slice(file, segment.parts);
    this.#options.budget?.give(segment.kept);
    segment.kept = 0;
  }

  #forget({ id, parts, kept, init }: Segment): void {
    this.#segments.delete(id);
    for (const part of parts) this.#parts.delete(part.id);
    this.#options.budget?.give(kept);
    const oldest = this.#late[0] ?? this.entries.find((entry): entry is Segment => !isGap(entry));
    if (oldest !== undefined && oldest.init !== init) this.#inits.delete(init);
  }

  /** A completed segment. */
  segment(id: number): Segment | undefined {
    return this.#segments.get(id);
  }

  part(id: number): Part | undefined {
    return this.#parts.get(id);
  }

  /** Whether the playlist has part `part` of segment `segment`, or the whole segment if `part` is undefined. */
  has(segment: number, part: number | undefined): boolean {
    const { nextSegment } = this;
    if (segment < nextSegment) return true;
    if (segment > nextSegment || part === undefined) return false;
    return (this.#open?.parts.length ?? 0) > part;
  }

  /** Releases what it stores; it has nothing to serve any more. */
  close(): void {
    const all = [...this.#segments.values(), ...(this.#open === undefined ? [] : [this.#open])];
    this.#options.budget?.give(all.reduce((sum, { kept }) => sum + kept, 0));
    this.entries.length = 0;
    this.#late.length = 0;
    this.#segments.clear();
    this.#parts.clear();
    this.#inits.clear();
    this.#open = undefined;
  }
}

/** Joins the parts of a segment into one Blob, of which they are slices from now on. */
function unite(parts: readonly Part[]): Blob {
  const whole = new Blob(parts.map(({ bytes }) => bytes));
  slice(whole, parts);
  return whole;
}

/** Replaces the bytes of parts by slices of their segment. */
function slice(whole: Blob, parts: readonly Part[]): void {
  let at = 0;
  for (const part of parts) {
    const { size } = part.bytes;
    part.bytes = whole.slice(at, at + size);
    at += size;
  }
}
