import type { CodecParameters } from "../../src/media/codec-parameters.ts";
import type { Random } from "../support/random.ts";
import { concat } from "./twin/packet.ts";

/** A unit of a transport stream. */
export interface MadeUnit {
  readonly bytes: Uint8Array;
  readonly isKey: boolean;
  /** Ticks of its track. */
  readonly ticks: number;
}

/** A codec of transport streams: a maker of units, the first of which is a random access point. */
export interface TsMaker {
  readonly codec: CodecParameters;
  readonly clockRate: number;
  readonly isVideo: boolean;
  make(random: Random, index: number): MadeUnit;
}

const FRAME = 3_600;

export const TS_MAKERS: readonly TsMaker[] = [
  { codec: { codec: "h264" }, clockRate: 90_000, isVideo: true, make: makeH264 },
  { codec: { codec: "h265" }, clockRate: 90_000, isVideo: true, make: makeH265 },
  { codec: { codec: "mpeg12Video" }, clockRate: 90_000, isVideo: true, make: makeMpegVideo },
  {
    codec: { codec: "mpeg4Audio", config: new Uint8Array([0x12, 0x10]) },
    clockRate: 44_100,
    isVideo: false,
    make: (random) => sound(random.bytes(random.between(1, random.chance(0.05) ? 8_000 : 900)), 1_024),
  },
  {
    codec: { codec: "opus", channels: 2 },
    clockRate: 48_000,
    isVideo: false,
    make: makeOpus,
  },
  { codec: { codec: "mpeg12Audio" }, clockRate: 90_000, isVideo: false, make: makeMpegAudio },
  {
    codec: { codec: "ac3", clockRate: 48_000, channels: 2 },
    clockRate: 48_000,
    isVideo: false,
    make: makeAc3,
  },
];

function sound(bytes: Uint8Array, ticks: number): MadeUnit {
  return { bytes, isKey: true, ticks };
}

/** Random bytes that hold no start code, neither by themselves nor with what stands around them. */
export function body(random: Random, size: number): Uint8Array {
  const bytes = random.bytes(size);
  let zeros = 0;
  for (let i = 0; i < size; i++) {
    if (random.chance(0.1)) bytes[i] = 0;
    if (zeros >= 2 && (bytes[i] as number) < 4) bytes[i] = 4;
    zeros = bytes[i] === 0 ? zeros + 1 : 0;
  }
  if (size > 0 && bytes[size - 1] === 0) bytes[size - 1] = 0x80;
  return bytes;
}

function sizeOf(random: Random): number {
  if (random.chance(0.01)) return random.between(100_000, 300_000);
  return random.chance(0.3) ? random.between(1_000, 20_000) : random.between(1, 600);
}

function nals(units: readonly Uint8Array[]): Uint8Array {
  return concat(
    units.flatMap((unit) => {
      const length = new Uint8Array(4);
      new DataView(length.buffer).setUint32(0, unit.length);
      return [length, unit];
    }),
  );
}

/** A first slice, and others. */
function slices(random: Random, header: readonly number[], count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => {
    const first = (i === 0 ? 0x80 : 0x40) | random.below(64);
    return concat([new Uint8Array([...header, first]), body(random, sizeOf(random))]);
  });
}

const SPS = new Uint8Array([0x67, 0x42, 0xc0, 0x1e, 0xda, 0x02, 0x80]);
const PPS = new Uint8Array([0x68, 0xce, 0x3c, 0x80]);

function makeH264(random: Random, index: number): MadeUnit {
  const isKey = index % 7 === 0;
  const units: Uint8Array[] = isKey ? [SPS, PPS] : [];
  if (random.chance(0.3)) units.push(concat([new Uint8Array([6]), body(random, 30)]));
  units.push(...slices(random, [isKey ? 0x65 : random.pick([0x41, 0x01])], random.between(1, 4)));
  return { bytes: nals(units), isKey, ticks: FRAME };
}

const H265_SETS = [
  new Uint8Array([0x40, 1, 0x0c, 1, 0xff]),
  new Uint8Array([0x42, 1, 1, 1, 0x60, 0x11]),
  new Uint8Array([0x44, 1, 0xc1, 0x72]),
];

function makeH265(random: Random, index: number): MadeUnit {
  const isKey = index % 7 === 0;
  const units: Uint8Array[] = isKey ? [...H265_SETS] : [];
  if (random.chance(0.3)) units.push(concat([new Uint8Array([0x4e, 1]), body(random, 30)]));
  units.push(...slices(random, [isKey ? 0x26 : random.pick([0x02, 0x00]), 1], random.between(1, 4)));
  if (random.chance(0.2)) units.push(concat([new Uint8Array([0x50, 1]), body(random, 20)]));
  return { bytes: nals(units), isKey, ticks: FRAME };
}

function makeMpegVideo(random: Random, index: number): MadeUnit {
  const isKey = index % 7 === 0;
  const number = index % 1_024;
  const parts: Uint8Array[] = [];
  const part = (code: number, ...bytes: Uint8Array[]) =>
    parts.push(new Uint8Array([0, 0, 1, code]), ...bytes);
  if (isKey) {
    part(0xb3, body(random, 8));
    part(0xb8, body(random, 4));
  }
  part(0x00, new Uint8Array([number >> 2, ((number & 3) << 6) | (isKey ? 0x0f : 0x17), 0xff]));
  const count = random.between(1, 9);
  for (let i = 0; i < count; i++) part(i + 1, body(random, Math.ceil(sizeOf(random) / count)));
  // stuffing belongs to what stands in front of it
  if (random.chance(0.1)) parts.push(new Uint8Array(random.between(1, 40)));
  return { bytes: concat(parts), isKey, ticks: FRAME };
}

function makeOpus(random: Random): MadeUnit {
  const bytes = random.bytes(random.between(3, random.chance(0.1) ? 1_300 : 200));
  const [toc, frames] = random.pick([
    [0x78, 1], // 20 ms
    [0xf9, 2], // two of 20 ms
    [0x0b, 3], // three of 20 ms, SILK
    [0xe0, 1], // 2.5 ms
  ] as const);
  bytes[0] = toc;
  bytes[1] = frames;
  const each = toc === 0xe0 ? 120 : 960;
  return sound(bytes, each * frames);
}

function makeMpegAudio(random: Random): MadeUnit {
  const bits = random.between(1, 14);
  const padding = random.below(2);
  const rates = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
  const bytes = random.bytes(Math.floor((144_000 * rates[bits - 1]!) / 44_100) + padding);
  bytes.set([0xff, 0xfb, (bits << 4) | (padding << 1)]);
  return sound(bytes, (1_152 * 90_000) / 44_100);
}

function makeAc3(random: Random): MadeUnit {
  const code = random.below(38);
  const rates = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640];
  const bytes = random.bytes(rates[code >> 1]! * 4);
  bytes.set([0x0b, 0x77]);
  bytes[4] = code;
  bytes[5] = 8 << 3;
  bytes[6] = 0x40;
  return sound(bytes, 1_536);
}
