import { BitReader } from "../lib/bits.ts";
import { ProtocolError } from "../lib/errors.ts";

/** Bytes of a STREAMINFO block (RFC 9639 §8.2), and of the header of a metadata block (§8.1). */
const STREAM_INFO_BYTES = 34;
const BLOCK_HEADER = 4;
const MARKER = Buffer.from("fLaC", "latin1");

/** What a STREAMINFO block says. */
export interface FlacFacts {
  readonly sampleRate: number;
  readonly channels: number;
  readonly bitDepth: number;
  /** Samples of a frame, where all have the same number. */
  readonly frameSamples: number | undefined;
}

/**
 * Reads a STREAMINFO block without its header (RFC 9639 §8.2).
 *
 * @throws {ProtocolError} if it is none
 */
export function parseStreamInfo(streamInfo: Uint8Array): FlacFacts {
  const bits = new BitReader(streamInfo);
  const least = bits.read(16);
  const most = bits.read(16);
  bits.skip(48);
  const sampleRate = bits.read(20);
  const channels = bits.read(3) + 1;
  const bitDepth = bits.read(5) + 1;
  if (sampleRate === 0 || streamInfo.length !== STREAM_INFO_BYTES)
    throw new ProtocolError("invalid FLAC STREAMINFO");
  return { sampleRate, channels, bitDepth, frameSamples: least === most && least > 0 ? least : undefined };
}

/**
 * The STREAMINFO block in a header, copied: it may be alone, or have its own header and the marker of the stream in
 * front, and other blocks behind it. Undefined when it is cut off.
 */
export function findStreamInfo(header: Uint8Array): Uint8Array | undefined {
  const isMarked = MARKER.equals(header.subarray(0, MARKER.length));
  const blocks = isMarked ? header.subarray(MARKER.length) : header;
  const hasHeader =
    isMarked || (header.length >= BLOCK_HEADER + STREAM_INFO_BYTES && header[3] === STREAM_INFO_BYTES);
  const block = hasHeader ? blocks.subarray(BLOCK_HEADER) : blocks;
  return block.length < STREAM_INFO_BYTES ? undefined : block.slice(0, STREAM_INFO_BYTES);
}
