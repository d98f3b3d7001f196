import { ERR_FRAME } from "../assembly/abi.ts";
import type { MediaMemory } from "./core.ts";
import type { ReceiveFault, RtpLog } from "./log.ts";

/** Receiver report statistics of a source (RFC 3550 §6.4.1). */
export interface ReceptionState {
  /** Sequence number of the first packet, and the highest one so far, extended to 32 bits. */
  readonly base: number;
  readonly highest: number;
  /** Packets received, including duplicates. */
  readonly received: number;
  /** Interarrival jitter, RTP ticks. */
  readonly jitter: number;
}

/** A track received in datagrams: packets less than 64 apart are put back in order. */
export class DatagramSource {
  readonly #memory: MediaMemory;
  readonly #log: number;
  readonly #track: number;
  readonly #address: number;
  #closed = false;

  private constructor(memory: MediaMemory, address: number, log: number, track: number) {
    this.#memory = memory;
    this.#address = address;
    this.#log = log;
    this.#track = track;
    memory.core.reorderOpen(address, memory.account);
  }

  /** Undefined when the budget is used up. */
  static open(memory: MediaMemory, log: RtpLog, track: number): DatagramSource | undefined {
    const address = memory.take(memory.core.REORDER_SIZE.value);
    if (address === undefined) return undefined;
    log.mapChannel(2 * track, track, false);
    return new DatagramSource(memory, address, log.address, track);
  }

  /**
   * Receives the RTP packet of a datagram.
   *
   * @param now monotonic time, ms
   * @returns why the publisher must be closed
   */
  receive(data: Uint8Array, now: number): ReceiveFault | undefined {
    const memory = this.#memory;
    const { core } = memory;
    memory.prepare();
    const target = core.rtpReserveDatagram(this.#log, data.length);
    if (target < 0) return "budget";
    memory.u8.set(data, target);
    const code = core.rtpDatagram(this.#log, this.#address, this.#track, data.length, now);
    if (code >= 0) return undefined;
    return code === ERR_FRAME ? "frame" : "budget";
  }

  /**
   * Receives the RTCP packets of a datagram.
   *
   * @param scratch address with room for them
   */
  receiveReport(data: Uint8Array, scratch: number, now: number): void {
    const { core, u8 } = this.#memory;
    u8.set(data, scratch);
    core.rtcpDatagram(this.#log, this.#track, scratch, data.length, now);
  }

  /** Undefined before the first packet. */
  get reception(): ReceptionState | undefined {
    const { core, u32, i32, f64 } = this.#memory;
    const at = (offset: WebAssembly.Global) => (this.#address + offset.value) >> 2;
    if (i32[at(core.REORDER_STARTED)] === 0 && i32[at(core.REORDER_RECEIVED)] === 0) return undefined;
    return {
      base: u32[at(core.REORDER_BASE)] as number,
      highest: u32[at(core.REORDER_HIGHEST)] as number,
      received: u32[at(core.REORDER_RECEIVED)] as number,
      jitter: f64[(this.#address + core.REORDER_JITTER.value) >> 3] as number,
    };
  }

  /** Duplicates and late packets dropped. */
  get late(): number {
    return this.#memory.u32[(this.#address + this.#memory.core.REORDER_LATE.value) >> 2] as number;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#memory.core.reorderClose(this.#address);
    this.#memory.give(this.#address);
  }
}
