import { FLV_EVENT_CONFIG, FLV_EVENT_FRAME, FLV_EVENT_TRACK } from "../assembly/abi.ts";
import type { MediaMemory } from "./core.ts";
import { type FlvCodecs, FlvTrack } from "./flv-track.ts";

/** What was wrong so far. */
export interface FlvCounters {
  /** Messages whose headers make no sense. */
  readonly malformed: number;
  /** Packets of unknown types, and tracks beyond the limit. */
  readonly ignored: number;
  /** Timestamp discontinuities. */
  readonly jumps: number;
  /** Oversized frames dropped. */
  readonly oversized: number;
}

/**
 * Demuxes audio and video messages of RTMP, whose bodies are those of FLV tags: legacy and enhanced, with any number of
 * tracks (FLV 10.1 annex E, Enhanced RTMP v2). All tracks share one timeline without wraps: tick 0 is the same instant in
 * all of them. Where timestamps jump, it continues after the latest one.
 */
export class FlvDemuxer<Parameters> {
  readonly #memory: MediaMemory;
  readonly #address: number;
  readonly #codecs: FlvCodecs<Parameters>;
  readonly #tracks: FlvTrack<Parameters>[] = [];
  #closed = false;

  private constructor(memory: MediaMemory, address: number, codecs: FlvCodecs<Parameters>) {
    this.#memory = memory;
    this.#address = address;
    this.#codecs = codecs;
    memory.core.flvOpen(address);
  }

  /** Undefined when the budget is used up. */
  static open<Parameters>(
    memory: MediaMemory,
    codecs: FlvCodecs<Parameters>,
  ): FlvDemuxer<Parameters> | undefined {
    const address = memory.take(memory.core.FLV_DEMUX_SIZE.value);
    return address === undefined ? undefined : new FlvDemuxer(memory, address, codecs);
  }

  /** All tracks so far, in the order in which they were first seen. */
  get tracks(): readonly FlvTrack<Parameters>[] {
    return this.#tracks;
  }

  get counters(): FlvCounters {
    const { core } = this.#memory;
    return {
      malformed: this.#get(core.FLV_MALFORMED),
      ignored: this.#get(core.FLV_IGNORED),
      jumps: this.#get(core.FLV_JUMPS),
      oversized: this.#tracks.reduce((sum, { units }) => sum + (units?.oversized ?? 0), 0),
    };
  }

  /** The latest presentation time of all units, ms. */
  get latest(): number {
    return this.#memory.f64[(this.#address + this.#memory.core.FLV_LATEST.value) >> 3] as number;
  }

  #get(offset: WebAssembly.Global): number {
    return this.#memory.i32[(this.#address + offset.value) >> 2] as number;
  }

  /**
   * Takes a whole message.
   *
   * @param kind FLV_AUDIO or FLV_VIDEO: the type of the message
   * @param address of its body in media memory
   * @param timestampMs 32 bits
   */
  push(kind: 8 | 9, address: number, size: number, timestampMs: number): void {
    this.begin(kind, size, timestampMs);
    this.put(kind, address, size);
  }

  /** Begins a message whose body comes in pieces (`put`); one of the same kind in progress is dropped. */
  begin(kind: 8 | 9, size: number, timestampMs: number): void {
    this.#memory.core.flvBegin(this.#address, kind, size, timestampMs);
  }

  /** Takes the next bytes of the body of the message in progress of a kind. */
  put(kind: 8 | 9, address: number, size: number): void {
    const memory = this.#memory;
    const { core } = memory;
    for (let at = 0; ; ) {
      memory.prepare(size >> 16);
      at += core.flvPut(this.#address, kind, address + at, size - at);
      const event = this.#get(core.FLV_EVENT);
      if (event === 0) return;
      this.#handle(event, this.#get(core.FLV_EVENT_NUMBER), kind);
      memory.setInt(this.#address, core.FLV_EVENT, 0);
    }
  }

  /** Ignores a track from now on, and frees its units. */
  skip(track: FlvTrack<Parameters>): void {
    const number = this.#tracks.indexOf(track);
    if (number < 0) throw new RangeError("a track of another demuxer");
    this.#memory.core.flvSkip(this.#address, number);
    track.close();
  }

  #handle(event: number, number: number, kind: 8 | 9): void {
    const { core } = this.#memory;
    const address = this.#address + core.FLV_TRACKS.value + number * core.FLV_TRACK_STRIDE.value;
    const track = this.#tracks[number];
    if (event === FLV_EVENT_TRACK) {
      this.#tracks.push(new FlvTrack(this.#memory, address, this.#codecs));
    } else if (event === FLV_EVENT_CONFIG) {
      const start = core.flvConfigOf(this.#address, kind);
      const size = this.#memory.i32[(address + core.FLV_TRACK_CONFIG_SIZE.value) >> 2] as number;
      track?.configure(this.#memory.u8.subarray(start, start + size));
    } else if (event === FLV_EVENT_FRAME) {
      track?.learn();
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const track of this.#tracks) track.close();
    this.#memory.give(this.#address);
  }
}
