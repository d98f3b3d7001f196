import { BitReader } from "../lib/bits.ts";
import { ProtocolError } from "../lib/errors.ts";
import { withoutEmulation } from "./nal.ts";
import type { PictureFacts } from "./picture.ts";

/** Profiles whose SPS has chroma_format_idc (ITU-T H.264 §7.3.2.1.1). */
const WITH_CHROMA = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];
const MAX_SIDE = 16_384;
const MAX_CYCLE = 255;
const EXTENDED_SAR = 255;

/**
 * Reads the picture format from a sequence parameter set (ITU-T H.264 §7.3.2.1.1, §E.1.1).
 *
 * @param sps the NAL unit, its header included
 * @throws {ProtocolError} if it is none
 */
export function parseH264Sps(sps: Uint8Array): PictureFacts {
  if (sps.length < 4 || ((sps[0] as number) & 31) !== 7) throw new ProtocolError("invalid H264 SPS");
  const bits = new BitReader(withoutEmulation(sps.subarray(1)));
  const profile = bits.read(8);
  bits.skip(16);
  bits.golomb(); // seq_parameter_set_id
  const chroma = WITH_CHROMA.includes(profile) ? readChroma(bits) : { format: 1, separate: false };
  bits.golomb(); // log2_max_frame_num_minus4
  skipOrderCount(bits);
  bits.golomb(); // max_num_ref_frames
  bits.skip(1);
  const widthInBlocks = bits.golomb() + 1;
  const heightInUnits = bits.golomb() + 1;
  const isProgressive = bits.flag();
  if (!isProgressive) bits.skip(1);
  bits.skip(1);
  const fields = isProgressive ? 1 : 2;
  const crop = bits.flag() ? readCrop(bits) : [0, 0];
  const isPlanar = chroma.format === 0 || chroma.separate;
  const unitX = isPlanar || chroma.format === 3 ? 1 : 2;
  const unitY = (isPlanar || chroma.format !== 1 ? 1 : 2) * fields;
  const width = 16 * widthInBlocks - unitX * (crop[0] as number);
  const height = 16 * heightInUnits * fields - unitY * (crop[1] as number);
  if (width <= 0 || height <= 0 || width > MAX_SIDE || height > MAX_SIDE) {
    throw new ProtocolError(`invalid H264 SPS: ${width}x${height}`);
  }
  return { width, height, ...(bits.left > 0 && bits.flag() ? readVui(bits) : {}) };
}

function readChroma(bits: BitReader): { format: number; separate: boolean } {
  const format = bits.golomb();
  const separate = format === 3 && bits.flag();
  bits.golomb();
  bits.golomb();
  bits.skip(1);
  if (bits.flag()) {
    for (let i = 0; i < (format === 3 ? 12 : 8); i++) if (bits.flag()) skipScalingList(bits, i < 6 ? 16 : 64);
  }
  return { format, separate };
}

function skipScalingList(bits: BitReader, size: number): void {
  let last = 8;
  let next = 8;
  for (let i = 0; i < size; i++) {
    if (next !== 0) next = (last + bits.signedGolomb() + 256) % 256;
    last = next === 0 ? last : next;
  }
}

function skipOrderCount(bits: BitReader): void {
  const type = bits.golomb();
  if (type === 0) bits.golomb();
  if (type !== 1) return;
  bits.skip(1);
  bits.signedGolomb();
  bits.signedGolomb();
  const count = bits.golomb();
  if (count > MAX_CYCLE) throw new ProtocolError("invalid H264 SPS: too many frames in a cycle");
  for (let i = 0; i < count; i++) bits.signedGolomb();
}

/** @returns crop units: left plus right, top plus bottom */
function readCrop(bits: BitReader): [number, number] {
  const left = bits.golomb();
  const right = bits.golomb();
  const top = bits.golomb();
  return [left + right, top + bits.golomb()];
}

function readVui(bits: BitReader): Partial<PictureFacts> {
  if (bits.flag() && bits.read(8) === EXTENDED_SAR) bits.skip(32);
  if (bits.flag()) bits.skip(1); // overscan
  if (bits.flag()) {
    bits.skip(4);
    if (bits.flag()) bits.skip(24);
  }
  if (bits.flag()) {
    bits.golomb();
    bits.golomb();
  }
  const frameRate = bits.flag() ? readTiming(bits) : undefined;
  const hasNal = bits.flag();
  if (hasNal) skipHrd(bits);
  const hasVcl = bits.flag();
  if (hasVcl) skipHrd(bits);
  if (hasNal || hasVcl) bits.skip(1);
  bits.skip(1);
  const reorderDepth = bits.flag() ? readRestriction(bits) : undefined;
  return {
    ...(frameRate !== undefined && { frameRate }),
    ...(reorderDepth !== undefined && { reorderDepth }),
  };
}

/** @returns frames per second; undefined when invalid */
function readTiming(bits: BitReader): number | undefined {
  const unit = bits.read(32);
  const scale = bits.read(32);
  bits.skip(1);
  return unit === 0 || scale === 0 ? undefined : scale / (2 * unit);
}

function skipHrd(bits: BitReader): void {
  const count = bits.golomb() + 1;
  if (count > 32) throw new ProtocolError("invalid H264 SPS: too many buffers");
  bits.skip(8);
  for (let i = 0; i < count; i++) {
    bits.golomb();
    bits.golomb();
    bits.skip(1);
  }
  bits.skip(20);
}

/** @returns the reorder depth: most frames that precede another one in decoding order and follow it in output order */
function readRestriction(bits: BitReader): number {
  bits.skip(1);
  for (let i = 0; i < 4; i++) bits.golomb();
  return bits.golomb();
}
