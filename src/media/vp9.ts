import { BitReader } from "../lib/bits.ts";
import { ProtocolError } from "../lib/errors.ts";
import type { PictureFacts } from "./picture.ts";

/** The header of a VP9 key frame (VP9 bitstream specification §6.2). */
export interface Vp9Facts extends PictureFacts {
  readonly profile: number;
  /** 8, 10 or 12. */
  readonly bitDepth: number;
  readonly subsamplingX: number;
  readonly subsamplingY: number;
  readonly isFullRange: boolean;
  /** color_space of the bitstream. */
  readonly colorSpace: number;
  /** Ten times the level (VP9 bitstream specification annex A), by the size of the picture alone. */
  readonly level: number;
}

const FRAME_MARKER = 2;
const SYNC_CODE = 0x498342;
const RGB = 7;
/** Largest luma pictures, samples, and the level that allows them. */
const LEVELS = [
  [36_864, 10],
  [73_728, 11],
  [122_880, 20],
  [245_760, 21],
  [552_960, 30],
  [983_040, 31],
  [2_228_224, 40],
  [8_912_896, 50],
  [35_651_584, 60],
] as const;
const HIGHEST_LEVEL = 62;

/**
 * Reads the uncompressed header of a key frame (VP9 bitstream specification §6.2).
 *
 * @param frame its first bytes at least
 * @throws {ProtocolError} if it is no key frame
 */
export function parseVp9KeyFrame(frame: Uint8Array): Vp9Facts {
  const bits = new BitReader(frame);
  if (bits.read(2) !== FRAME_MARKER) throw new ProtocolError("invalid VP9 frame");
  const profile = bits.read(1) | (bits.read(1) << 1);
  if (profile === 3) bits.skip(1);
  const isShownAgain = bits.flag();
  const isInter = bits.flag();
  bits.skip(2);
  if (isShownAgain || isInter || bits.read(24) !== SYNC_CODE) throw new ProtocolError("not a VP9 key frame");
  const bitDepth = profile < 2 ? 8 : bits.flag() ? 12 : 10;
  const colorSpace = bits.read(3);
  const isFullRange = colorSpace === RGB || bits.flag();
  const [subsamplingX, subsamplingY] = readSubsampling(bits, profile, colorSpace);
  const width = bits.read(16) + 1;
  const height = bits.read(16) + 1;
  const level = LEVELS.find(([samples]) => width * height <= samples)?.[1] ?? HIGHEST_LEVEL;
  return { profile, bitDepth, subsamplingX, subsamplingY, isFullRange, colorSpace, level, width, height };
}

/** Colours as ISO/IEC 23091-2 numbers them, by color_space of VP9; 2 is unspecified. */
const PRIMARIES = [2, 6, 1, 6, 7, 9, 2, 1];
const TRANSFERS = [2, 6, 1, 6, 7, 14, 2, 13];
const MATRICES = [2, 6, 1, 6, 7, 9, 2, 0];

/** VPCodecConfigurationRecord (VP Codec ISO Media File Format Binding, "VP Codec Configuration Box"). */
export function writeVp9Record(facts: Vp9Facts): Uint8Array {
  const { profile, level, bitDepth, subsamplingX, subsamplingY, isFullRange, colorSpace } = facts;
  const chroma = subsamplingX === 0 ? 3 : subsamplingY === 0 ? 2 : 1;
  const packed = (bitDepth << 4) | (chroma << 1) | Number(isFullRange);
  const colour = [PRIMARIES, TRANSFERS, MATRICES].map((table) => table[colorSpace] as number);
  return new Uint8Array([profile, level, packed, ...colour, 0, 0]);
}

function readSubsampling(bits: BitReader, profile: number, colorSpace: number): [number, number] {
  const isOdd = (profile & 1) === 1;
  if (colorSpace === RGB) {
    if (!isOdd) throw new ProtocolError("invalid VP9 frame: RGB in an even profile");
    bits.skip(1);
    return [0, 0];
  }
  if (!isOdd) return [1, 1];
  const x = bits.read(1);
  const y = bits.read(1);
  bits.skip(1);
  return [x, y];
}
