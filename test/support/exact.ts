/** A frame as FFmpeg's `framemd5` lists it. */
export interface Frame {
  /** Decoding time, s. */
  readonly time: number;
  readonly hash: string;
}

/** Reads the first stream of what `-f framemd5` prints. Side data adds fields at the end of a line; they are left out. */
export function parseFrames(listing: Uint8Array): Frame[] {
  const frames: Frame[] = [];
  let unit = 0;
  for (const line of new TextDecoder().decode(listing).split("\n")) {
    const base = /^#tb 0: (\d+)\/(\d+)/.exec(line);
    if (base !== null) unit = Number(base[1]) / Number(base[2]);
    const [stream, dts, , , , hash] = line.split(/,\s*/);
    if (stream === "0" && hash !== undefined) frames.push({ time: Number(dts) * unit, hash });
  }
  return frames;
}

/** Which part of the source came out. */
export interface Run {
  /** Index in the source of the first item. */
  readonly first: number;
  readonly length: number;
}

/** How many items may be strange at the ends of what was received, as the reader came or left in the middle of them. */
export interface Slack {
  readonly head?: number;
  readonly tail?: number;
}

/**
 * Checks that what was received is one run of the source, which starts over at its end: nothing is missing, doubled,
 * out of place or changed.
 *
 * @throws {Error} that says where the run breaks
 */
export function contiguousRun<T>(source: ArrayLike<T>, received: ArrayLike<T>, slack: Slack = {}): Run {
  const last = received.length - (slack.tail ?? 0);
  let best: Break = { at: -1, source: -1 };
  for (let start = 0; start <= (slack.head ?? 0); start++) {
    for (const first of places(source, received[start])) {
      const at = firstDifference(source, received, { start, first, last });
      if (at === last) return { first, length: last - start };
      if (at > best.at) best = { at, source: (first + at - start) % source.length };
    }
  }
  throw new Error(describeBreak(source, received, best));
}

interface Break {
  /** Index of the first wrong item received. */
  readonly at: number;
  /** Index of the item of the source that should stand there. */
  readonly source: number;
}

function* places<T>(source: ArrayLike<T>, item: T | undefined): Generator<number> {
  for (let i = 0; i < source.length; i++) if (source[i] === item) yield i;
}

function firstDifference<T>(
  source: ArrayLike<T>,
  received: ArrayLike<T>,
  { start, first, last }: { start: number; first: number; last: number },
): number {
  let expected = first;
  for (let at = start; at < last; at++) {
    if (received[at] !== source[expected]) return at;
    expected = expected + 1 === source.length ? 0 : expected + 1;
  }
  return last;
}

function describeBreak<T>(
  source: ArrayLike<T>,
  received: ArrayLike<T>,
  { at, source: expected }: Break,
): string {
  if (received.length === 0) return "nothing was received";
  const sizes = `${received.length} received, ${source.length} in the source`;
  if (at < 0) return `the first item received is not in the source (${sizes})`;
  const found = [...places(source, received[at])];
  const what = found.length === 0 ? "unknown" : `number ${found.slice(0, 3).join(", ")} of the source`;
  return `item ${at} received should be number ${expected} of the source, but is ${what} (${sizes})`;
}

/**
 * Checks the times of frames that come at an even rate: each later than the one before, none missing.
 *
 * @param rate frames a second
 * @throws {Error} that says where
 */
export function evenTimes(frames: readonly Frame[], rate: number): void {
  frames.forEach((frame, i) => {
    const before = frames[i - 1];
    if (before !== undefined && !(frame.time > before.time)) {
      throw new Error(`frame ${i} is not later than the one before: ${before.time} s, ${frame.time} s`);
    }
  });
  const span = (frames.at(-1)?.time ?? 0) - (frames[0]?.time ?? 0);
  const expected = (frames.length - 1) / rate;
  if (Math.abs(span - expected) > 0.15) {
    throw new Error(`${frames.length} frames span ${span.toFixed(3)} s instead of ${expected.toFixed(3)} s`);
  }
}
