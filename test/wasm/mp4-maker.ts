import { SAMPLE_AV1, SAMPLE_FRAMES, SAMPLE_H264, SAMPLE_H265, SAMPLE_PICTURES } from "../../assembly/abi.ts";
import { box, fullBox, text, u32, zeros } from "../../src/formats/fmp4/boxes.ts";
import type { Random } from "../support/random.ts";
import type { TwinTrack } from "./twin/mp4.ts";

const KINDS = [SAMPLE_FRAMES, SAMPLE_PICTURES, SAMPLE_H264, SAMPLE_H265, SAMPLE_AV1];
const SCALES = [1, 1_000, 12_800, 44_100, 48_000, 90_000, 600_000, 10_000_000, 0xffff_ffff];

/** A track with random properties. */
export function makeTrack(random: Random, id: number): TwinTrack {
  const kind = random.pick(KINDS);
  const set = random.bytes(random.between(1, 300));
  const hasSets = (kind === SAMPLE_H264 || kind === SAMPLE_H265) && random.chance(0.8);
  return {
    id,
    kind,
    rate: random.pick([8_000, 44_100, 48_000, 90_000]),
    lengthSize: random.pick([1, 2, 4]),
    sets: hasSets ? new Uint8Array([0, 0, set.length >> 8, set.length & 255, ...set]) : new Uint8Array(0),
    timescale: random.pick(SCALES),
    offset: random.chance(0.5) ? 0 : random.between(-100_000, 100_000),
    duration: random.below(5_000),
    size: random.between(1, 400),
    flags: random.chance(0.5) ? 0 : 0x10000,
    next: 0n,
    last: undefined,
  };
}

function big(value: number, size: number): number[] {
  return Array.from({ length: size }, (_, i) => Math.floor(value / 256 ** (size - 1 - i)) % 256);
}

/** A sample of a track; now and then one that makes no sense. */
function makeSample(random: Random, track: TwinTrack): Uint8Array {
  if (random.chance(0.03)) return random.bytes(random.below(60));
  if (track.kind === SAMPLE_AV1) return makeObus(random);
  if (track.kind !== SAMPLE_H264 && track.kind !== SAMPLE_H265) {
    return random.bytes(random.chance(0.02) ? random.between(60_000, 200_000) : random.between(1, 900));
  }
  const most = track.lengthSize === 1 ? 255 : track.lengthSize === 2 ? 9_000 : 150_000;
  const bytes: number[] = [];
  for (let left = random.between(1, 4); left > 0; left--) {
    const size = random.chance(0.05) ? random.between(0, most) : random.between(0, Math.min(most, 400));
    const unit = random.bytes(size);
    if (size > 0 && random.chance(0.8)) {
      const type = random.pick(
        track.kind === SAMPLE_H264 ? [1, 5, 6, 7, 8, 9] : [1, 19, 21, 32, 33, 34, 35, 39],
      );
      unit[0] = track.kind === SAMPLE_H264 ? 0x60 | type : type << 1;
    }
    bytes.push(...big(size, track.lengthSize));
    for (const byte of unit) bytes.push(byte);
  }
  return new Uint8Array(bytes);
}

function makeObus(random: Random): Uint8Array {
  const bytes: number[] = [];
  const count = random.between(1, 4);
  for (let i = 0; i < count; i++) {
    const hasSize = i < count - 1 || random.chance(0.5);
    const hasExtension = random.chance(0.3);
    const size = random.chance(0.1) ? random.between(100, 30_000) : random.between(0, 300);
    bytes.push((random.pick([1, 2, 3, 6, 15]) << 3) | (hasExtension ? 4 : 0) | (hasSize ? 2 : 0));
    if (hasExtension) bytes.push(0x28);
    if (hasSize) bytes.push((size & 127) | 128, ((size >> 7) & 127) | 128, (size >> 14) | 0);
    for (const byte of random.bytes(size)) bytes.push(byte);
  }
  return new Uint8Array(bytes);
}

interface Run {
  readonly fields: number;
  readonly samples: readonly Uint8Array[];
  /** Bytes between the data before and its own. */
  readonly gap: number;
}

interface Fragment {
  readonly track: TwinTrack;
  readonly flags: number;
  readonly size: number;
  readonly runs: readonly Run[];
}

function makeFragment(random: Random, track: TwinTrack): Fragment {
  let flags = random.below(64) & 0x3a;
  flags |= random.pick([0x20000, 0x20001, 1, 0]);
  const size = random.between(1, 300);
  const runs = Array.from({ length: random.between(1, 3) }, () => {
    const fields = (random.below(16) << 8) | (random.chance(0.5) ? 4 : 0) | 1;
    const samples = Array.from({ length: random.between(0, 6) }, () => makeSample(random, track));
    const fixed = (flags & 0x10) !== 0 ? size : track.size;
    // without sizes of their own all samples are as long as the default says
    const cut = samples.map((bytes) => {
      const sample = new Uint8Array(fixed);
      sample.set(bytes.subarray(0, fixed));
      return sample;
    });
    return {
      fields,
      samples: (fields & 0x200) !== 0 ? samples : cut,
      gap: random.chance(0.2) ? random.between(1, 50) : 0,
    };
  });
  return { track, flags, size, runs };
}

/** A segment with every kind of fragment (ISO/IEC 14496-12 §8.8), for tracks with these properties. */
export function makeSegment(random: Random, tracks: readonly TwinTrack[], position: number): Uint8Array {
  const pieces: Uint8Array[] = [];
  const add = (...bytes: Uint8Array[]) => pieces.push(...bytes);
  const place = () => position + pieces.reduce((sum, { length }) => sum + length, 0);
  if (random.chance(0.5)) add(box("styp", text("msdh"), u32(0)));
  const count = random.between(1, 4);
  for (let i = 0; i < count; i++) {
    if (random.chance(0.4))
      add(fullBox(random.pick(["sidx", "emsg", "prft", "free"]), 0, 0, random.bytes(random.below(99))));
    const fragments = tracks.filter(() => random.chance(0.8)).map((track) => makeFragment(random, track));
    if (random.chance(0.3)) fragments.reverse();
    addFragment(random, fragments, add, place(), i === count - 1);
  }
  return new Uint8Array(Buffer.concat(pieces));
}

function addFragment(
  random: Random,
  fragments: readonly Fragment[],
  add: (...bytes: Uint8Array[]) => void,
  start: number,
  isLast: boolean,
): void {
  const mdatHeader = random.pick(isLast ? [8, 16, 0] : [8, 16]);
  const between = random.chance(0.2) ? box("free", zeros(5)) : new Uint8Array(0);
  const times = fragments.map(() => random.pick([-1, random.below(1_000_000), random.below(0x7fff_ffff)]));
  const write = (size: number) => moof(fragments, times, { start, data: start + size });
  // the second pass knows how long the first was
  const head = write(0).length + between.length + (mdatHeader === 16 ? 16 : 8);
  add(write(head), between);
  const data: Uint8Array[] = [];
  for (const { runs } of fragments) {
    for (const { gap, samples } of runs) data.push(new Uint8Array(gap).fill(0xee), ...samples);
  }
  const media = Buffer.concat(data);
  if (mdatHeader === 16)
    add(new Uint8Array([...u32(1), ...text("mdat"), ...u32(0), ...u32(media.length + 16)]));
  else add(new Uint8Array([...u32(mdatHeader === 0 ? 0 : media.length + 8), ...text("mdat")]));
  add(new Uint8Array(media));
}

function moof(
  fragments: readonly Fragment[],
  times: readonly number[],
  { start, data }: { start: number; data: number },
): Uint8Array {
  let at = data;
  const trafs = fragments.map(({ track, flags, size, runs }, i) => {
    const optional = (bit: number, value: number) => ((flags & bit) === 0 ? [] : u32(value));
    const base = (flags & 1) !== 0 ? [...u32(0), ...u32(start + 7)] : [];
    const defaults = [
      ...optional(2, 1),
      ...optional(8, 1_000 + i),
      ...optional(16, size),
      ...optional(32, i === 0 ? 0x10000 : 0),
    ];
    const time = times[i] as number;
    const tfdt =
      time < 0 ? [] : [fullBox("tfdt", i & 1, 0, (i & 1) === 1 ? [...u32(0), ...u32(time)] : u32(time))];
    const before = at;
    const truns = runs.map(({ fields, samples, gap }, j) => {
      // where the offset counts from: what it says, the fragment, or the end of the track before
      const from = (flags & 1) !== 0 ? start + 7 : (flags & 0x20000) !== 0 || i === 0 ? start : before;
      at += gap;
      const offset = at - from;
      at += samples.reduce((sum, { length }) => sum + length, 0);
      const entries = samples.flatMap((sample, k) => [
        ...((fields & 0x100) !== 0 ? u32(40 * k + j) : []),
        ...((fields & 0x200) !== 0 ? u32(sample.length) : []),
        ...((fields & 0x400) !== 0 ? u32(k % 3 === 0 ? 0 : 0x10000) : []),
        ...((fields & 0x800) !== 0 ? u32(((k * 37) % 11) * 100 - 300) : []),
      ]);
      // the offset may be left out where the data go on
      const implied = j > 0 && gap === 0 && samples.length % 2 === 1;
      const shown = implied ? fields & ~1 : fields;
      return fullBox(
        "trun",
        1,
        shown,
        u32(samples.length),
        implied ? [] : u32(offset),
        (fields & 4) !== 0 ? u32(0x2000000) : [],
        entries,
      );
    });
    const tfhd = fullBox("tfhd", 0, flags, u32(track.id), base, defaults);
    return box("traf", tfhd, ...tfdt, ...truns);
  });
  return box("moof", fullBox("mfhd", 0, 0, u32(1)), ...trafs);
}
