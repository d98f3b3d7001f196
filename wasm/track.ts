import { PARAM_PPS, PARAM_SPS, PARAM_VPS } from "../assembly/abi.ts";
import type { MediaMemory } from "./core.ts";

/** A sender report of the publisher. */
export interface ReceivedReport {
  /** NTP time in ms since 1900. */
  readonly ntp: number;
  /** The same instant in RTP ticks. */
  readonly rtpTime: number;
  /** When it arrived, monotonic ms. */
  readonly arrival: number;
}

/** The newest parameter sets of a track, copies. */
export interface ParameterSets {
  readonly sps: Uint8Array | undefined;
  readonly pps: Uint8Array | undefined;
  readonly vps: Uint8Array | undefined;
}

/** The state of one track of a log in the core. */
export class TrackState {
  readonly address: number;
  readonly #memory: MediaMemory;

  constructor(memory: MediaMemory, address: number) {
    this.#memory = memory;
    this.address = address;
  }

  setUp(clockRate: number, paramsKnown: number, paramsNeeded: number): void {
    const { core, f64, i32 } = this.#memory;
    f64[(this.address + core.TRACK_CLOCK_RATE.value) >> 3] = clockRate;
    i32[(this.address + core.TRACK_PARAMS_KNOWN.value) >> 2] = paramsKnown;
    i32[(this.address + core.TRACK_PARAMS_NEEDED.value) >> 2] = paramsNeeded;
  }

  /** Ticks per second. */
  get clockRate(): number {
    return this.#f64(this.#memory.core.TRACK_CLOCK_RATE);
  }

  /** Whether a packet has arrived. */
  get started(): boolean {
    return this.#u32(this.#memory.core.TRACK_STARTED) !== 0;
  }

  /** The SSRC that readers see. */
  get ssrc(): number {
    return this.#u32(this.#memory.core.TRACK_SSRC);
  }

  /** The SSRC of the publisher, which may change. */
  get source(): number {
    return this.#u32(this.#memory.core.TRACK_SOURCE);
  }

  /** Sequence number that readers see on the next packet, 16 bits. */
  get nextSeq(): number {
    const { TRACK_LAST_SEQ, TRACK_SEQ_OFFSET } = this.#memory.core;
    return (this.#u32(TRACK_LAST_SEQ) + this.#u32(TRACK_SEQ_OFFSET) + 1) & 0xffff;
  }

  /** RTP time of the last packet. */
  get lastTime(): number {
    return this.#u32(this.#memory.core.TRACK_LAST_TIME);
  }

  /** When the last packet arrived, monotonic ms. */
  get lastArrival(): number {
    return this.#f64(this.#memory.core.TRACK_LAST_ARRIVAL);
  }

  /** Whether the last packet did not end its frame. */
  get frameOpen(): boolean {
    return this.#u32(this.#memory.core.TRACK_FRAME_OPEN) !== 0;
  }

  /** Random access points seen, and the sequence number of the first packet of the last one. */
  get randomAccessPoints(): number {
    return this.#u32(this.#memory.core.TRACK_RAP_COUNT);
  }

  get randomAccessSeq(): number {
    return this.#u32(this.#memory.core.TRACK_RAP_SEQ) | 0;
  }

  /** When the last random access point arrived, monotonic ms; 0 before the first. */
  get randomAccessArrival(): number {
    return this.#f64(this.#memory.core.TRACK_RAP_ARRIVAL);
  }

  /** First bytes of the payload that identified the last random access point, a copy; empty before the first. */
  get randomAccessHead(): Uint8Array {
    const at = this.address + this.#memory.core.TRACK_HEAD.value;
    return this.#memory.u8.slice(at, at + this.#u32(this.#memory.core.TRACK_HEAD_SIZE));
  }

  /** RTP time of the last frame begun. */
  get frameTime(): number {
    return this.#u32(this.#memory.core.TRACK_FRAME_TIME);
  }

  /** Frames begun, of tracks whose frames may span packets; wraps at 32 bits. */
  get frames(): number {
    return this.#u32(this.#memory.core.TRACK_FRAMES);
  }

  /** Frames from the last random access point but one to the last; 0 before there were two. */
  get gopFrames(): number {
    return this.#u32(this.#memory.core.TRACK_GOP_FRAMES);
  }

  /** RTP time at `anchorArrival` (monotonic ms), by the earliest arrivals. */
  get anchorTime(): number {
    return this.#u32(this.#memory.core.TRACK_ANCHOR_TIME);
  }

  get anchorArrival(): number {
    return this.#f64(this.#memory.core.TRACK_ANCHOR_ARRIVAL);
  }

  /** Sender reports received. */
  get reports(): number {
    return this.#u32(this.#memory.core.TRACK_REPORTS);
  }

  get lastReport(): ReceivedReport {
    const { core } = this.#memory;
    const fraction = this.#u32(core.TRACK_REPORT_FRACTION) / 0x1_0000_0000;
    return {
      ntp: (this.#u32(core.TRACK_REPORT_SECONDS) + fraction) * 1000,
      rtpTime: this.#u32(core.TRACK_REPORT_TIME),
      arrival: this.#f64(core.TRACK_REPORT_ARRIVAL),
    };
  }

  /** Packets, their bytes with headers, their payload bytes, and packets lost. */
  get packets(): number {
    return this.#f64(this.#memory.core.TRACK_PACKETS);
  }

  get bytes(): number {
    return this.#f64(this.#memory.core.TRACK_BYTES);
  }

  get octets(): number {
    return this.#f64(this.#memory.core.TRACK_OCTETS);
  }

  get lost(): number {
    return this.#f64(this.#memory.core.TRACK_LOST);
  }

  /** Grows whenever a parameter set changes. */
  get paramsVersion(): number {
    return this.#u32(this.#memory.core.TRACK_PARAMS_VERSION);
  }

  /** The in-band parameter sets. */
  get parameterSets(): ParameterSets {
    const slot = this.#u32(this.#memory.core.TRACK_PARAMS);
    const read = (bit: number) => (slot === 0 ? undefined : this.#parameterSet(slot, bit));
    return { sps: read(PARAM_SPS), pps: read(PARAM_PPS), vps: read(PARAM_VPS) };
  }

  #parameterSet(slot: number, bit: number): Uint8Array | undefined {
    const { core, u8, i32 } = this.#memory;
    const at = slot + (bit >> 1) * core.PARAM_SET_STRIDE.value;
    const size = i32[at >> 2] as number;
    const start = at + core.PARAM_SET_DATA.value;
    return size === 0 ? undefined : u8.slice(start, start + size);
  }

  #u32(offset: WebAssembly.Global): number {
    return this.#memory.u32[(this.address + offset.value) >> 2] as number;
  }

  #f64(offset: WebAssembly.Global): number {
    return this.#memory.f64[(this.address + offset.value) >> 3] as number;
  }
}
