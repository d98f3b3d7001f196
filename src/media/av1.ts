import { BitReader } from "../lib/bits.ts";
import { ProtocolError } from "../lib/errors.ts";
import type { PictureFacts } from "./picture.ts";

/** What a sequence header says (AV1 §5.5). */
export interface Av1Facts extends PictureFacts {
  readonly profile: number;
  /** seq_level_idx of the first operating point. */
  readonly level: number;
  readonly isHighTier: boolean;
  /** 8, 10 or 12. */
  readonly bitDepth: number;
  readonly isMonochrome: boolean;
  readonly subsamplingX: number;
  readonly subsamplingY: number;
  readonly samplePosition: number;
  /** As in ISO/IEC 23091-2; 2 when not said. */
  readonly primaries: number;
  readonly transfer: number;
  readonly matrix: number;
  readonly isFullRange: boolean;
}

type Colour = Omit<Av1Facts, keyof PictureFacts | "profile" | "level" | "isHighTier">;

const SEQUENCE_HEADER = 1;
const UNSPECIFIED = 2;
const SRGB = 13;
const MAX_OBU_SIZE_BYTES = 8;

/**
 * The sequence header of a temporal unit, its OBU header and size included.
 *
 * @param unit OBUs that have their size; may be cut anywhere
 * @returns a view of `unit`; undefined when it has none, or it is cut
 */
export function findSequenceHeader(unit: Uint8Array): Uint8Array | undefined {
  let at = 0;
  while (at < unit.length) {
    const obu = readObu(unit, at);
    if (obu === undefined) return undefined;
    if (obu.type === SEQUENCE_HEADER) return unit.subarray(at, obu.end);
    at = obu.end;
  }
  return undefined;
}

/** AV1 §5.3: undefined when it is cut or has no size. */
function readObu(bytes: Uint8Array, start: number) {
  const header = bytes[start] as number;
  if ((header & 0x02) === 0) return undefined;
  let at = start + ((header & 0x04) === 0 ? 1 : 2);
  let size = 0;
  for (let i = 0; i < MAX_OBU_SIZE_BYTES; i++) {
    const byte = bytes[at++];
    if (byte === undefined) return undefined;
    size += (byte & 0x7f) * 2 ** (7 * i);
    if ((byte & 0x80) !== 0) continue;
    return at + size > bytes.length ? undefined : { type: (header >> 3) & 15, payload: at, end: at + size };
  }
  return undefined;
}

/**
 * Reads a sequence header (AV1 §5.5.1).
 *
 * @param obu with its header and size
 * @throws {ProtocolError} if it is none
 */
export function parseSequenceHeader(obu: Uint8Array): Av1Facts {
  const found = obu.length === 0 ? undefined : readObu(obu, 0);
  if (found?.type !== SEQUENCE_HEADER) throw new ProtocolError("invalid AV1 sequence header");
  const bits = new BitReader(obu.subarray(found.payload, found.end));
  const profile = bits.read(3);
  bits.skip(1);
  const isReduced = bits.flag();
  const { level, isHighTier, frameRate } = isReduced
    ? { level: bits.read(5), isHighTier: false, frameRate: undefined }
    : readOperation(bits);
  const widthBits = bits.read(4) + 1;
  const heightBits = bits.read(4) + 1;
  const width = bits.read(widthBits) + 1;
  const height = bits.read(heightBits) + 1;
  if (!isReduced && bits.flag()) bits.skip(7);
  bits.skip(3);
  if (!isReduced) skipTools(bits);
  bits.skip(3);
  const colour = readColour(bits, profile);
  return {
    profile,
    level,
    isHighTier,
    width,
    height,
    ...(frameRate !== undefined && { frameRate }),
    ...colour,
  };
}

/**
 * AV1CodecConfigurationRecord (AV1 Codec ISO Media File Format Binding §2.3.3).
 *
 * @param sequenceHeader the OBU with its header and size
 * @throws {ProtocolError} if it is none
 */
export function writeAv1Record(sequenceHeader: Uint8Array): Uint8Array {
  const facts = parseSequenceHeader(sequenceHeader);
  const { profile, level, isHighTier, bitDepth, isMonochrome, subsamplingX, subsamplingY } = facts;
  const flags = [
    isHighTier,
    bitDepth > 8,
    bitDepth === 12,
    isMonochrome,
    subsamplingX === 1,
    subsamplingY === 1,
  ];
  const packed = flags.reduce((bits, flag) => (bits << 1) | Number(flag), 0) * 4 + facts.samplePosition;
  return new Uint8Array([0x81, (profile << 5) | level, packed, 0, ...sequenceHeader]);
}

/** The sequence header in an AV1CodecConfigurationRecord, copied; undefined when it has none. */
export function readAv1Record(record: Uint8Array): Uint8Array | undefined {
  return findSequenceHeader(record.subarray(4))?.slice();
}

/** Timing and operating points; the first one counts. */
function readOperation(bits: BitReader) {
  let frameRate: number | undefined;
  let delayBits = 0;
  if (bits.flag()) {
    frameRate = readTiming(bits);
    if (bits.flag()) {
      delayBits = bits.read(5) + 1;
      bits.skip(42);
    }
  }
  const hasDelay = bits.flag();
  const count = bits.read(5) + 1;
  let first: { level: number; isHighTier: boolean } | undefined;
  for (let i = 0; i < count; i++) {
    bits.skip(12);
    const level = bits.read(5);
    const isHighTier = level > 7 && bits.flag();
    if (delayBits > 0 && bits.flag()) bits.skip(2 * delayBits + 1);
    if (hasDelay && bits.flag()) bits.skip(4);
    first ??= { level, isHighTier };
  }
  return { level: first?.level ?? 0, isHighTier: first?.isHighTier ?? false, frameRate };
}

/** @returns frames a second, when all are equally far apart */
function readTiming(bits: BitReader): number | undefined {
  const unit = bits.read(32);
  const scale = bits.read(32);
  if (!bits.flag()) return undefined;
  const ticks = bits.golomb() + 1;
  return unit === 0 || scale === 0 ? undefined : scale / (unit * ticks);
}

function skipTools(bits: BitReader): void {
  bits.skip(4);
  const hasOrderHint = bits.flag();
  if (hasOrderHint) bits.skip(2);
  const mayUseScreenContent = bits.flag() || bits.flag();
  if (mayUseScreenContent && !bits.flag()) bits.skip(1);
  if (hasOrderHint) bits.skip(3);
}

/** AV1 §5.5.2. */
function readColour(bits: BitReader, profile: number): Colour {
  const isHigh = bits.flag();
  const isTwelve = profile === 2 && isHigh && bits.flag();
  const bitDepth = isTwelve ? 12 : isHigh ? 10 : 8;
  const isMonochrome = profile !== 1 && bits.flag();
  const isDescribed = bits.flag();
  const primaries = isDescribed ? bits.read(8) : UNSPECIFIED;
  const transfer = isDescribed ? bits.read(8) : UNSPECIFIED;
  const matrix = isDescribed ? bits.read(8) : UNSPECIFIED;
  const known = { bitDepth, isMonochrome, primaries, transfer, matrix };
  if (!isMonochrome && primaries === 1 && transfer === SRGB && matrix === 0) {
    return { ...known, isFullRange: true, subsamplingX: 0, subsamplingY: 0, samplePosition: 0 };
  }
  const isFullRange = bits.flag();
  if (isMonochrome) return { ...known, isFullRange, subsamplingX: 1, subsamplingY: 1, samplePosition: 0 };
  const [subsamplingX, subsamplingY] = readSubsampling(bits, profile, bitDepth);
  const samplePosition = subsamplingX === 1 && subsamplingY === 1 ? bits.read(2) : 0;
  return { ...known, isFullRange, subsamplingX, subsamplingY, samplePosition };
}

function readSubsampling(bits: BitReader, profile: number, bitDepth: number): [number, number] {
  if (profile === 0) return [1, 1];
  if (profile === 1) return [0, 0];
  if (bitDepth !== 12) return [1, 0];
  const x = bits.read(1);
  return [x, x === 1 ? bits.read(1) : 0];
}
