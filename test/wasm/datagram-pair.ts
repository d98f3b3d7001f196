import { KIND_PACKET } from "../../assembly/abi.ts";
import type { MediaMemory } from "../../wasm/core.ts";
import { LogCursor } from "../../wasm/cursor.ts";
import { DatagramSource } from "../../wasm/datagram-source.ts";
import { RtpLog } from "../../wasm/log.ts";
import { same } from "./compare.ts";
import { trackSetups } from "./generate.ts";
import { ReorderTwin } from "./twin/reorder.ts";

/** A source of datagrams and its twin: what gets into the log must be the same packets in the same order. */
export class DatagramPair {
  readonly source: DatagramSource;
  readonly log: RtpLog;
  readonly #memory: MediaMemory;
  readonly #cursor: LogCursor;
  readonly #room: number;
  readonly #expected: Uint8Array[] = [];
  readonly #twin = new ReorderTwin((packet) => this.#expected.push(packet));

  constructor(memory: MediaMemory) {
    this.#memory = memory;
    const tracks = trackSetups([KIND_PACKET]);
    this.log = RtpLog.open(memory, { tracks, lagPackets: 8, maxPacket: 70_000 }) as RtpLog;
    this.source = DatagramSource.open(memory, this.log, 0) as DatagramSource;
    this.#cursor = LogCursor.open(memory, { log: this.log.address, tracks: 1, channels: [7] }) as LogCursor;
    this.#room = memory.take(100_000) as number;
  }

  /** Gives both a packet; throws unless the same comes out. @param known whether it is of the track at all */
  push(packet: Uint8Array, now: number, known = true): Uint8Array[] {
    this.#expected.length = 0;
    if (known) this.#twin.push(packet, now);
    same(this.source.receive(packet, now), undefined, "fault");
    const real = this.#read();
    same(real, this.#expected, "packets in order");
    this.log.trim(this.log.headSeq);
    return real;
  }

  #read(): Uint8Array[] {
    const packets: Uint8Array[] = [];
    for (let size = this.#fill(); size > 0; size = this.#fill()) {
      const { u8 } = this.#memory;
      for (let at = this.#room; at < this.#room + size; ) {
        const length = ((u8[at + 2] as number) << 8) | (u8[at + 3] as number);
        same(u8[at + 1], 7, "channel");
        packets.push(u8.slice(at + 4, at + 4 + length));
        at += 4 + length;
      }
    }
    return packets;
  }

  #fill(): number {
    return this.#cursor.fill(this.#room, 100_000);
  }

  close(): void {
    this.#memory.give(this.#room);
    this.#cursor.close();
    this.source.close();
    this.log.close();
  }
}
