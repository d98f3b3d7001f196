import { TS_AAC, TS_AC3, TS_LATM, TS_MPEG12_AUDIO } from "../abi";
import {
  ac3Channels,
  ac3FrameSize,
  ac3SampleRate,
  mpaFrameSize,
  mpaSampleRate,
  mpaSamples,
} from "../units/frame-headers";
import { get8, get16 } from "../wire";
import { TS_HEAD_MAX, TS_STREAM_HEAD, TsStream } from "./demux-layout";

/**
 * Reads the header of an audio frame, of which `headFill` bytes are there. Once it is whole the stream's `headSkip`,
 * `frameSize`, `frameSamples` and `key` say what it means; `rate`, `channels` and `config` while the stream is not
 * known.
 *
 * @returns size of the header, as far as known; 0 if it is not a header
 */
export function audioHeader(stream: TsStream): i32 {
  const head = changetype<i32>(stream) + TS_STREAM_HEAD;
  const fill = stream.headFill;
  if (stream.kind === TS_AAC) return adts(stream, head, fill);
  if (stream.kind === TS_MPEG12_AUDIO) return mpegAudio(stream, head, fill);
  if (stream.kind === TS_AC3) return ac3(stream, head, fill);
  if (stream.kind === TS_LATM) return loas(stream, head, fill);
  return opus(stream, head, fill);
}

/** What the stream is, as long as nobody has said it yet. */
function learn(stream: TsStream, rate: i32, channels: i32, config: i32): void {
  if (stream.known !== 0) return;
  stream.rate = rate;
  stream.channels = channels;
  stream.config = config;
}

/** Sampling frequencies by index (ISO/IEC 14496-3 table 1.18); 0 where there is none. */
export function aacRate(index: i32): i32 {
  if (index > 12) return 0;
  if (index === 12) return 7350;
  // 96, 64, 48 kHz and what these are when halved; 88.2, 44.1 kHz likewise
  const row = index / 3;
  const column = index % 3;
  if (column === 0) return 96000 >> row;
  return column === 1 ? 88200 >> row : 64000 >> row;
}

/** ISO/IEC 13818-7 §6.2: seven bytes, or nine with a check sum. The frame has one raw data block. */
function adts(stream: TsStream, head: i32, fill: i32): i32 {
  if (fill < 7) return 7;
  if ((get16(head) & 0xfff6) !== 0xfff0) return 0;
  const header = (get8(head + 1) & 1) !== 0 ? 7 : 9;
  const third = get8(head + 2);
  const rate = aacRate((third >> 2) & 15);
  const channels = ((third & 1) << 2) | (get8(head + 3) >> 6);
  const size = ((get8(head + 3) & 3) << 11) | (get8(head + 4) << 3) | (get8(head + 5) >> 5);
  if (rate === 0 || size <= header || (get8(head + 6) & 3) !== 0) return 0;
  const config = (((third >> 6) + 1) << 11) | (((third >> 2) & 15) << 7) | (channels << 3);
  stream.headSkip = header;
  stream.frameSize = size;
  stream.frameSamples = 1024;
  stream.key = config;
  learn(stream, rate, channels === 7 ? 8 : channels, config);
  return header;
}

/** AudioSyncStream of LATM (ISO/IEC 14496-3 §1.7.2): the parameters are in the frame. */
function loas(stream: TsStream, head: i32, fill: i32): i32 {
  if (fill < 3) return 3;
  if ((get16(head) & 0xffe0) !== 0x56e0) return 0;
  const size = get16(head + 1) & 0x1fff;
  if (size === 0) return 0;
  stream.headSkip = 3;
  stream.frameSize = 3 + size;
  stream.key = 1;
  return 3;
}

/** Its layer, version and sampling frequency may not change; streams of a free format cannot be cut. */
function mpegAudio(stream: TsStream, head: i32, fill: i32): i32 {
  if (fill < 4) return 4;
  const size = mpaFrameSize(head, fill);
  if (size === 0 || get8(head + 2) >> 4 === 0) return 0;
  stream.frameSize = size;
  stream.frameSamples = mpaSamples(head);
  stream.headSkip = 0;
  stream.key = 1 | ((get8(head + 1) & 0x1e) << 8) | (get8(head + 2) & 0x0c);
  learn(stream, mpaSampleRate(head), get8(head + 3) >> 6 === 3 ? 1 : 2, 0);
  return 4;
}

/** ETSI TS 102 366 §4.3, §4.4.1, §4.4.2; not the enhanced form, which has other headers. */
function ac3(stream: TsStream, head: i32, fill: i32): i32 {
  if (fill < 7) return 7;
  const size = ac3FrameSize(head, fill);
  const version = get8(head + 5) >> 3;
  if (size === 0 || version > 8) return 0;
  stream.frameSize = size;
  stream.frameSamples = 1536;
  stream.headSkip = 0;
  stream.key = 1 | ((get8(head + 4) & 0xc0) << 8) | (version << 1);
  learn(stream, ac3SampleRate(head), ac3Channels(get8(head + 6)), 0);
  return 7;
}

/**
 * The control header of Opus, table "opus_control_header" of "Opus in MPEG-2 Transport Streams", and the first bytes of
 * the packet, which say its length in time (RFC 6716 §3.1).
 */
function opus(stream: TsStream, head: i32, fill: i32): i32 {
  if (fill < 2) return 2;
  if ((get16(head) & 0xffe0) !== 0x7fe0) return 0;
  const flags = get8(head + 1);
  let at = 2;
  let size = 0;
  let byte = 255;
  while (byte === 255) {
    if (fill <= at) return at + 1;
    if (at > TS_HEAD_MAX / 2) return 0;
    byte = get8(head + at);
    size += byte;
    at += 1;
  }
  if ((flags & 0x10) !== 0) at += 2;
  if ((flags & 0x08) !== 0) at += 2;
  if ((flags & 0x04) !== 0) {
    if (fill <= at) return at + 1;
    at += 1 + get8(head + at);
  }
  if (size === 0 || at + 2 > TS_HEAD_MAX) return 0;
  if (fill <= at) return at + 1;
  let frames = (get8(head + at) & 3) === 0 ? 1 : 2;
  let need = at + 1;
  if ((get8(head + at) & 3) === 3) {
    need = at + 2;
    if (size < 2) return 0;
    if (fill < need) return need;
    frames = get8(head + at + 1) & 63;
  }
  stream.frameSamples = frames * opusSamples(get8(head + at) >> 3);
  if (stream.frameSamples === 0 || stream.frameSamples > 5760) return 0;
  stream.headSkip = at;
  stream.frameSize = at + size;
  stream.key = 1;
  learn(stream, 48000, 0, 0);
  return need;
}

/** Samples of a frame by its configuration (RFC 6716 table 2), 48 kHz. */
function opusSamples(config: i32): i32 {
  if (config >= 16) return 120 << (config & 3);
  if (config >= 12) return 480 << (config & 1);
  return (config & 3) === 3 ? 2880 : 480 << (config & 3);
}
