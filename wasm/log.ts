import {
  CHANNEL_IGNORED,
  CHANNEL_NONE,
  CHANNEL_RTCP,
  ERR_BUDGET,
  ERR_FRAME,
  KIND_H264,
  KIND_H265,
  PARAM_PPS,
  PARAM_SPS,
  PARAM_VPS,
} from "../assembly/abi.ts";
import type { MediaMemory } from "./core.ts";
import { TrackState } from "./track.ts";

/** What the core needs to know about a track before its first packet. */
export interface TrackSetup {
  /** Kind (KIND_* of the ABI) of each payload type. */
  readonly kinds: ReadonlyMap<number, number>;
  /** Ticks per second. */
  readonly clockRate: number;
  /** Parameter sets already in the description: PARAM_* bits. */
  readonly paramsKnown: number;
}

export interface LogOptions {
  readonly tracks: readonly TrackSetup[];
  /** Packets a reader may lag behind at least. */
  readonly lagPackets: number;
  /** Largest RTP packet for readers, bytes. */
  readonly maxPacket: number;
}

/** Packets ignored since the last call, with one example per kind. */
export interface IngestEvents {
  /** Bits EVENT_* of the core. */
  readonly bits: number;
  readonly track: number;
  readonly value: number;
  readonly expected: number;
}

/** Why `receive` stopped. */
export type ReceiveFault = "budget" | "frame";

/** A log of RTP packets in interleaved framing, fed with the bytes of a publisher's connection. */
export class RtpLog {
  readonly address: number;
  readonly tracks: readonly TrackState[];
  readonly #memory: MediaMemory;
  readonly #room: number;
  readonly #events: number;
  #closed = false;

  private constructor(memory: MediaMemory, address: number, options: LogOptions) {
    const { core } = memory;
    this.#memory = memory;
    this.address = address;
    this.#room = (address + core.LOG_ROOM.value) >> 2;
    this.#events = (address + core.LOG_EVENTS.value) >> 2;
    const stride = core.TRACK_STRIDE.value;
    const first = address + core.LOG_TRACKS.value;
    this.tracks = options.tracks.map((setup, i) => {
      const track = new TrackState(memory, first + i * stride);
      for (const [type, kind] of setup.kinds) memory.u8[track.address + type] = kind;
      track.setUp(setup.clockRate, setup.paramsKnown, paramsNeeded(setup.kinds));
      return track;
    });
  }

  /** A log without packets; undefined when the budget is used up. */
  static open(memory: MediaMemory, options: LogOptions): RtpLog | undefined {
    const { core } = memory;
    const count = options.tracks.length;
    const size = core.LOG_TRACKS.value + count * core.TRACK_STRIDE.value;
    const address = memory.take(size);
    if (address === undefined) return undefined;
    core.logOpen(address, size, count, options.lagPackets, options.maxPacket, memory.account);
    return new RtpLog(memory, address, options);
  }

  /** Maps a channel of the publisher to the RTP or RTCP of a track. */
  mapChannel(channel: number, track: number, rtcp: boolean): void {
    this.#setChannel(channel, rtcp ? track | CHANNEL_RTCP : track);
  }

  /** Maps a pair of channels to a track. Where both are the same, RTP counts. */
  mapPair(rtp: number, rtcp: number, track: number): void {
    this.mapChannel(rtcp, track, true);
    this.mapChannel(rtp, track, false);
  }

  /** Ignores what comes on a pair of channels, without counting it. */
  ignorePair(rtp: number, rtcp: number): void {
    this.#setChannel(rtp, CHANNEL_IGNORED);
    this.#setChannel(rtcp, CHANNEL_IGNORED);
  }

  /** Whether anything is expected on a channel. */
  hasChannel(channel: number): boolean {
    return this.#memory.u8[this.#channel(channel)] !== CHANNEL_NONE;
  }

  #setChannel(channel: number, use: number): void {
    this.#memory.u8[this.#channel(channel)] = use;
  }

  #channel(channel: number): number {
    return this.address + this.#memory.core.LOG_CHANNELS.value + channel;
  }

  /**
   * Receives interleaved frames from `chunk`, from `offset` on.
   *
   * @returns the offset of the first byte that belongs to no interleaved frame, or the length of the chunk; or why
   *   the publisher must be closed
   */
  receive(chunk: Uint8Array, offset: number, now: number): number | ReceiveFault {
    const memory = this.#memory;
    const { core } = memory;
    let at = offset;
    while (at < chunk.length) {
      memory.prepare();
      const { u8, i32 } = memory;
      const target = core.rtpReserve(this.address);
      if (target < 0) return "budget";
      const size = Math.min(i32[this.#room] as number, chunk.length - at);
      u8.set(at === 0 && size === chunk.length ? chunk : chunk.subarray(at, at + size), target);
      const rest = core.rtpIngest(this.address, size, now);
      if (rest < 0) return rest === ERR_FRAME ? "frame" : fault(rest);
      at += size - rest;
      if (rest > 0) return at;
    }
    return at;
  }

  /**
   * Where the next bytes of the connection may be written to, at most `room`; undefined when the budget is used up.
   * They are taken by `ingest`.
   */
  reserve(): number | undefined {
    this.#memory.prepare();
    const target = this.#memory.core.rtpReserve(this.address);
    return target < 0 ? undefined : target;
  }

  /** Bytes that the last `reserve` offered. */
  get room(): number {
    return this.#memory.i32[this.#room] as number;
  }

  /**
   * Receives interleaved frames, of which `size` bytes were written where `reserve` said.
   *
   * @returns how many of them, at their end, belong to no frame (see `rest`); or why the publisher must be closed
   */
  ingest(size: number, now: number): number | ReceiveFault {
    const rest = this.#memory.core.rtpIngest(this.address, size, now);
    if (rest >= 0) return rest;
    return rest === ERR_FRAME ? "frame" : fault(rest);
  }

  /** A copy of the last `size` bytes of an `ingest`, which belong to no frame. */
  rest(size: number): Uint8Array {
    const at = this.#read(this.#memory.core.LOG_REST);
    return this.#memory.u8.slice(at, at + size);
  }

  /** Errors since the last call; undefined if there were none. */
  takeEvents(): IngestEvents | undefined {
    const { core, i32 } = this.#memory;
    const bits = i32[this.#events] as number;
    if (bits === 0) return undefined;
    i32[this.#events] = 0;
    const read = (offset: WebAssembly.Global) => i32[(this.address + offset.value) >> 2] as number;
    return {
      bits,
      track: read(core.LOG_EVENT_TRACK),
      value: read(core.LOG_EVENT_VALUE),
      expected: read(core.LOG_EVENT_EXPECTED),
    };
  }

  /** Frames that ended since the last call. */
  takeFramesEnded(): number {
    return this.#takeCount(this.#memory.core.LOG_FRAMES_ENDED);
  }

  /** Packets lost since the last call. */
  takeLost(): number {
    return this.#takeCount(this.#memory.core.LOG_LOST);
  }

  /** Packets ignored since the last call. */
  takeRefused(): number {
    return this.#takeCount(this.#memory.core.LOG_REFUSED);
  }

  /** Grows with each sign of life: packets that were accepted, and reports unless packets are being refused. */
  get heard(): number {
    return this.#read(this.#memory.core.LOG_HEARD);
  }

  #takeCount(offset: WebAssembly.Global): number {
    const { i32 } = this.#memory;
    const at = (this.address + offset.value) >> 2;
    const count = i32[at] as number;
    i32[at] = 0;
    return count;
  }

  /** Whether an interleaved frame has arrived in part. */
  get pending(): boolean {
    const { core } = this.#memory;
    return this.#read(core.LOG_PEND_START) !== this.#read(core.LOG_PEND_END);
  }

  /** Packets published so far; wraps at 32 bits. */
  get headSeq(): number {
    return this.#read(this.#memory.core.LOG_HEAD_SEQ);
  }

  /** End of the last published packet. */
  get head(): number {
    return this.#read(this.#memory.core.LOG_HEAD);
  }

  /** Oldest packet from which a lagging reader may continue. */
  get floorSeq(): number {
    return this.#read(this.#memory.core.LOG_FLOOR);
  }

  get blocks(): number {
    return this.#read(this.#memory.core.LOG_BLOCKS);
  }

  #read(offset: WebAssembly.Global): number {
    return this.#memory.i32[(this.address + offset.value) >> 2] as number;
  }

  /** Frees the blocks whose packets all precede `keepSeq`. */
  trim(keepSeq: number): void {
    this.#memory.core.logTrim(this.address, keepSeq);
  }

  /** Frees everything. No cursor may use it any more. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const { core } = this.#memory;
    core.rtpClose(this.address);
    core.logClose(this.address);
    this.#memory.give(this.address);
  }
}

function fault(code: number): ReceiveFault {
  if (code === ERR_BUDGET) return "budget";
  throw new Error(`the core refused what it had asked for: ${code}`);
}

function paramsNeeded(kinds: ReadonlyMap<number, number>): number {
  for (const kind of kinds.values()) {
    if (kind === KIND_H264) return PARAM_SPS | PARAM_PPS;
    if (kind === KIND_H265) return PARAM_SPS | PARAM_PPS | PARAM_VPS;
  }
  return 0;
}
