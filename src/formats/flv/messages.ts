import type { FlvHead } from "../../../wasm/flv-muxer.ts";
import { assert } from "../../lib/assert.ts";
import type { CodecParameters, KnownParameters } from "../../media/codec-parameters.ts";
import { flvRow, isFlvVideo } from "./codecs.ts";

/** Packet types of Enhanced RTMP. */
const START = 0;
const FRAMES = 1;
/** Several tracks: of video and of audio; a message has one of them. */
const VIDEO_MULTITRACK = 6;
const AUDIO_MULTITRACK = 5;
/** First byte of an enhanced header: a flag of video, a sound format. */
const VIDEO_EX = 0x80;
const AUDIO_EX = 0x90;
const KEY_FRAME = 0x10;

/**
 * How the messages of a track begin, for `FlvMuxer`.
 *
 * @param id number of the track among those of its kind; above 0 messages are multitrack, which is enhanced
 * @returns undefined if FLV does not carry the codec, or its parameters
 */
export function flvHead(parameters: CodecParameters, id = 0): FlvHead | undefined {
  const row = flvRow(parameters.codec);
  if (row === undefined) return undefined;
  const { compositionAt, written } = row;
  const form = row.formOf?.(parameters) ?? row.form;
  if (id === 0 && written !== undefined) {
    const frames = written.frames(parameters);
    return frames && { form, head: new Uint8Array(frames), compositionAt };
  }
  const head = enhanced(parameters, FRAMES, id);
  if (head === undefined || compositionAt === undefined)
    return head && { form, head, compositionAt: undefined };
  return { form, head: new Uint8Array([...head, 0, 0, 0]), compositionAt: head.length };
}

/**
 * The body of the message with the sequence header of a track; undefined if it takes none.
 *
 * @throws {ProtocolError} if the parameters are invalid
 */
export function flvSequenceHeader(parameters: KnownParameters, id = 0): Uint8Array | undefined {
  const row = flvRow(parameters.codec);
  assert(row !== undefined, `FLV does not carry ${parameters.codec}`);
  const { written } = row;
  const config = row.write?.(parameters) ?? [];
  if (id === 0 && written !== undefined)
    return written.start && new Uint8Array([...written.start, ...config]);
  const head = enhanced(parameters, START, id);
  assert(head !== undefined, `FLV does not carry ${parameters.codec} in the enhanced form`);
  if (isFlvVideo(parameters.codec)) head[0] = (head[0] as number) | KEY_FRAME;
  return new Uint8Array([...head, ...config]);
}

/** The header of a packet; undefined for codecs without a FourCC. */
function enhanced({ codec }: CodecParameters, packetType: number, id: number): Uint8Array | undefined {
  const fourCc = flvRow(codec)?.fourCc;
  if (fourCc === undefined) return undefined;
  const isVideo = isFlvVideo(codec);
  const flag = isVideo ? VIDEO_EX : AUDIO_EX;
  const name = Buffer.from(fourCc, "latin1");
  if (id === 0) return new Uint8Array([flag | packetType, ...name]);
  return new Uint8Array([flag | (isVideo ? VIDEO_MULTITRACK : AUDIO_MULTITRACK), packetType, ...name, id]);
}
