import { ALIGN_MASK, TS_TRACKS_MAX } from "../abi";

/** A transport stream muxer (ISO/IEC 13818-1). A layout, never constructed; its tracks are at TS_TRACKS. */
export class TsMux {
  /** A unit track that takes the packets: each call of `tsWrite` is one of its units. */
  out!: i32;
  tracks!: i32;
  /** Continuity counters of the tables. */
  patCounter!: i32;
  pmtCounter!: i32;
  /** Bytes of the PES packet in progress that are still to come. */
  left!: i32;
  /** Whether there was a clock reference. */
  clocked!: i32;
  /** The packet in progress, and how much of it is filled. */
  fill!: i32;
  failed!: i32;
  /** The last clock reference, and when tables were written last, 90 kHz. */
  clock!: f64;
  tablesAt!: f64;
  /** Ticks after which tables are repeated; 0: only on request. */
  repeat!: f64;
}

/** A track of a multiplexer. */
export class TsTrack {
  units!: i32;
  /** The next entry, and the one behind the last that may be written. */
  seq!: i32;
  end!: i32;
  /** TS_*. */
  kind!: i32;
  pid!: i32;
  counter!: i32;
  /** Bytes inserted before random access points, with start codes; of AAC the seven bytes of an ADTS header. */
  prefix!: i32;
  prefixSize!: i32;
  /** Whether its packets carry the clock. */
  clock!: i32;
  entry!: i32;
  /** Ticks that are taken from its times, and ticks a second. */
  origin!: f64;
  rate!: f64;
  /** Its row of the program map: stream type, descriptors. */
  map!: i32;
  mapSize!: i32;
}

export const TS_PACKET_BYTES = 188;
/** Bytes of a PES header, and of what goes in front of a frame. */
const HEADER_MAX = 64;

export const TS_TRACKS: i32 = (offsetof<TsMux>() + ALIGN_MASK) & ~ALIGN_MASK;
export const TS_TRACK_STRIDE: i32 = (offsetof<TsTrack>() + ALIGN_MASK) & ~ALIGN_MASK;
/** Scratch after the tracks: a packet, a PES header, an i32 result. */
export const TS_SCRATCH: i32 = TS_TRACKS + TS_TRACKS_MAX * TS_TRACK_STRIDE;
export const TS_HEADER: i32 = (TS_SCRATCH + TS_PACKET_BYTES + ALIGN_MASK) & ~ALIGN_MASK;
export const TS_RESULT: i32 = TS_HEADER + HEADER_MAX;
export const TS_SIZE: i32 = (TS_RESULT + sizeof<i32>() + ALIGN_MASK) & ~ALIGN_MASK;

export const TS_MUX_OUT: i32 = offsetof<TsMux>("out");
export const TS_MUX_COUNT: i32 = offsetof<TsMux>("tracks");
export const TS_MUX_REPEAT: i32 = offsetof<TsMux>("repeat");
export const TS_TRACK_UNITS: i32 = offsetof<TsTrack>("units");
export const TS_TRACK_SEQ: i32 = offsetof<TsTrack>("seq");
export const TS_TRACK_END: i32 = offsetof<TsTrack>("end");
export const TS_TRACK_KIND: i32 = offsetof<TsTrack>("kind");
export const TS_TRACK_PID: i32 = offsetof<TsTrack>("pid");
export const TS_TRACK_PREFIX: i32 = offsetof<TsTrack>("prefix");
export const TS_TRACK_PREFIX_SIZE: i32 = offsetof<TsTrack>("prefixSize");
export const TS_TRACK_CLOCK: i32 = offsetof<TsTrack>("clock");
export const TS_TRACK_ORIGIN: i32 = offsetof<TsTrack>("origin");
export const TS_TRACK_RATE: i32 = offsetof<TsTrack>("rate");
export const TS_TRACK_MAP: i32 = offsetof<TsTrack>("map");
export const TS_TRACK_MAP_SIZE: i32 = offsetof<TsTrack>("mapSize");

export function tsTrack(mux: i32, i: i32): TsTrack {
  return changetype<TsTrack>(mux + TS_TRACKS + i * TS_TRACK_STRIDE);
}
