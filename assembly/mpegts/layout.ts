import { TS_TRACK_STRIDE, TS_TRACKS } from "../abi";

/** A multiplexer of transport streams (ISO/IEC 13818-1). A layout, never constructed; its tracks are at TS_TRACKS. */
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
  /** Ticks after which tables are repeated; 0: only when they are asked for. */
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
  /** What goes in front of random access points, start codes included; of AAC the seven bytes of an ADTS header. */
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

export const TS_PACKET = 188;

/** Scratch behind the tracks: a packet, a PES header. */
export const TS_SCRATCH: i32 = TS_TRACKS + 4 * TS_TRACK_STRIDE;
export const TS_HEADER: i32 = TS_SCRATCH + 192;
export const TS_ANSWER: i32 = TS_HEADER + 64;
export const TS_SIZE: i32 = TS_ANSWER + 16;

export function tsTrack(mux: i32, i: i32): TsTrack {
  return changetype<TsTrack>(mux + TS_TRACKS + i * TS_TRACK_STRIDE);
}
