import {
  KIND_AV1,
  KIND_H264,
  KIND_H265,
  KIND_MPEG4_VIDEO,
  KIND_MPEG12_VIDEO,
  KIND_PACKET,
  KIND_VP8,
  KIND_VP9,
  UNITS_AC3,
  UNITS_AV1,
  UNITS_FRAMES,
  UNITS_GENERIC,
  UNITS_H264,
  UNITS_H265,
  UNITS_MPEG4_VIDEO,
  UNITS_MPEG12_AUDIO,
  UNITS_MPEG12_VIDEO,
  UNITS_SAMPLES,
  UNITS_VP8,
  UNITS_VP9,
} from "../../assembly/abi.ts";
import type { Random } from "../support/random.ts";
import { makeMpa } from "./mpa-frames.ts";
import { concat } from "./twin/packet.ts";
import { withoutStartCodes } from "./twin/packetize.ts";
import { obusOf } from "./twin/packetizer-av1-vp.ts";

/** A codec whose units are packetized: a maker of random units, and what must come out again. */
export interface UnitMaker {
  readonly name: string;
  readonly format: number;
  readonly kind: number;
  readonly frameTicks: number;
  readonly sampleBytes?: number;
  /** Largest unit that packets can carry with `room` bytes of payload each. */
  readonly most?: (room: number) => number;
  /** A unit of about `size` bytes. */
  make(random: Random, size: number, isKey: boolean): Uint8Array;
  /** The unit as a depacketizer writes it. */
  readonly normal?: (unit: Uint8Array) => Uint8Array;
}

const raw = (random: Random, size: number) => random.bytes(size);

export const MAKERS: readonly UnitMaker[] = [
  {
    name: "H264",
    format: UNITS_H264,
    kind: KIND_H264,
    frameTicks: 3_000,
    make: (random, size, isKey) => makeNals(random, size, isKey ? [0x65, 0x06] : [0x41, 0x01, 0x06], false),
  },
  {
    name: "H265",
    format: UNITS_H265,
    kind: KIND_H265,
    frameTicks: 3_000,
    make: (random, size, isKey) => makeNals(random, size, isKey ? [38, 42, 78] : [0, 2, 78], true),
  },
  {
    name: "AV1",
    format: UNITS_AV1,
    kind: KIND_AV1,
    frameTicks: 3_000,
    make: makeObus,
    normal: (unit) => concat(obusOf(unit).flatMap(withSize)),
  },
  {
    name: "VP8",
    format: UNITS_VP8,
    kind: KIND_VP8,
    frameTicks: 3_000,
    make: (random, size, isKey) => begin(random.bytes(size), [isKey ? 0x10 : 0x11]),
  },
  { name: "VP9", format: UNITS_VP9, kind: KIND_VP9, frameTicks: 3_000, make: makeVp9 },
  {
    name: "AAC",
    format: UNITS_GENERIC,
    kind: KIND_PACKET,
    frameTicks: 1_024,
    most: () => 8_191,
    make: raw,
  },
  {
    name: "Opus",
    format: UNITS_FRAMES,
    kind: KIND_PACKET,
    frameTicks: 960,
    most: (room) => room,
    make: raw,
  },
  {
    name: "MPEG-1/2 Audio",
    format: UNITS_MPEG12_AUDIO,
    kind: KIND_PACKET,
    frameTicks: 2_351,
    make: (random) => makeMpa(random).bytes,
  },
  {
    name: "AC-3",
    format: UNITS_AC3,
    kind: KIND_PACKET,
    frameTicks: 1_536,
    most: (room) => 255 * (room - 2),
    make: raw,
  },
  {
    name: "samples",
    format: UNITS_SAMPLES,
    kind: KIND_PACKET,
    frameTicks: 1,
    sampleBytes: 6,
    make: (random, size) => random.bytes(Math.max(Math.floor(size / 6), 1) * 6),
  },
  {
    name: "MPEG-1/2 Video",
    format: UNITS_MPEG12_VIDEO,
    kind: KIND_MPEG12_VIDEO,
    frameTicks: 3_000,
    make: makeMpeg12,
  },
  {
    name: "MPEG-4 Video",
    format: UNITS_MPEG4_VIDEO,
    kind: KIND_MPEG4_VIDEO,
    frameTicks: 3_000,
    make: (random, size, isKey) => begin(random.bytes(size), [0, 0, 1, 0xb6, isKey ? 0x10 : 0x50]),
  },
];

function begin(bytes: Uint8Array, head: readonly number[]): Uint8Array {
  bytes.set(head.slice(0, bytes.length));
  return bytes;
}

/** NAL units of about `size` bytes in all. */
function makeNals(random: Random, size: number, types: readonly number[], isH265: boolean): Uint8Array {
  const head = isH265 ? 2 : 1;
  const count = random.between(1, 6);
  const nals = Array.from({ length: count }, (_, i) => {
    const length = random.chance(0.5) ? random.between(head, 60) : Math.ceil(size / count);
    const nal = withoutStartCodes(random.bytes(Math.max(length, head)));
    nal[0] = i === 0 ? types[0]! : random.pick(types);
    if (isH265) nal[1] = random.between(1, 7) | (random.below(4) << 3);
    else if (random.chance(0.3)) nal[0] = (nal[0] & 0x9f) | (random.below(4) << 5);
    return nal;
  });
  return concat(nals.flatMap((nal) => [big(nal.length), nal]));
}

function big(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

function leb128(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...leb128(Math.floor(value / 128))];
}

function makeObus(random: Random, size: number, isKey: boolean): Uint8Array {
  const count = random.between(1, 5);
  return concat(
    Array.from({ length: count }, (_, i) => {
      const type = isKey && i === 0 ? 1 : random.pick(i > 0 ? [3, 4, 5, 6, 2, 15] : [3, 6]);
      const length = random.chance(0.5) ? random.between(1, 40) : Math.ceil(size / count);
      const header = random.chance(0.3) ? [(type << 3) | 6, 0x20] : [(type << 3) | 2];
      return concat([new Uint8Array([...header, ...leb128(length)]), random.bytes(length)]);
    }),
  );
}

/** An OBU behind a size in four bytes. */
function withSize(obu: Uint8Array): Uint8Array[] {
  const head = obu[0]! & 4 ? 2 : 1;
  const size = obu.length - head;
  const padded = [(size & 127) | 128, ((size >> 7) & 127) | 128, ((size >> 14) & 127) | 128, size >> 21];
  return [new Uint8Array([obu[0]! | 2, ...obu.subarray(1, head), ...padded]), obu.subarray(head)];
}

function makeVp9(random: Random, size: number, isKey: boolean): Uint8Array {
  const bytes = random.bytes(size);
  if (!isKey) return begin(bytes, [0x84]);
  const head = random.pick([
    [0x82, 0x49, 0x83, 0x42, 0x20, 0x13, 0xf0, 0x0b, 0x30],
    [0xa2, 0x49, 0x83, 0x42, 0x20],
    [0x92, 0x49, 0x83, 0x42, 0x10],
    [0xb1, 0x24, 0xc1, 0xa1, 0x77],
    [0x80, 0x00],
  ]);
  return begin(bytes, head);
}

/** Headers, then slices of all sizes; sometimes two pictures (fields), sometimes no start code at all. */
function makeMpeg12(random: Random, size: number, isKey: boolean): Uint8Array {
  const type = isKey ? 1 : random.pick([2, 3]);
  const picture = () => {
    const head = random.bytes(8);
    head[1] = (head[1]! & 0xc7) | (type << 3);
    return concat([new Uint8Array([0, 0, 1, 0]), head, new Uint8Array([0, 0, 1, 0xb5]), random.bytes(5)]);
  };
  const parts: Uint8Array[] = [];
  if (isKey)
    parts.push(new Uint8Array([0, 0, 1, 0xb3]), random.bytes(8), new Uint8Array([0, 0, 1, 0xb8, 1, 2, 3, 4]));
  const count = random.between(1, 12);
  parts.push(picture());
  for (let i = 0; i < count; i++) {
    const length = random.chance(0.5) ? random.between(5, 90) : Math.ceil(size / count);
    parts.push(new Uint8Array([0, 0, 1, i + 1]), random.bytes(length));
    if (random.chance(0.05)) parts.push(picture());
  }
  const unit = concat(parts);
  return random.chance(0.9) ? unit : unit.subarray(random.below(unit.length));
}
