import { TS_AAC, TS_AC3, TS_MPEG12_AUDIO } from "../abi";
import { get8, get16 } from "../wire";
import { TS_HEAD_MAX, TS_STREAM_HEAD, TsStream } from "./demux-layout";

/**
 * Reads the header of an audio frame, of which `headFill` bytes are there. Once it is whole the stream's `headSkip`,
 * `frameSize`, `frameSamples` and `key` say what it means; `rate`, `channels` and `config` while the stream is not
 * known.
 *
 * @returns bytes that the header has, as far as that can be told; 0 when it is none
 */
export function audioHeader(stream: TsStream): i32 {
  const head = changetype<i32>(stream) + TS_STREAM_HEAD;
  const fill = stream.headFill;
  if (stream.kind === TS_AAC) return adts(stream, head, fill);
  if (stream.kind === TS_MPEG12_AUDIO) return mpegAudio(stream, head, fill);
  if (stream.kind === TS_AC3) return ac3(stream, head, fill);
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

/** ISO/IEC 11172-3 §2.4.2.3, ISO/IEC 13818-3 §2.4.2.3; sampling frequencies of MPEG-2.5 too. */
function mpegAudio(stream: TsStream, head: i32, fill: i32): i32 {
  if (fill < 4) return 4;
  if ((get16(head) & 0xffe0) !== 0xffe0) return 0;
  const version = (get8(head + 1) >> 3) & 3;
  const layer = 4 - ((get8(head + 1) >> 1) & 3);
  const third = get8(head + 2);
  const index = (third >> 2) & 3;
  const bitrate = mpegBitrate(version === 3, layer, third >> 4);
  if (version === 1 || layer === 4 || index === 3 || bitrate === 0) return 0;
  const full = index === 0 ? 44100 : index === 1 ? 48000 : 32000;
  const rate = version === 3 ? full : version === 2 ? full >> 1 : full >> 2;
  const padding = (third >> 1) & 1;
  const isHalf = version !== 3 && layer === 3;
  const channels = get8(head + 3) >> 6 === 3 ? 1 : 2;
  stream.frameSamples = layer === 1 ? 384 : isHalf ? 576 : 1152;
  if (layer === 1) stream.frameSize = 4 * ((12000 * bitrate) / rate + padding);
  else stream.frameSize = ((isHalf ? 72000 : 144000) * bitrate) / rate + padding;
  stream.headSkip = 0;
  stream.key = (version << 8) | (layer << 4) | (index << 1) | 1;
  learn(stream, rate, channels, layer);
  return 4;
}

/**
 * Bits a second in thousands (ISO/IEC 11172-3 §2.4.2.3, ISO/IEC 13818-3 §2.4.2.3); 0 where there are none. Tables are
 * numbers of eight bits each, in units of 8 kbit/s, the first one lowest.
 */
function mpegBitrate(isFull: bool, layer: i32, index: i32): i32 {
  if (index === 0 || index === 15) return 0;
  const isHigh = index > 7;
  let table: u64 = isHigh ? 0x1412100e0c0a08 : 0x07060504030201;
  if (isFull && layer === 1) return 32 * index;
  if (isFull && layer === 2) table = isHigh ? 0x3028201c181410 : 0x0e0c0a08070604;
  else if (isFull) table = isHigh ? 0x28201c1814100e : 0x0c0a0807060504;
  else if (layer === 1) table = isHigh ? 0x201c1816141210 : 0x0e0c0a08070604;
  const place = 8 * (isHigh ? index - 8 : index - 1);
  return 8 * (((table >> (place as u64)) & 255) as i32);
}

/** ETSI TS 102 366 §4.3.1, §4.4.1, §4.4.2. */
function ac3(stream: TsStream, head: i32, fill: i32): i32 {
  if (fill < 7) return 7;
  if (get16(head) !== 0x0b77) return 0;
  const index = get8(head + 4) >> 6;
  const code = get8(head + 4) & 63;
  const version = get8(head + 5) >> 3;
  if (index === 3 || code > 37 || version > 10) return 0;
  const bitrate = ac3Bitrate(code >> 1);
  const full = index === 0 ? 48000 : index === 1 ? 44100 : 32000;
  if (index === 1) stream.frameSize = 2 * ((bitrate * 96000) / 44100 + (code & 1));
  else stream.frameSize = bitrate * (index === 0 ? 4 : 6);
  stream.frameSamples = 1536;
  stream.headSkip = 0;
  stream.key = (index << 8) | (version << 1) | 1;
  learn(stream, full >> max(version - 8, 0), ac3Channels(get8(head + 6)), 0);
  return 7;
}

/** ETSI TS 102 366 table 4.13, kbit/s. */
function ac3Bitrate(index: i32): i32 {
  if (index === 17) return 576;
  if (index === 18) return 640;
  return (32 + 8 * (index & 3)) << (index >> 2);
}

/** Full bandwidth channels, and the one of low frequencies. */
function ac3Channels(byte: i32): i32 {
  const mode = byte >> 5;
  let place = 4;
  if ((mode & 1) !== 0 && mode !== 1) place -= 2;
  if ((mode & 4) !== 0) place -= 2;
  if (mode === 2) place -= 2;
  const full = mode === 0 ? 2 : mode < 3 ? mode : mode < 5 ? 3 : mode < 7 ? 4 : 5;
  return full + ((byte >> place) & 1);
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
