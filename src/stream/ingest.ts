import type { MediaMemory } from "../../wasm/core.ts";
import type { IngestEvents, ReceiveFault } from "../../wasm/log.ts";
import type { Clock } from "../lib/clock.ts";
import { BudgetError, ProtocolError } from "../lib/errors.ts";
import type { Logger } from "../lib/log.ts";
import { Tally } from "../lib/tally.ts";
import type { IgnoredPackets } from "./ignored-packets.ts";
import type { Stream } from "./stream.ts";

export interface PublisherOptions {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly ignoredPackets: IgnoredPackets;
}

/** Writes the packets of a publisher into the stream. */
export class IngestReporter {
  readonly stream: Stream;
  readonly #memory: MediaMemory;
  readonly #tally: Tally;
  readonly #details = new Map<string, string>();
  readonly #logger: Logger;
  readonly #ignoredPackets: IgnoredPackets;
  readonly #clock: Clock;
  /** When it last sent what is of use, monotonic ms: packets that are ignored are no sign of life. */
  lastHeard: number;
  #heard: number;
  #hasNewSsrc = false;

  constructor(stream: Stream, { logger, clock, ignoredPackets }: PublisherOptions) {
    this.stream = stream;
    this.#memory = stream.memory;
    this.#logger = logger;
    this.#ignoredPackets = ignoredPackets;
    this.#clock = clock;
    this.lastHeard = clock.now();
    this.#heard = stream.log.heard;
    this.#tally = new Tally(clock, (what, count) => this.#warn(what, count));
  }

  /** Whether an interleaved frame has arrived in part. */
  get midFrame(): boolean {
    return this.stream.log.pending;
  }

  /** RTP packets lost. */
  get packetsLost(): number {
    return this.stream.log.tracks.reduce((sum, track) => sum + track.lost, 0);
  }

  /**
   * Receives interleaved frames from `offset` on.
   *
   * @returns position of the first byte that belongs to no frame
   * @throws {ProtocolError} if a frame is too large
   * @throws {BudgetError} if the media memory is used up
   */
  receive(chunk: Uint8Array, offset: number): number {
    const end = this.stream.receive(chunk, offset);
    this.settle(typeof end === "string" ? end : undefined);
    return end as number;
  }

  /**
   * Receives interleaved frames, of which `size` bytes were written where the log said.
   *
   * @returns a copy of the bytes at their end that belong to no frame; undefined if there are none
   * @throws {ProtocolError | BudgetError} as `receive`
   */
  ingest(size: number): Uint8Array | undefined {
    const rest = this.stream.ingest(size);
    this.settle(typeof rest === "string" ? rest : undefined);
    return rest === 0 ? undefined : this.stream.log.rest(rest as number);
  }

  /**
   * Reports packets that the last receive ignored.
   *
   * @throws {ProtocolError | BudgetError} if there is a fault
   */
  settle(fault: ReceiveFault | undefined): void {
    const { heard } = this.stream.log;
    if (heard !== this.#heard) this.lastHeard = this.#clock.now();
    this.#heard = heard;
    const events = this.stream.takeEvents();
    if (events !== undefined) this.#count(events);
    if (fault === "frame") throw new ProtocolError("frame is larger than 16777216 bytes");
    if (fault === "budget") throw new BudgetError(this.#memory.refusal);
  }

  /** Counts bytes of the connection that belong to no packet. */
  skipped(bytes: number): void {
    this.#ignoredPackets.packets += 1;
    this.#tally.count("skipped", bytes);
  }

  #count({ bits, value, expected }: IngestEvents): void {
    const { core } = this.#memory;
    this.#ignoredPackets.packets += this.stream.log.takeRefused();
    if ((bits & core.EVENT_LOST.value) !== 0) this.#tally.count("lost", this.stream.log.takeLost());
    if ((bits & core.EVENT_WRONG_SSRC.value) !== 0) {
      this.#example("ssrc", `received packet with wrong SSRC ${value >>> 0}, expected ${expected >>> 0}`);
    }
    if ((bits & core.EVENT_UNKNOWN_TYPE.value) !== 0) {
      this.#example("type", `received RTP packet with unknown format: ${value}`);
    }
    if ((bits & core.EVENT_UNKNOWN_CHANNEL.value) !== 0) {
      this.#example("channel", `received interleaved frame on unknown channel: ${value}`);
    }
    if ((bits & core.EVENT_MALFORMED.value) !== 0) {
      this.#example("malformed", `received malformed RTP packet of ${value} bytes`);
    }
    if ((bits & core.EVENT_OVERSIZED.value) !== 0) {
      this.#example("oversized", `payload size (${value}) is greater than maximum allowed (${expected})`);
    }
    if ((bits & core.EVENT_UNIT_OVERSIZED.value) !== 0) {
      this.#example("unit", `dropped a frame larger than ${expected} bytes`);
    }
    if ((bits & core.EVENT_NEW_SSRC.value) !== 0 && !this.#hasNewSsrc) {
      this.#hasNewSsrc = true;
      this.#logger.info(
        `the SSRC of the publisher changes (${expected >>> 0} to ${value >>> 0}): it is followed`,
      );
    }
    if ((bits & core.EVENT_REFRAGMENT.value) !== 0) {
      this.#logger.info(
        `RTP packets larger than ${expected} bytes are split into smaller ones (received ${value} bytes)`,
      );
    }
  }

  #example(what: string, text: string): void {
    this.#details.set(what, text);
    this.#tally.count(what);
  }

  #warn(what: string, count: number): void {
    if (what === "lost") this.#logger.warn(`${count} RTP packet${count === 1 ? "" : "s"} lost`);
    else if (what === "skipped") this.#logger.warn(`skipped ${count} bytes that belong to no packet`);
    else this.#logger.warn(this.#details.get(what) ?? what);
  }

  close(): void {
    this.#tally.flush();
  }
}
