import { ProtocolError } from "../../lib/errors.ts";
import { fullBox, u32 } from "./boxes.ts";

/** What an ES_Descriptor says of a stream. */
export interface ElementaryStream {
  readonly isMpeg4Audio: boolean;
  readonly isMpeg12Audio: boolean;
  /** Its descriptors, for `decoderConfigOf`; a view. */
  readonly descriptors: Uint8Array;
}

/** Tags of descriptors (ISO/IEC 14496-1 §7.2.2.1, table 1). */
const STREAM = 3;
const DECODER = 4;
const SPECIFIC = 5;
const SYNC_LAYER = 6;

/** Object types (ISO/IEC 14496-1 §7.2.6.6, table 5). */
const MPEG4_AUDIO = 0x40;
const MPEG2_AAC = [0x66, 0x67, 0x68];
const MPEG12_AUDIO = [0x69, 0x6b];

/** The box `esds` of MPEG-4 Audio: an ES_Descriptor around an AudioSpecificConfig (ISO/IEC 14496-14 §5.6). */
export function writeEsds(config: Uint8Array): Uint8Array {
  const specific = descriptor(SPECIFIC, [...config]);
  const rates = [...u32(128_000), ...u32(128_000)];
  const decoder = descriptor(DECODER, [MPEG4_AUDIO, 0x15, 0, 0, 0, ...rates, ...specific]);
  return fullBox("esds", 0, 0, descriptor(STREAM, [0, 0, 0, ...decoder, ...descriptor(SYNC_LAYER, [2])]));
}

function descriptor(tag: number, content: readonly number[]): number[] {
  return [tag, 0x80, 0x80, 0x80, content.length, ...content];
}

/**
 * Reads an ES_Descriptor (ISO/IEC 14496-1 §7.2.6.5).
 *
 * @throws {ProtocolError} if it is cut off or says too little
 */
export function readElementaryStream(bytes: Uint8Array): ElementaryStream {
  const stream = find(bytes, STREAM);
  const flags = byteAt(stream, 2);
  let at = 3;
  if ((flags & 0x80) !== 0) at += 2;
  if ((flags & 0x40) !== 0) at += 1 + byteAt(stream, at);
  if ((flags & 0x20) !== 0) at += 2;
  const decoder = find(stream.subarray(at), DECODER);
  const type = byteAt(decoder, 0);
  return {
    isMpeg4Audio: type === MPEG4_AUDIO || MPEG2_AAC.includes(type),
    isMpeg12Audio: MPEG12_AUDIO.includes(type),
    descriptors: decoder.subarray(13),
  };
}

/**
 * DecoderSpecificInfo: of MPEG-4 Audio an AudioSpecificConfig. A copy.
 *
 * @throws {ProtocolError} if there is none
 */
export function decoderConfigOf({ descriptors }: ElementaryStream): Uint8Array {
  return find(descriptors, SPECIFIC).slice();
}

/** What the first descriptor with a tag holds. */
function find(bytes: Uint8Array, wanted: number): Uint8Array {
  for (let at = 0; at < bytes.length; ) {
    const tag = byteAt(bytes, at);
    at += 1;
    let size = 0;
    for (let i = 0; i < 4; i++) {
      const byte = byteAt(bytes, at);
      at += 1;
      size = size * 128 + (byte & 127);
      if (byte < 128) break;
    }
    if (at + size > bytes.length) throw new ProtocolError("invalid MP4: truncated descriptor");
    if (tag === wanted) return bytes.subarray(at, at + size);
    at += size;
  }
  throw new ProtocolError(`invalid MP4: missing descriptor ${wanted}`);
}

function byteAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at];
  if (byte === undefined) throw new ProtocolError("invalid MP4: truncated descriptor");
  return byte;
}
