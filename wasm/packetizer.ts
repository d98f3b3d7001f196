import { ERR_BUDGET, ERR_FRAME } from "../assembly/abi.ts";
import type { MediaMemory } from "./core.ts";
import type { ReceiveFault, RtpLog } from "./log.ts";
import type { UnitLog, UnitSetup } from "./units.ts";

/** A track to packetize. */
export interface PacketizerTrack {
  readonly units: UnitLog;
  /** Payload format. */
  readonly setup: UnitSetup;
  readonly payloadType: number;
  /** RTP sequence number of the first packet, 16 bits; synchronization source, 32 bits. */
  readonly seq: number;
  readonly ssrc: number;
}

/** Packetizes the units of all tracks of a stream into the RTP log. */
export class Packetizer {
  readonly #memory: MediaMemory;
  readonly #address: number;
  readonly #limits: readonly number[];
  readonly #drops: readonly number[];
  #closed = false;

  private constructor(memory: MediaMemory, address: number, tracks: readonly PacketizerTrack[]) {
    const { core } = memory;
    this.#memory = memory;
    this.#address = address;
    const starts = tracks.map((_, i) => {
      return address + core.PACKETIZER_TRACKS.value + i * core.PACKET_TRACK_STRIDE.value;
    });
    this.#limits = starts.map((start) => (start + core.PACKET_TRACK_LIMIT.value) >> 3);
    this.#drops = starts.map((start) => (start + core.PACKET_TRACK_DROPPED.value) >> 2);
    tracks.forEach(({ units, setup, payloadType, seq, ssrc }, i) => {
      const { format, clockRate, frameTicks, sampleBytes = 1 } = setup;
      const both = format | (payloadType << 8);
      core.packetizerTrack(address, i, units.address, both, seq, ssrc, clockRate, frameTicks, sampleBytes);
    });
  }

  /**
   * Channel 2i of `log` is mapped to track i. Units that the logs hold already are packetized too.
   *
   * @returns undefined when the budget is used up
   */
  static open(memory: MediaMemory, log: RtpLog, tracks: readonly PacketizerTrack[]): Packetizer | undefined {
    const { core } = memory;
    const size = core.PACKETIZER_TRACKS.value + tracks.length * core.PACKET_TRACK_STRIDE.value;
    const address = memory.take(size);
    if (address === undefined) return undefined;
    tracks.forEach((_, i) => {
      log.mapChannel(2 * i, i, false);
    });
    core.packetizerOpen(address, log.address, tracks.length);
    return new Packetizer(memory, address, tracks);
  }

  /**
   * Packetizes all units with decoding times up to `limits` (ticks, by track; all when left out), tracks interleaved
   * by decoding time, and trims the unit logs.
   *
   * @param now monotonic ms
   * @returns why it must stop
   */
  pump(now: number, limits?: readonly number[]): ReceiveFault | undefined {
    const memory = this.#memory;
    const { f64 } = memory;
    for (let i = 0; i < this.#limits.length; i++) {
      f64[this.#limits[i] as number] = limits?.[i] ?? Number.POSITIVE_INFINITY;
    }
    for (;;) {
      memory.prepare();
      const code = memory.core.packetizerPump(this.#address, now);
      if (code === 0) return undefined;
      if (code === ERR_BUDGET) return "budget";
      if (code === ERR_FRAME) return "frame";
      if (code < 0) throw new Error(`the core refused its own packets: ${code}`);
    }
  }

  /** Bytes of interleaved frames made since the last call. */
  takeBytes(): number {
    const { core, i32 } = this.#memory;
    const at = (this.#address + core.PACKETIZER_BYTES.value) >> 2;
    const bytes = i32[at] as number;
    i32[at] = 0;
    return bytes;
  }

  /** Units of all tracks dropped because no packet can carry them. */
  get dropped(): number {
    const { i32 } = this.#memory;
    let count = 0;
    for (const at of this.#drops) count += i32[at] as number;
    return count;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#memory.give(this.#address);
  }
}
