import {
  KIND_AV1,
  KIND_H264,
  KIND_H265,
  KIND_MJPEG,
  KIND_MPEG4_VIDEO,
  KIND_MPEG12_VIDEO,
  KIND_VP8,
  KIND_VP9,
  PARAM_MAX,
  PARAM_PPS,
  PARAM_SPS,
  PARAM_VPS,
} from "../../../assembly/abi.ts";

/** The parameter sets of a track, kept as the core keeps them. */
export class ParamsTwin {
  known: number;
  version = 0;
  readonly sets = new Map<number, string>();
  /** What came so far of a NAL unit in fragments that is not a slice. */
  pieces: Uint8Array | undefined;

  readonly needed: number;

  constructor(known: number, needed: number) {
    this.known = known;
    this.needed = needed;
  }

  get complete(): boolean {
    return (this.known & this.needed) === this.needed;
  }

  keep(bit: number, unit: Uint8Array): void {
    this.known |= bit;
    if (unit.length > PARAM_MAX) return;
    const hex = Buffer.from(unit).toString("hex");
    if (this.sets.get(bit) === hex) return;
    this.sets.set(bit, hex);
    this.version += 1;
  }
}

/** Whether a payload shows a random access point; keeps the parameter sets in it. */
export function isRandomAccess(params: ParamsTwin, kind: number, payload: Uint8Array, gap: boolean): boolean {
  if (gap) params.pieces = undefined;
  if (payload.length === 0) return false;
  const test = TESTS.get(kind);
  return test?.(payload, params) ?? false;
}

type Test = (payload: Uint8Array, params: ParamsTwin) => boolean;

const TESTS = new Map<number, Test>([
  [KIND_H264, h264],
  [KIND_H265, h265],
  [KIND_VP8, vp8],
  [KIND_VP9, vp9],
  [KIND_AV1, av1],
  [KIND_MPEG4_VIDEO, mpeg4],
  [
    KIND_MPEG12_VIDEO,
    (payload) => payload.length > 4 && (bit(payload, 2, 5) || (byte(payload, 2) & 7) === 1),
  ],
  [KIND_MJPEG, () => true],
]);

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

function bit(bytes: Uint8Array, at: number, number: number): boolean {
  return ((byte(bytes, at) >> number) & 1) === 1;
}

/** The units of an aggregation packet whose first length is at `start`; ends at the first that does not fit. */
function aggregated(payload: Uint8Array, start: number): Uint8Array[] {
  const units: Uint8Array[] = [];
  let left = payload.subarray(start);
  while (left.length > 2) {
    const size = byte(left, 0) * 256 + byte(left, 1);
    if (size > left.length - 2) break;
    if (size > 0) units.push(left.subarray(2, 2 + size));
    left = left.subarray(2 + size);
  }
  return units;
}

/** The pieces between start codes. */
function split(bytes: Uint8Array): Uint8Array[] {
  const text = Buffer.from(bytes).toString("latin1");
  return text.split("\x00\x00\x01").map((piece) => new Uint8Array(Buffer.from(piece, "latin1")));
}

/** What the twin needs to know of H264 and H265. */
interface NalCodec {
  typeOf(unit: Uint8Array): number;
  /** Bytes of the header of a unit. */
  readonly head: number;
  isSlice(unit: Uint8Array): boolean;
  isRandomAccess(type: number): boolean;
  readonly sets: ReadonlyMap<number, number>;
}

const H264: NalCodec = {
  typeOf: (unit) => byte(unit, 0) % 32,
  head: 1,
  isSlice: (unit) => unit.length > 0 && [1, 2, 3, 4, 5].includes(H264.typeOf(unit)),
  isRandomAccess: (type) => type === 5,
  sets: new Map([
    [7, PARAM_SPS],
    [8, PARAM_PPS],
  ]),
};

const H265: NalCodec = {
  typeOf: (unit) => (byte(unit, 0) >> 1) % 64,
  head: 2,
  isSlice: (unit) => unit.length > 1 && H265.typeOf(unit) < 32 && byte(unit, 0) + byte(unit, 1) > 0,
  isRandomAccess: (type) => type >= 16 && type <= 21,
  sets: new Map([
    [32, PARAM_VPS],
    [33, PARAM_SPS],
    [34, PARAM_PPS],
  ]),
};

/** Looks at units up to the first slice, which goes up to the end. */
function look(codec: NalCodec, bytes: Uint8Array, params: ParamsTwin): boolean {
  for (const unit of split(bytes)) {
    if (codec.isSlice(unit)) return codec.isRandomAccess(codec.typeOf(unit)) && params.complete;
    enter(codec, unit, params);
  }
  return false;
}

function enter(codec: NalCodec, unit: Uint8Array, params: ParamsTwin): void {
  const size = unit.length > PARAM_MAX ? unit.length : unit.findLastIndex((each) => each !== 0) + 1;
  if (size < codec.head) return;
  const set = codec.sets.get(codec.typeOf(unit));
  if (set !== undefined) params.keep(set, unit.subarray(0, size));
}

/** Looks at a fragment: parameter sets count when their last byte is there, a slice when its header is. */
function fragment(codec: NalCodec, payload: Uint8Array, header: number, params: ParamsTwin): boolean {
  if (payload.length <= codec.head) return false;
  const starts = bit(payload, codec.head, 7);
  const type = byte(payload, codec.head) % (codec === H264 ? 32 : 64);
  if (starts) {
    const first = codec === H264 ? (byte(payload, 0) & 0xe0) | type : (byte(payload, 0) & 0x81) | (type << 1);
    const unit = codec === H264 ? [first] : [first, byte(payload, 1)];
    params.pieces = codec.isSlice(Uint8Array.from(unit)) ? undefined : Uint8Array.from(unit);
    if (params.pieces === undefined) return codec.isRandomAccess(type) && params.complete;
  }
  if (params.pieces === undefined) return false;
  const before = params.pieces;
  params.pieces = undefined;
  const whole = new Uint8Array(Buffer.concat([before, payload.subarray(Math.min(header, payload.length))]));
  const done = bit(payload, codec.head, 6);
  const units = split(whole);
  for (const [i, unit] of units.entries()) {
    // zeros at the end may be the beginning of a start code
    const size = unit.findLastIndex((each) => each !== 0) + 1;
    if (codec.isSlice(unit.subarray(0, size)))
      return codec.isRandomAccess(codec.typeOf(unit)) && params.complete;
    if (i === units.length - 1 && !done) params.pieces = unit;
    else enter(codec, unit.subarray(0, size), params);
  }
  return false;
}

function h264(payload: Uint8Array, params: ParamsTwin): boolean {
  const type = H264.typeOf(payload);
  if (type === 28 || type === 29) return fragment(H264, payload, type === 28 ? 2 : 4, params);
  params.pieces = undefined;
  if (type !== 24 && type !== 25) return look(H264, payload, params);
  const units = aggregated(payload, type === 24 ? 1 : 3);
  return units.map((unit) => look(H264, unit, params)).includes(true);
}

function h265(payload: Uint8Array, params: ParamsTwin): boolean {
  if (payload.length < 2) return false;
  const type = H265.typeOf(payload);
  if (type === 49) return fragment(H265, payload, 3, params);
  params.pieces = undefined;
  if (type !== 48) return look(H265, payload, params);
  return aggregated(payload, 2)
    .map((unit) => look(H265, unit, params))
    .includes(true);
}

/** X R N S R PID, then I L T K and their fields when X is set. */
function vp8(payload: Uint8Array): boolean {
  if (!bit(payload, 0, 4) || byte(payload, 0) % 8 !== 0) return false;
  let left = payload.subarray(1);
  if (bit(payload, 0, 7)) {
    if (payload.length < 3) return false;
    const extension = left;
    left = left.subarray(1);
    if (bit(extension, 0, 7)) left = left.subarray(bit(left, 0, 7) ? 2 : 1);
    if (bit(extension, 0, 6)) left = left.subarray(1);
    if (bit(extension, 0, 5) || bit(extension, 0, 4)) left = left.subarray(1);
  }
  return left.length > 0 && !bit(left, 0, 0);
}

/** I P L F B E V Z, then the fields they announce, then the uncompressed header of the frame. */
function vp9(payload: Uint8Array): boolean {
  const has = (number: number) => bit(payload, 0, number);
  if (has(6) || !has(3)) return false;
  let left = payload.subarray(1);
  if (has(7)) left = left.subarray(bit(left, 0, 7) ? 2 : 1);
  if (has(5)) {
    if (((byte(left, 0) >> 1) & 7) !== 0) return false;
    left = left.subarray(has(4) ? 1 : 2);
  }
  if (has(1)) left = withoutStructure(left);
  if (left.length === 0) return false;
  let bits = byte(left, 0).toString(2).padStart(8, "0");
  if (!bits.startsWith("10")) return false;
  bits = bits.slice(2, 4) === "11" ? bits.slice(5) : bits.slice(4);
  return bits.startsWith("00");
}

/** N_S Y G, sizes of the layers, and the picture group. */
function withoutStructure(payload: Uint8Array): Uint8Array {
  let left = payload.subarray(1);
  if (bit(payload, 0, 4)) left = left.subarray(4 * ((byte(payload, 0) >> 5) + 1));
  if (!bit(payload, 0, 3)) return left;
  const pictures = byte(left, 0);
  left = left.subarray(1);
  for (let i = 0; i < pictures; i++) left = left.subarray(1 + ((byte(left, 0) >> 2) & 3));
  return left;
}

/** Z Y W N, then the size of the first OBU unless W is 1, then its header. */
function av1(payload: Uint8Array): boolean {
  if (bit(payload, 0, 3)) return true;
  if (bit(payload, 0, 7)) return false;
  let left = payload.subarray(1);
  if (((byte(payload, 0) >> 4) & 3) !== 1) {
    let digits = 1;
    while (digits <= 8 && digits <= left.length && bit(left, digits - 1, 7)) digits += 1;
    left = left.subarray(digits);
  }
  return left.length > 0 && ((byte(left, 0) >> 3) & 15) === 1;
}

function mpeg4(payload: Uint8Array): boolean {
  const text = Buffer.from(payload.subarray(0, 512)).toString("latin1");
  const at = text.indexOf("\x00\x00\x01\xb6");
  return at >= 0 && at + 4 < text.length && text.charCodeAt(at + 4) < 64;
}
