import type { MediaMemory } from "../../wasm/core.ts";
import { LogCursor } from "../../wasm/cursor.ts";
import type { RtpLog } from "../../wasm/log.ts";
import type { Random } from "../support/random.ts";
import { same } from "./compare.ts";
import { CursorTwin } from "./twin/cursor.ts";
import type { IngestTwin } from "./twin/ingest.ts";

/** Room for a copy, bytes. */
export const ROOM = 72 * 1024;

/** A log and its twin. */
export interface TwoLogs {
  readonly log: RtpLog;
  readonly twin: IngestTwin;
  readonly lagPackets: number;
}

export interface ReaderOptions {
  readonly random: Random;
  readonly channels: readonly (number | undefined)[];
}

/** A cursor at the live edge. */
export function openCursor(
  memory: MediaMemory,
  log: RtpLog,
  channels: readonly (number | undefined)[],
): LogCursor {
  return LogCursor.open(memory, { log: log.address, tracks: log.tracks.length, channels }) as LogCursor;
}

/** A reader and its twin, which skip, jump and read alike. */
export class ReaderPair {
  readonly cursor: LogCursor;
  readonly #twin: CursorTwin;
  readonly #memory: MediaMemory;
  readonly #random: Random;
  readonly #room: number;
  /** What the reader went through: dropping 1, ending 2, plain 4. */
  moods = 0;

  constructor(memory: MediaMemory, logs: TwoLogs, { random, channels }: ReaderOptions) {
    this.#memory = memory;
    this.#random = random;
    this.cursor = openCursor(memory, logs.log, channels);
    this.#twin = new CursorTwin(logs.twin, channels, logs.lagPackets);
    this.#room = memory.take(ROOM) as number;
  }

  /** Skips, jumps, or reads what fits; then compares. */
  step(): void {
    const { cursor } = this;
    const twin = this.#twin;
    const chance = this.#random.below(20);
    if (chance < 3) {
      cursor.skip();
      twin.skip();
    } else if (chance === 3) {
      cursor.jump();
      twin.jump();
    }
    if (cursor.plain) this.#readPlain();
    else this.#readCopy();
    if (cursor.plain) return;
    same(
      [cursor.seq, cursor.lostPackets, cursor.lostFrames, cursor.endingTracks, cursor.dropping],
      [twin.seq, twin.lostPackets, twin.lostFrames, twin.bits("ending"), twin.bits("dropping") !== 0],
      "place, lost packets, lost frames, ending, dropping",
    );
    this.moods |= (cursor.dropping ? 1 : 0) | (cursor.ending ? 2 : 0);
  }

  #readPlain(): void {
    this.moods |= 4;
    const { position } = this.cursor;
    const size = this.cursor.span();
    const bytes = this.#memory.u8.slice(this.cursor.position, this.cursor.position + size);
    same(this.cursor.move(size), 0, `rest after all from ${position}`);
    same(Buffer.compare(bytes, this.#twin.fill(size)), 0, "plain bytes");
  }

  #readCopy(): void {
    const ending = this.#twin.bits("ending");
    const only = ending !== 0 && this.#random.chance(0.2) ? ending : -1;
    const limit = this.#random.chance(0.5) ? ROOM : this.#random.between(1_464, 6_000);
    const size = this.cursor.fill(this.#room, limit, only);
    if (size > limit) throw new Error(`${size} bytes where ${limit} fit`);
    const bytes = this.#memory.u8.subarray(this.#room, this.#room + size);
    same(Buffer.compare(bytes, this.#twin.fill(limit, only)), 0, "copied bytes");
  }

  close(): void {
    this.#memory.give(this.#room);
    this.cursor.close();
  }
}
