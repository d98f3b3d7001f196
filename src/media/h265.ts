import { BitReader } from "../lib/bits.ts";
import { ProtocolError } from "../lib/errors.ts";
import { withoutEmulation } from "./nal.ts";
import type { PictureFacts } from "./picture.ts";

const MAX_SIDE = 16_384;
const MAX_SETS = 64;
const MAX_PICTURES = 16;

/** The fields of an H265 sequence parameter set, including those repeated in `hvcC`. */
export interface H265Facts extends PictureFacts {
  /** general_profile_space, tier and profile in one byte, as in the bitstream. */
  readonly profile: number;
  readonly compatibility: number;
  /** The six bytes of general constraint flags. */
  readonly constraints: Uint8Array;
  readonly level: number;
  readonly chromaFormat: number;
  readonly lumaDepth: number;
  readonly chromaDepth: number;
}

/**
 * Reads a sequence parameter set (ITU-T H.265 §7.3.2.2.1).
 *
 * @param sps the NAL unit, its header included
 * @throws {ProtocolError} if it is none
 */
export function parseH265Sps(sps: Uint8Array): H265Facts {
  if (sps.length < 16 || (((sps[0] as number) >> 1) & 63) !== 33) throw new ProtocolError("invalid H265 SPS");
  const plain = withoutEmulation(sps.subarray(2));
  const bits = new BitReader(plain);
  bits.skip(4);
  const layers = bits.read(3);
  bits.skip(1);
  if (plain.length < 13) throw new ProtocolError("invalid H265 SPS");
  const general = plain.subarray(1, 13);
  bits.skip(96);
  skipLayers(bits, layers);
  bits.golomb(); // sps_seq_parameter_set_id
  const chromaFormat = bits.golomb();
  const isSeparate = chromaFormat === 3 && bits.flag();
  const coded = { width: bits.golomb(), height: bits.golomb() };
  const window = bits.flag() ? Array.from({ length: 4 }, () => bits.golomb()) : [0, 0, 0, 0];
  const [left = 0, right = 0, top = 0, bottom = 0] = window;
  const unitX = isSeparate || chromaFormat === 0 || chromaFormat === 3 ? 1 : 2;
  const unitY = !isSeparate && chromaFormat === 1 ? 2 : 1;
  const width = coded.width - unitX * (left + right);
  const height = coded.height - unitY * (top + bottom);
  if (width <= 0 || height <= 0 || width > MAX_SIDE || height > MAX_SIDE) {
    throw new ProtocolError(`invalid H265 SPS: ${width}x${height}`);
  }
  const lumaDepth = bits.golomb() + 8;
  const chromaDepth = bits.golomb() + 8;
  const orderBits = bits.golomb() + 4;
  const reorderDepth = readOrdering(bits, layers);
  const frameRate = readFrameRate(bits, orderBits);
  return {
    width,
    height,
    reorderDepth,
    ...(frameRate !== undefined && { frameRate }),
    profile: general[0] as number,
    compatibility: new DataView(general.buffer, general.byteOffset).getUint32(1),
    constraints: general.slice(5, 11),
    level: general[11] as number,
    chromaFormat,
    lumaDepth,
    chromaDepth,
  };
}

/** Skips the profile of each temporal sub-layer (§7.3.3). */
function skipLayers(bits: BitReader, layers: number): void {
  const present = Array.from({ length: layers }, () => [bits.flag(), bits.flag()] as const);
  if (layers > 0) bits.skip(2 * (8 - layers));
  for (const [profile, level] of present) bits.skip((profile ? 88 : 0) + (level ? 8 : 0));
}

/** @returns sps_max_num_reorder_pics of the highest layer */
function readOrdering(bits: BitReader, layers: number): number {
  const isEach = bits.flag();
  let depth = 0;
  for (let i = isEach ? 0 : layers; i <= layers; i++) {
    bits.golomb();
    depth = bits.golomb();
    bits.golomb();
  }
  return Math.min(depth, MAX_PICTURES);
}

/** Skips the fields before the VUI, where that is simple; the frame rate is only for display. */
function readFrameRate(bits: BitReader, orderBits: number): number | undefined {
  try {
    for (let i = 0; i < 6; i++) bits.golomb();
    if (bits.flag() && bits.flag()) skipScalingLists(bits);
    bits.skip(2);
    if (bits.flag()) {
      bits.skip(8);
      bits.golomb();
      bits.golomb();
      bits.skip(1);
    }
    skipReferenceSets(bits);
    if (bits.flag()) {
      const count = bits.golomb();
      if (count > 32) return undefined;
      bits.skip(count * (orderBits + 1));
    }
    bits.skip(2);
    return bits.flag() ? readTiming(bits) : undefined;
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

function skipScalingLists(bits: BitReader): void {
  for (let size = 0; size < 4; size++) {
    for (let matrix = 0; matrix < 6; matrix += size === 3 ? 3 : 1) {
      if (!bits.flag()) {
        bits.golomb();
        continue;
      }
      if (size > 1) bits.signedGolomb();
      for (let i = 0; i < Math.min(64, 1 << (4 + 2 * size)); i++) bits.signedGolomb();
    }
  }
}

/** Short-term reference picture sets (§7.3.7). */
function skipReferenceSets(bits: BitReader): void {
  const sets = bits.golomb();
  if (sets > MAX_SETS) throw new ProtocolError("invalid H265 SPS: too many reference picture sets");
  let previous = 0;
  for (let i = 0; i < sets; i++) {
    if (i > 0 && bits.flag()) {
      bits.skip(1);
      bits.golomb();
      let count = 0;
      for (let j = 0; j <= previous; j++) {
        const isUsed = bits.flag();
        if (isUsed || bits.flag()) count += 1;
      }
      previous = count;
      continue;
    }
    const negative = bits.golomb();
    const positive = bits.golomb();
    if (negative > MAX_PICTURES || positive > MAX_PICTURES) throw new ProtocolError("invalid H265 SPS");
    for (let j = 0; j < negative + positive; j++) {
      bits.golomb();
      bits.skip(1);
    }
    previous = negative + positive;
  }
}

/** vui_parameters up to the timing (§E.2.1). */
function readTiming(bits: BitReader): number | undefined {
  if (bits.flag() && bits.read(8) === 255) bits.skip(32);
  if (bits.flag()) bits.skip(1);
  if (bits.flag()) {
    bits.skip(4);
    if (bits.flag()) bits.skip(24);
  }
  if (bits.flag()) {
    bits.golomb();
    bits.golomb();
  }
  bits.skip(3);
  if (bits.flag()) for (let i = 0; i < 4; i++) bits.golomb();
  if (!bits.flag()) return undefined;
  const unit = bits.read(32);
  const scale = bits.read(32);
  return unit === 0 || scale === 0 ? undefined : scale / unit;
}
