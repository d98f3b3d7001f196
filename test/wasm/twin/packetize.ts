import {
  KIND_AV1,
  KIND_H264,
  KIND_H265,
  KIND_PACKET,
  KIND_VP8,
  KIND_VP9,
  UNITS_AV1,
  UNITS_FRAMES,
  UNITS_GENERIC,
  UNITS_H264,
  UNITS_H265,
  UNITS_VP8,
  UNITS_VP9,
} from "../../../assembly/abi.ts";
import type { UnitSetup } from "../../../wasm/units.ts";
import type { Random } from "../../support/random.ts";
import { concat } from "./packet.ts";

/** A random frame: the payloads that carry it, and the units that must come out of them. */
export interface MadeFrame {
  readonly payloads: readonly Uint8Array[];
  readonly units: readonly { readonly bytes: Uint8Array; readonly isKey: boolean; readonly offset: number }[];
}

/** A codec with a slow packetizer of its own. */
export interface Codec {
  readonly name: string;
  /** UNITS_* and KIND_* of the ABI. */
  readonly format: number;
  readonly kind: number;
  /** What else a log of its units must know. */
  readonly setup?: Partial<UnitSetup>;
  make(random: Random): MadeFrame;
}

/** Ticks of a frame of AAC in these tests, and the sizes of the fields of its AU headers. */
export const AAC = { frameTicks: 1024, sizeBits: 13, indexBits: 3, deltaBits: 3 };

export const CODECS: readonly Codec[] = [
  { name: "H264", format: UNITS_H264, kind: KIND_H264, make: makeH264 },
  { name: "H265", format: UNITS_H265, kind: KIND_H265, make: makeH265 },
  { name: "AV1", format: UNITS_AV1, kind: KIND_AV1, make: makeAv1 },
  { name: "VP9", format: UNITS_VP9, kind: KIND_VP9, make: makeVp9 },
  { name: "VP8", format: UNITS_VP8, kind: KIND_VP8, make: makeVp8 },
  { name: "AAC", format: UNITS_GENERIC, kind: KIND_PACKET, make: makeAac },
  { name: "Opus", format: UNITS_FRAMES, kind: KIND_PACKET, make: makeOpus },
];

function big(value: number, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => Math.floor(value / 256 ** (size - 1 - i)) % 256);
}

/** Mostly small, sometimes larger than a block of the memory. */
function sizeOf(random: Random): number {
  if (random.chance(0.02)) return random.between(100_000, 300_000);
  return random.chance(0.3) ? random.between(1_000, 20_000) : random.between(3, 600);
}

function split(bytes: Uint8Array, random: Random): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = Math.min(bytes.length - at, random.between(1, 1_300));
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}

interface NalCodec {
  readonly headerSize: number;
  header(type: number): Uint8Array;
  readonly slices: readonly number[];
  readonly keys: readonly number[];
  readonly others: readonly number[];
  isKept(type: number): boolean;
  aggregate(units: readonly Uint8Array[]): Uint8Array;
  fragments(unit: Uint8Array, pieces: readonly Uint8Array[]): Uint8Array[];
}

const H264: NalCodec = {
  headerSize: 1,
  header: (type) => new Uint8Array([0x60 | type]),
  slices: [1],
  keys: [5],
  others: [6, 7, 8, 9, 12],
  isKept: (type) => ![7, 8, 9, 12].includes(type),
  aggregate: (units) =>
    concat([new Uint8Array([0x78]), ...units.flatMap((unit) => [big(unit.length, 2), unit])]),
  fragments: (unit, pieces) =>
    pieces.map((piece, i) => {
      const flags = (i === 0 ? 0x80 : 0) | (i === pieces.length - 1 ? 0x40 : 0);
      const [first = 0] = unit;
      return concat([new Uint8Array([(first & 0xe0) | 28, flags | (first & 31)]), piece]);
    }),
};

const H265: NalCodec = {
  headerSize: 2,
  header: (type) => new Uint8Array([type << 1, 1]),
  slices: [0, 1],
  keys: [19, 20, 21],
  others: [32, 33, 34, 35, 39],
  isKept: (type) => ![32, 33, 34, 35].includes(type),
  aggregate: (units) =>
    concat([new Uint8Array([48 << 1, 1]), ...units.flatMap((unit) => [big(unit.length, 2), unit])]),
  fragments: (unit, pieces) =>
    pieces.map((piece, i) => {
      const flags = (i === 0 ? 0x80 : 0) | (i === pieces.length - 1 ? 0x40 : 0);
      const [first = 0, second = 0] = unit;
      return concat([
        new Uint8Array([(first & 0x81) | (49 << 1), second, flags | ((first >> 1) & 63)]),
        piece,
      ]);
    }),
};

function makeH264(random: Random): MadeFrame {
  return makeNal(H264, random);
}

function makeH265(random: Random): MadeFrame {
  return makeNal(H265, random);
}

function makeNal(codec: NalCodec, random: Random): MadeFrame {
  const isKey = random.chance(0.2);
  const types = [
    ...Array.from({ length: random.below(3) }, () => random.pick(codec.others)),
    ...Array.from({ length: random.between(1, 4) }, () => random.pick(isKey ? codec.keys : codec.slices)),
  ];
  const units = types.map((type) =>
    concat([codec.header(type), withoutStartCodes(random.bytes(sizeOf(random)))]),
  );
  const payloads: Uint8Array[] = [];
  for (let i = 0; i < units.length; ) {
    const unit = units[i] as Uint8Array;
    const run = units.slice(i, i + random.between(1, 3));
    if (run.length > 1 && run.every(({ length }) => length < 700)) {
      payloads.push(codec.aggregate(run));
      i += run.length;
      continue;
    }
    const pieces = split(unit.subarray(codec.headerSize), random);
    if (unit.length < 1_400 && (pieces.length < 2 || random.chance(0.5))) payloads.push(unit);
    else payloads.push(...codec.fragments(unit, pieces));
    i += 1;
  }
  const kept = units.filter((_, i) => codec.isKept(types[i] as number));
  const bytes = concat(kept.flatMap((unit) => [big(unit.length, 4), unit]));
  return { payloads, units: [{ bytes, isKey, offset: 0 }] };
}

/** No NAL unit contains a start code (ITU-T H.264 §7.4.1). */
export function withoutStartCodes(bytes: Uint8Array): Uint8Array {
  for (let i = 2; i < bytes.length; i++) if (bytes[i] === 1 && !bytes[i - 1] && !bytes[i - 2]) bytes[i] = 3;
  if (bytes[0] === 0 && bytes[1] === 1) bytes[1] = 3; // behind a header that ends with a zero
  return bytes;
}

function leb128(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return new Uint8Array([...bytes, rest]);
    bytes.push((rest % 128) | 0x80);
  }
}

/** Elements with their sizes; each of them may be cut at the end of a packet. */
function makeAv1(random: Random): MadeFrame {
  const isKey = random.chance(0.2);
  const types = [
    ...(random.chance(0.3) ? [2] : []),
    ...(isKey ? [1] : []),
    ...Array.from({ length: random.between(1, 3) }, () => 6),
  ];
  const obus = types.map((type) =>
    concat([new Uint8Array([type << 3]), random.bytes(type === 2 ? 1 : sizeOf(random))]),
  );
  const bytes = concat(
    obus.flatMap((obu, i) => {
      if (types[i] === 2) return [];
      const size = obu.length - 1;
      const padded = [
        (size & 127) | 128,
        ((size >> 7) & 127) | 128,
        ((size >> 14) & 127) | 128,
        (size >> 21) & 127,
      ];
      return [new Uint8Array([(obu[0] as number) | 2, ...padded]), obu.subarray(1)];
    }),
  );
  const payloads: Uint8Array[] = [];
  let body: Uint8Array[] = [];
  let continues = false;
  const close = (goesOn: boolean) => {
    payloads.push(concat([new Uint8Array([(continues ? 0x80 : 0) | (goesOn ? 0x40 : 0)]), ...body]));
    body = [];
    continues = goesOn;
  };
  obus.forEach((obu, i) => {
    const pieces = split(obu, random).filter(({ length }) => length > 0);
    pieces.forEach((piece, j) => {
      if (body.length > 0 && concat(body).length + piece.length > 1_300) close(false);
      body.push(leb128(piece.length), piece);
      if (j < pieces.length - 1) close(true);
    });
    if (i === obus.length - 1 || random.chance(0.5)) close(false);
  });
  return { payloads, units: [{ bytes, isKey, offset: 0 }] };
}

function makeVp9(random: Random): MadeFrame {
  const isKey = random.chance(0.2);
  const bytes = concat([new Uint8Array([isKey ? 0x80 : 0x84]), random.bytes(sizeOf(random))]);
  const pieces = split(bytes, random);
  const hasLayers = random.chance(0.3);
  const payloads = pieces.map((piece, i) => {
    const flags =
      0x80 |
      (isKey ? 0 : 0x40) |
      (hasLayers ? 0x20 : 0) |
      (i === 0 ? 0x08 : 0) |
      (i === pieces.length - 1 ? 4 : 0);
    return concat([new Uint8Array([flags, 0x81, 0x23, ...(hasLayers ? [0, 7] : [])]), piece]);
  });
  return { payloads, units: [{ bytes, isKey, offset: 0 }] };
}

function makeVp8(random: Random): MadeFrame {
  const isKey = random.chance(0.2);
  const bytes = concat([new Uint8Array([isKey ? 0x10 : 0x11]), random.bytes(sizeOf(random))]);
  const payloads = split(bytes, random).map((piece, i) =>
    concat([new Uint8Array([0x80 | (i === 0 ? 0x10 : 0), 0x80, 0x81, 0x23]), piece]),
  );
  return { payloads, units: [{ bytes, isKey, offset: 0 }] };
}

function makeAac(random: Random): MadeFrame {
  const header = (sizes: readonly number[]) => {
    const words = sizes.map((size) => big(size * 8, 2)); // 13 bits of size, 3 of index 0
    return concat([big(16 * sizes.length, 2), ...words]);
  };
  if (random.chance(0.2)) {
    const frame = random.bytes(random.between(2_000, 6_000));
    const payloads = split(frame, random).map((piece) => concat([header([frame.length]), piece]));
    return { payloads, units: [{ bytes: frame, isKey: true, offset: 0 }] };
  }
  const frames = Array.from({ length: random.between(1, 4) }, () => random.bytes(random.between(1, 400)));
  const payload = concat([header(frames.map(({ length }) => length)), ...frames]);
  return {
    payloads: [payload],
    units: frames.map((bytes, i) => ({ bytes, isKey: true, offset: i * AAC.frameTicks })),
  };
}

function makeOpus(random: Random): MadeFrame {
  const bytes = random.bytes(random.between(1, 400));
  return { payloads: [bytes], units: [{ bytes, isKey: true, offset: 0 }] };
}
