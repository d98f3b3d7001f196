import type { MediaMemory } from "../../wasm/core.ts";
import { type LogOptions, RtpLog } from "../../wasm/log.ts";
import { compareTracks, eventBits, same } from "./compare.ts";
import { LogView } from "./log-view.ts";
import { type Entry, IngestTwin } from "./twin/ingest.ts";

/** A log and its twin, fed with the same bytes. */
export class IngestPair {
  readonly log: RtpLog;
  readonly twin: IngestTwin;
  readonly view: LogView;
  readonly lagPackets: number;
  readonly taken: Entry[] = [];
  /** Bits of all events so far. */
  events = 0;
  readonly #memory: MediaMemory;

  constructor(memory: MediaMemory, options: LogOptions) {
    this.#memory = memory;
    this.lagPackets = options.lagPackets;
    this.log = RtpLog.open(memory, options) as RtpLog;
    this.twin = new IngestTwin(options);
    this.view = new LogView(memory, this.log);
  }

  map(channels: readonly number[]): void {
    for (const [i, channel] of channels.entries()) {
      for (const side of [this.log, this.twin]) {
        side.mapChannel(channel, i, false);
        side.mapChannel(channel + 1, i, true);
      }
    }
  }

  /** Feeds both, and compares all there is to compare; not `thorough`: what came out only. */
  receive(chunk: Uint8Array, now: number, thorough = true): number | string {
    const result = this.log.receive(chunk, 0, now);
    const expected = this.twin.receive(chunk, now);
    same(result, expected, "what was taken");
    const from = this.taken.length;
    const entries = this.view.take();
    for (const [i, entry] of entries.entries())
      same(entry, this.twin.entries[from + i], `packet ${from + i}`);
    this.taken.push(...entries);
    if (this.taken.length !== this.twin.entries.length)
      throw new Error("the log and its twin differ in length");
    if (result === "frame" || !thorough || (entries.length === 0 && chunk.length < 32)) return result;
    this.compare();
    return result;
  }

  /** Compares what log and twin know. */
  compare(): void {
    this.#compareState();
    compareTracks(this.log, this.twin);
  }

  #compareState(): void {
    const { twin, log } = this;
    const events = log.takeEvents();
    this.events |= events?.bits ?? 0;
    same(events?.bits ?? 0, eventBits(this.#memory, twin.events), "events");
    if (events !== undefined)
      same([events.track, events.value, events.expected], [...twin.example], "the last event");
    twin.events.clear();
    same(
      [log.takeFramesEnded(), log.takeLost(), log.takeRefused(), log.floorSeq, log.headSeq, log.pending],
      [twin.framesEnded, twin.lost, twin.refused, twin.floor, twin.entries.length, twin.pending],
      "frames, losses, refusals, floor, head, pending",
    );
    twin.framesEnded = 0;
    twin.lost = 0;
    twin.refused = 0;
  }

  close(): void {
    this.view.close();
    this.log.close();
  }
}
