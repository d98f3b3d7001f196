/** A part of a segment. */
export interface Part {
  /** Counted through the whole life of a muxer, from 0. */
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
  readonly parts: Part[];
  /** ms; 0 while it is in progress. */
  duration: number;
  /** Of the whole segment. */
  bytes: Blob | undefined;
  size: number;
}

/** A stretch without media, for the start of a low-latency playlist. */
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
  /** Gaps in front of the first segment, which gets that number. */
  readonly gaps: number;
}

/** The segments that a playlist names, and the one in progress. */
export class SegmentWindow {
  readonly #options: WindowOptions;
  readonly entries: Entry[] = [];
  /** Entries that are gone. */
  removed = 0;
  /** Segments that were named a moment ago: who has an older playlist still asks for them. */
  readonly #late: Segment[] = [];
  #open: Segment | undefined;
  #nextSegment: number;
  #nextPart = 0;
  /** Longest part so far, ms. */
  partTarget = 0;
  /** Grows with every part. */
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

  begin(start: number): void {
    this.#open = { id: this.#nextSegment, start, parts: [], duration: 0, bytes: undefined, size: 0 };
    this.#nextSegment += 1;
  }

  /** A part of the segment in progress is there. */
  addPart(bytes: Blob, duration: number, isIndependent: boolean): void {
    const segment = this.#open as Segment;
    segment.parts.push({ id: this.#nextPart, duration, isIndependent, bytes });
    segment.size += bytes.size;
    this.#nextPart += 1;
    this.partTarget = Math.max(this.partTarget, duration);
    this.version += 1;
  }

  /** The segment in progress is whole. */
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
    while (this.entries.length > this.#options.count) {
      const gone = this.entries.shift() as Entry;
      this.removed += 1;
      if (!isGap(gone)) this.#late.push(gone);
    }
    while (this.#late.length > 2) this.#late.shift();
    this.version += 1;
  }

  segment(id: number): Segment | undefined {
    return [...this.whole, ...this.#late].find((segment) => segment.id === id);
  }

  part(id: number): Part | undefined {
    const segments = [...this.whole, ...this.#late, ...(this.#open === undefined ? [] : [this.#open])];
    for (const { parts } of segments) {
      const first = parts[0]?.id ?? Number.POSITIVE_INFINITY;
      if (id >= first && id < first + parts.length) return parts[id - first];
    }
    return undefined;
  }

  /** Whether a playlist that names part `part` of segment `segment`, or whole segment without one, can be had. */
  has(segment: number, part: number | undefined): boolean {
    const { nextSegment } = this;
    if (segment < nextSegment) return true;
    if (segment > nextSegment || part === undefined) return false;
    return (this.#open?.parts.length ?? 0) > part;
  }
}

/** One piece of memory for a whole segment, of which its parts are slices from now on. */
function unite(parts: readonly Part[]): Blob {
  const whole = new Blob(parts.map(({ bytes }) => bytes));
  let at = 0;
  for (const part of parts) {
    const { size } = part.bytes;
    part.bytes = whole.slice(at, at + size);
    at += size;
  }
  return whole;
}
