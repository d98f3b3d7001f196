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
export function isRandomAccess(params: ParamsTwin, kind: number, payload: Uint8Array): boolean {
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
function aggregated(payload: Uint8Array, start: number, least: number): Uint8Array[] {
  const units: Uint8Array[] = [];
  let left = payload.subarray(start);
  while (left.length > 2) {
    const size = byte(left, 0) * 256 + byte(left, 1);
    if (size < least || size > left.length - 2) break;
    units.push(left.subarray(2, 2 + size));
    left = left.subarray(2 + size);
  }
  return units;
}

function h264(payload: Uint8Array, params: ParamsTwin): boolean {
  const type = byte(payload, 0) % 32;
  if (type === 28 || type === 29) {
    return payload.length >= 2 && bit(payload, 1, 7) && byte(payload, 1) % 32 === 5 && params.complete;
  }
  const units = type === 24 ? aggregated(payload, 1, 1) : type === 25 ? aggregated(payload, 3, 1) : [payload];
  let found = false;
  for (const unit of units) {
    const unitType = byte(unit, 0) % 32;
    if (unitType === 7) params.keep(PARAM_SPS, unit);
    if (unitType === 8) params.keep(PARAM_PPS, unit);
    if (unitType === 5 && params.complete) found = true;
  }
  return found;
}

function h265(payload: Uint8Array, params: ParamsTwin): boolean {
  if (payload.length < 2) return false;
  const type = (byte(payload, 0) >> 1) % 64;
  if (type === 49) {
    const inner = byte(payload, 2) % 64;
    return payload.length >= 3 && bit(payload, 2, 7) && inner >= 16 && inner <= 21 && params.complete;
  }
  let found = false;
  for (const unit of type === 48 ? aggregated(payload, 2, 2) : [payload]) {
    const unitType = (byte(unit, 0) >> 1) % 64;
    const set = [PARAM_VPS, PARAM_SPS, PARAM_PPS][unitType - 32];
    if (set !== undefined) params.keep(set, unit);
    if (unitType >= 16 && unitType <= 21 && params.complete) found = true;
  }
  return found;
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
