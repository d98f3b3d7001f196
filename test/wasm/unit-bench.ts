import { expect } from "bun:test";
import type { MediaMemory } from "../../wasm/core.ts";
import { LogCursor } from "../../wasm/cursor.ts";
import { RtpLog } from "../../wasm/log.ts";
import { UnitLog, UnitPull } from "../../wasm/units.ts";
import { writeFrame, writeRtp } from "./twin/packet.ts";
import { AAC, type Codec } from "./twin/packetize.ts";

export const CLOCK_RATE = 90_000;
/** Ticks of a picture in these tests. */
export const FRAME_TICKS = 3_000;

/** A log of one track, and its units. */
export class UnitBench implements Disposable {
  readonly units: UnitLog;
  readonly #memory: MediaMemory;
  readonly log: RtpLog;
  readonly #cursor: LogCursor;
  readonly #pull: UnitPull;
  #seq = 65_000;
  /** Arrival of the next packet, ms. */
  now = 1_000;
  /** Whether no packet has a marker. */
  hold = false;
  /** Entry of the next unit that `take` returns. */
  at = 0;

  constructor(memory: MediaMemory, { format, kind, setup }: Codec, reorderDepth = 0) {
    this.#memory = memory;
    const track = { kinds: new Map([[96, kind]]), clockRate: CLOCK_RATE, paramsKnown: 0 };
    this.log = RtpLog.open(memory, { tracks: [track], lagPackets: 64, maxPacket: 1_460 })!;
    this.log.mapChannel(0, 0, false);
    this.#cursor = LogCursor.open(memory, { log: this.log.address, tracks: 1, channels: [0] })!;
    this.units = UnitLog.open(memory, {
      format,
      clockRate: CLOCK_RATE,
      reorderDepth,
      ...AAC,
      frameTicks: format === 6 ? 1024 : FRAME_TICKS,
      ...setup,
    })!;
    this.#pull = UnitPull.open(memory, this.#cursor, [this.units])!;
  }

  /**
   * @param lose number of the payload that does not come
   * @param between called behind each packet
   */
  send(payloads: readonly Uint8Array[], time: number, lose = -1, between?: () => void): void {
    payloads.forEach((payload, i) => {
      const fields = {
        payloadType: 96,
        marker: i === payloads.length - 1 && !this.hold,
        seq: this.#seq & 0xffff,
        time: time >>> 0,
        ssrc: 7,
      };
      this.#seq += 1;
      if (i === lose) return;
      this.log.receive(writeFrame(0, writeRtp(fields, payload)), 0, this.now);
      between?.();
    });
  }

  /** Size and hash of all units that are kept. */
  all(): string[] {
    const found: string[] = [];
    for (let at = 0; this.units.find(at); at += this.units.entries) {
      const bytes = spans(this.#memory, this.units, at, at + this.units.entries);
      found.push(`${bytes.length} ${Bun.hash(bytes)}`);
    }
    return found;
  }

  pull(): void {
    while (this.#pull.pull());
    this.log.trim(this.log.headSeq);
  }

  /** The next unit, copied; undefined when there is none. */
  take(): { bytes: Uint8Array; isKey: boolean; pts: number; dts: number } | undefined {
    if (!this.units.find(this.at)) return undefined;
    const { entries, size, isKey, pts, dts } = this.units;
    const bytes = spans(this.#memory, this.units, this.at, this.at + entries);
    expect(bytes.length).toBe(size);
    this.at += entries;
    this.units.trim(this.at);
    return { bytes, isKey, pts, dts };
  }

  [Symbol.dispose](): void {
    this.#pull.close();
    this.units.close();
    this.#cursor.close();
    this.log.close();
  }
}

function spans(memory: MediaMemory, units: UnitLog, from: number, to: number): Uint8Array {
  const room = memory.take(16_384)!;
  const count = memory.core.unitSpans(units.address, from, to, room, 2_000);
  const parts = Array.from({ length: count }, (_, i) => {
    const start = memory.i32[(room >> 2) + 2 * i]!;
    return memory.u8.subarray(start, start + memory.i32[(room >> 2) + 2 * i + 1]!);
  });
  const bytes = new Uint8Array(Buffer.concat(parts));
  memory.give(room);
  return bytes;
}
