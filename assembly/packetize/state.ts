import { ALIGN_MASK, FRAMING } from "../abi";
import { frame } from "../rtp/packet";
import { put8, put16, put32 } from "../wire";
import { READER_SIZE, readSkip, UnitReader } from "./unit-reader";

/** Makes RTP packets of the units of all tracks of a stream. A layout, never constructed; readers and tracks follow. */
export class Packetizer {
  /** The RTP log that takes the packets. */
  log!: i32;
  tracks!: i32;
  /** Largest RTP packet, bytes. */
  maxPacket!: i32;
  /** Number of the track whose unit is in progress, from 1; 0 without one. */
  active!: i32;
  /** Where the next framed packet goes, and the end of the room for them. */
  out!: i32;
  outEnd!: i32;
  /** Bytes and units since the owner last looked. */
  bytes!: i32;
}

/** One track of a packetizer. A layout, never constructed. */
export class PacketTrack {
  /** The log of its units, UNITS_* and payload type. */
  units!: i32;
  format!: i32;
  payloadType!: i32;
  /** RTP sequence number of the next packet, and the SSRC. */
  seq!: i32;
  ssrc!: u32;
  /** Entry of the next unit; whether its decoding time is known. */
  entry!: i32;
  isKnown!: i32;
  /** Number of the picture (VP8, VP9), 15 bits. */
  picture!: i32;
  /** RTP time of the unit in progress; bytes of it that are packetized already. */
  time!: u32;
  done!: i32;
  /** Its NAL unit or OBU in progress: bytes left, and the header of its fragments. */
  left!: i32;
  header!: i32;
  /** Bytes of one sample (UNITS_SAMPLES). */
  sampleBytes!: i32;
  /** Units that no packet could carry. */
  dropped!: i32;
  clockRate!: f64;
  /** Ticks of a frame. */
  frameTicks!: f64;
  /** Units with a decoding time up to this one may go. */
  limit!: f64;
  /** Times of the next unit, ticks. */
  dts!: f64;
  pts!: f64;
}

/** Bytes of an RTP header without extensions (RFC 3550 §5.1). */
const RTP_HEADER = 12;
/** A larger packet might not fit what a log offers at a time. */
const PACKET_MAX = 3600;
/** Two readers lie behind the packetizer, then the tracks. */
const READER: i32 = (offsetof<Packetizer>() + ALIGN_MASK) & ~ALIGN_MASK;
const SCOUT: i32 = READER + READER_SIZE;
export const PACKETIZER_TRACKS: i32 = (SCOUT + READER_SIZE + ALIGN_MASK) & ~ALIGN_MASK;
export const PACKET_TRACK_STRIDE: i32 = (offsetof<PacketTrack>() + ALIGN_MASK) & ~ALIGN_MASK;
export const PACKETIZER_BYTES: i32 = offsetof<Packetizer>("bytes");
export const PACKET_TRACK_DROPPED: i32 = offsetof<PacketTrack>("dropped");
export const PACKET_TRACK_LIMIT: i32 = offsetof<PacketTrack>("limit");

/** The reader of the unit in progress. */
export function readerOf(p: Packetizer): UnitReader {
  return changetype<UnitReader>(changetype<i32>(p) + READER);
}

/** Another reader, to look ahead with. */
export function scoutOf(p: Packetizer): UnitReader {
  return changetype<UnitReader>(changetype<i32>(p) + SCOUT);
}

export function packetTrackAt(p: Packetizer, i: i32): PacketTrack {
  return changetype<PacketTrack>(changetype<i32>(p) + PACKETIZER_TRACKS + i * PACKET_TRACK_STRIDE);
}

/** Bytes of payload that a packet may have. */
export function payloadMax(p: Packetizer): i32 {
  return min(p.maxPacket, PACKET_MAX) - RTP_HEADER;
}

/** Address for the payload of the next packet; 0 if there is no room now. */
export function packetBegin(p: Packetizer): i32 {
  const payload = p.out + FRAMING + RTP_HEADER;
  return payload + payloadMax(p) > p.outEnd ? 0 : payload;
}

/** Ends a packet with `size` bytes of payload of the track whose unit is in progress. */
export function packetEnd(p: Packetizer, track: PacketTrack, size: i32, time: u32, marker: bool): void {
  const packet = p.out + FRAMING;
  frame(p.out, p.active - 1, RTP_HEADER + size);
  put8(packet, 0x80);
  put8(packet + 1, track.payloadType | (marker ? 0x80 : 0));
  put16(packet + 2, track.seq & 0xffff);
  put32(packet + 4, time);
  put32(packet + 8, track.ssrc);
  track.seq = (track.seq + 1) & 0xffff;
  p.out = packet + RTP_HEADER + size;
}

/** Leaves a unit out that no packet can carry. */
export function unfit(track: PacketTrack, reader: UnitReader): bool {
  track.dropped += 1;
  readSkip(reader, reader.rest);
  return true;
}
