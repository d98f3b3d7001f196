import { BitReader } from "../lib/bits.ts";
import { ProtocolError } from "../lib/errors.ts";
import { skipAudioConfig } from "./mpeg4-audio.ts";

/** The fields of a StreamMuxConfig with one program of one layer. */
export interface LatmFacts {
  /** AudioSpecificConfig, aligned to bytes. */
  readonly config: Uint8Array;
  /** Frames in one AudioMuxElement. */
  readonly subFrames: number;
  /** Size of each frame in bytes, if fixed; 0 if each frame carries its size. */
  readonly frameBytes: number;
}

/**
 * Reads a StreamMuxConfig (ISO/IEC 14496-3 §1.7.3.1), as the parameter `config` of a description has it (RFC 6416 §7.3).
 *
 * @throws {ProtocolError} if it is none, or has several programs or layers
 */
export function parseStreamMuxConfig(bytes: Uint8Array): LatmFacts {
  const bits = new BitReader(bytes);
  const isNew = bits.flag();
  if (isNew && bits.flag()) throw new ProtocolError("unsupported StreamMuxConfig: version A");
  if (isNew) readValue(bits);
  const hasSameFraming = bits.flag();
  const subFrames = 1 + bits.read(6);
  const programs = 1 + bits.read(4);
  const layers = 1 + bits.read(3);
  if (!hasSameFraming || programs > 1 || layers > 1)
    throw new ProtocolError(`unsupported StreamMuxConfig: ${programs} programs, ${layers} layers`);
  const size = isNew ? readValue(bits) : undefined;
  const start = 8 * bytes.length - bits.left;
  if (size === undefined) skipAudioConfig(bits);
  else bits.skip(size);
  const config = copyBits(bytes, start, 8 * bytes.length - bits.left);
  // GStreamer 1.22 ends here
  const lengthType = bits.left < 3 ? 0 : bits.read(3);
  if (lengthType > 1) throw new ProtocolError(`unsupported StreamMuxConfig: length type ${lengthType}`);
  return { config, subFrames, frameBytes: lengthType === 1 ? 20 + bits.read(9) : 0 };
}

/** LatmGetValue. */
function readValue(bits: BitReader): number {
  return bits.read(8 * (1 + bits.read(2)));
}

/** The bits from `start` to `end`, not included, filled up to bytes. */
function copyBits(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const copy = new Uint8Array((end - start + 7) >> 3);
  const bits = new BitReader(bytes);
  bits.skip(start);
  for (let at = start; at < end; at += 8) {
    const count = Math.min(8, end - at);
    copy[(at - start) >> 3] = bits.read(count) << (8 - count);
  }
  return copy;
}
