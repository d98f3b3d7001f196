import type { ReceiveFault } from "../../wasm/log.ts";
import { Packetizer } from "../../wasm/packetizer.ts";
import type { UnitLog } from "../../wasm/units.ts";
import { unitSetup } from "../formats/rtp/units.ts";
import { assert } from "../lib/assert.ts";
import type { Format } from "../media/track.ts";
import { usedUp } from "./budget.ts";
import type { Stream } from "./stream.ts";

const NO_SETS = { vps: undefined, sps: undefined, pps: undefined };

/** Publishes a stream from units: access units and audio frames. */
export class UnitInput {
  readonly #stream: Stream;
  readonly #packetizer: Packetizer;

  private constructor(stream: Stream, packetizer: Packetizer) {
    this.#stream = stream;
    this.#packetizer = packetizer;
  }

  /**
   * Units that the logs hold already are published too.
   *
   * @param tracks the units of each track of the stream, in the clock of its format; the caller closes them
   * @param formats the format of each track, as the description of the stream has it
   * @param random a number from 0 up to 1
   * @throws {BudgetError} if the media memory is used up
   */
  static open(
    stream: Stream,
    tracks: readonly UnitLog[],
    formats: readonly Format[],
    random: () => number = Math.random,
  ): UnitInput {
    const { memory, log } = stream;
    const rows = tracks.map((units, i) => {
      const format = formats[i];
      const setup = format === undefined ? undefined : unitSetup(format, NO_SETS);
      assert(format !== undefined && setup !== undefined, `track ${i} does not come in units`);
      const seq = Math.floor(random() * 0x1_0000);
      const ssrc = Math.floor(random() * 0x1_0000_0000);
      return { units, setup, payloadType: format.payloadType, seq, ssrc };
    });
    const packetizer = Packetizer.open(memory, log, rows);
    if (packetizer === undefined) throw usedUp();
    return new UnitInput(stream, packetizer);
  }

  /**
   * Publishes the finished units of all tracks, interleaved by decoding time, and trims what their logs need not
   * keep.
   *
   * @param limits decoding time of each track, in ticks, up to which units go; all when left out
   * @returns why the source must stop
   */
  pump(limits?: readonly number[]): ReceiveFault | undefined {
    const { now } = this.#stream;
    const fault = this.#packetizer.pump(now, limits);
    const size = this.#packetizer.takeBytes();
    if (size > 0) this.#stream.received(size, now);
    return fault;
  }

  /**
   * Says that tick `ticks` of a track is at wall clock `wall` (ms since 1970), from now on. Sender reports and HLS place
   * the track there.
   */
  align(track: number, ticks: number, wall: number): void {
    this.#stream.times.align(track, ticks, wall);
  }

  /** Units dropped because no packet can carry them. */
  get dropped(): number {
    return this.#packetizer.dropped;
  }

  /** The unit logs stay open. */
  close(): void {
    this.#packetizer.close();
  }
}
