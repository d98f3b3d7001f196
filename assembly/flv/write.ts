import { ALIGN_MASK, ERR_FULL, FLV_HEAD_MAX, FLV_MPEG_AUDIO, FLV_PCM_16, UNIT_KEY } from "../abi";
import { READER_SIZE, readerOpen, readPeek, readTo, UnitReader } from "../packetize/unit-reader";
import { mpaSampleRate } from "../units/frame-headers";
import { UNIT_SPAN_STRIDE, UnitSpan, UnitTrack } from "../units/layout";
import { unitAt, unitEntryAt, unitSpans } from "../units/log";
import { get8, put8, put16 } from "../wire";

/** Writes the units of a track as bodies of messages. A layout, never constructed; what belongs to it is behind it. */
class FlvWriter {
  /** Address of its units. */
  units!: i32;
  /** FLV_SAMPLE and so on. */
  form!: i32;
  video!: i32;
  /** Bytes of the header, and where in it the composition time is; -1 without one. */
  head!: i32;
  compositionAt!: i32;
  /** The unit of the message in progress: its first entry, and how many it has; the address of the first one. */
  seq!: i32;
  entries!: i32;
  entry!: i32;
  /** Bytes of the message that have been read. */
  done!: i32;
  /** The second byte of a sample of which the first has been read; -1 without one. */
  carry!: i32;
  /** Whether it is a random access point. */
  key!: i32;
  /** Ticks that are subtracted from its times. */
  origin!: f64;
  /** When it is decoded, ms after the origin. */
  time!: f64;
}

const ENTRY: i32 = offsetof<FlvWriter>("entry");
const READER: i32 = (offsetof<FlvWriter>() + ALIGN_MASK) & ~ALIGN_MASK;
/** The header of the message in progress; in front of it the same for all messages of the track. */
export const FLV_WRITER_HEAD: i32 = READER + READER_SIZE;
const PRESENT: i32 = FLV_WRITER_HEAD + FLV_HEAD_MAX;
/** A frame header of MPEG-1/2 Audio. */
const FRAME: i32 = PRESENT + FLV_HEAD_MAX;
const FRAME_BYTES: i32 = sizeof<u32>();
export const FLV_WRITER_SIZE: i32 = (FRAME + FRAME_BYTES + ALIGN_MASK) & ~ALIGN_MASK;
export const FLV_WRITER_UNITS: i32 = offsetof<FlvWriter>("units");
export const FLV_WRITER_FORM: i32 = offsetof<FlvWriter>("form");
export const FLV_WRITER_VIDEO: i32 = offsetof<FlvWriter>("video");
export const FLV_WRITER_HEAD_SIZE: i32 = offsetof<FlvWriter>("head");
export const FLV_WRITER_COMPOSITION: i32 = offsetof<FlvWriter>("compositionAt");
export const FLV_WRITER_KEY: i32 = offsetof<FlvWriter>("key");
export const FLV_WRITER_ORIGIN: i32 = offsetof<FlvWriter>("origin");
export const FLV_WRITER_TIME: i32 = offsetof<FlvWriter>("time");

/** Frame types of video in the first byte of a header. */
const KEY_FRAME: i32 = 0x10;
const INTER_FRAME: i32 = 0x20;
/** Composition times have 24 bits. */
const COMPOSITION_MAX: f64 = 8388607;

function readerOf(writer: FlvWriter): UnitReader {
  return changetype<UnitReader>(changetype<i32>(writer) + READER);
}

/**
 * Begins with the message of the unit whose first entry is `seq`.
 *
 * @returns its bytes; 0 when the unit is not there yet; ERR_FULL when it is not kept any more
 */
export function flvStart(address: i32, seq: i32): i32 {
  const writer = changetype<FlvWriter>(address);
  const units = changetype<UnitTrack>(writer.units);
  const entries = unitAt(writer.units, seq, address + ENTRY);
  if (entries <= 0) return entries;
  const reader = readerOf(writer);
  const entry = unitEntryAt(readerOpen(reader, writer.units, seq));
  writer.seq = seq;
  writer.entries = entries;
  const head = address + PRESENT;
  const ticks = 1000 / units.clockRate;
  writer.done = 0;
  writer.carry = -1;
  writer.key = (entry.flags & UNIT_KEY) !== 0 ? 1 : 0;
  // what has no composition time is shown when it is decoded
  const at = writer.compositionAt >= 0 ? entry.dts : entry.pts;
  writer.time = Math.floor((at - writer.origin) * ticks + 0.5);
  memory.copy(head, address + FLV_WRITER_HEAD, FLV_HEAD_MAX);
  if (writer.video !== 0) put8(head, get8(head) | (writer.key !== 0 ? KEY_FRAME : INTER_FRAME));
  if (writer.compositionAt >= 0) {
    const shown = Math.floor((entry.pts - writer.origin) * ticks + 0.5) - writer.time;
    put24(head + writer.compositionAt, max<f64>(min<f64>(shown, COMPOSITION_MAX), -COMPOSITION_MAX) as i32);
  }
  if (writer.form === FLV_MPEG_AUDIO && writer.head === 1) put8(head, soundByte(address, reader));
  return writer.head + reader.rest;
}

function put24(at: i32, value: i32): void {
  put8(at, value >> 16);
  put16(at + 1, value & 0xffff);
}

/** The header of MP3 (FLV 10.1 §E.4.2.1): formats 2 and, of 8 kHz, 14; the nearest of 44.1, 22.05 and 11.025 kHz. */
function soundByte(address: i32, reader: UnitReader): i32 {
  const frame = address + FRAME;
  for (let i = 0; i < FRAME_BYTES; i++) put8(frame + i, readPeek(reader, i));
  const rate = mpaSampleRate(frame);
  const stereo = get8(frame + 3) >> 6 === 3 ? 0 : 1;
  if (rate === 8000) return 0xe2 | stereo;
  const index = rate > 24000 ? 3 : rate > 12000 ? 2 : 1;
  return 0x22 | (index << 2) | stereo;
}

/**
 * Copies the next bytes of the message.
 *
 * @returns how many, less than `size` at its end
 */
export function flvRead(address: i32, dst: i32, size: i32): i32 {
  const writer = changetype<FlvWriter>(address);
  const reader = readerOf(writer);
  let at = 0;
  if (writer.done < writer.head) {
    at = min(size, writer.head - writer.done);
    memory.copy(dst, address + PRESENT + writer.done, at);
  }
  const rest = reader.rest + (writer.carry >= 0 ? 1 : 0);
  const n = min(size - at, rest);
  if (writer.form === FLV_PCM_16) swapped(writer, reader, dst + at, n);
  else readTo(reader, dst + at, n);
  writer.done += at + n;
  return at + n;
}

/**
 * Lists where the bytes of the message are, as UnitSpan one after the other; not of FLV_PCM_16, whose bytes change.
 *
 * @returns spans written, or ERR_FULL when they do not fit
 */
export function flvSpans(address: i32, out: i32, limit: i32): i32 {
  const writer = changetype<FlvWriter>(address);
  if (limit < 1) return ERR_FULL;
  const head = changetype<UnitSpan>(out);
  head.start = address + PRESENT;
  head.size = writer.head;
  const next = out + UNIT_SPAN_STRIDE;
  const spans = unitSpans(writer.units, writer.seq, writer.seq + writer.entries, next, limit - 1);
  return spans < 0 ? spans : 1 + spans;
}

/** Samples of 16 bits, little-endian; an odd byte at the end is written as it is. */
function swapped(writer: FlvWriter, reader: UnitReader, dst: i32, size: i32): void {
  let at = dst;
  const end = dst + size;
  if (writer.carry >= 0 && size > 0) {
    put8(at, writer.carry);
    writer.carry = -1;
    at += 1;
  }
  const whole = (end - at) & ~1;
  readTo(reader, at, whole);
  for (const stop = at + whole; at < stop; at += 2) {
    const first = get8(at);
    put8(at, get8(at + 1));
    put8(at + 1, first);
  }
  if (at === end) return;
  readTo(reader, at, 1);
  if (reader.rest === 0) return;
  writer.carry = get8(at);
  readTo(reader, at, 1);
}
