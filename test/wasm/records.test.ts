import { afterEach, describe, expect, test } from "bun:test";
import { RECORD_MAX } from "../../assembly/abi.ts";
import type { MediaMemory } from "../../wasm/core.ts";
import type { LogCursor } from "../../wasm/cursor.ts";
import { RecordBatch } from "../../wasm/record-batch.ts";
import { RecordLog } from "../../wasm/records.ts";
import { Random } from "../support/random.ts";
import { BUILDS, loadBuild, SEED } from "./builds.ts";
import { checkReturned, same } from "./compare.ts";
import { CursorTwin } from "./twin/cursor.ts";
import { concat } from "./twin/packet.ts";
import { type FrameTwin, RecordTwin } from "./twin/records.ts";

const VIDEO = [false, true, true];
const ROOM = 72 * 1024;

/** A log of records, its twin, and a muxer. */
class Bench {
  readonly log: RecordLog;
  readonly twin = new RecordTwin(VIDEO);
  readonly memory: MediaMemory;
  readonly #random: Random;
  readonly #room: number;
  now = 0;

  constructor(memory: MediaMemory, random: Random) {
    this.memory = memory;
    this.#random = random;
    this.log = RecordLog.open(memory, { video: VIDEO, lagPackets: 20 })!;
    this.#room = memory.take(128 * 1024 - 64)!;
  }

  /** Some frames more. */
  feed(): void {
    this.now += 7;
    for (let i = this.#random.between(1, 8); i > 0; i--) this.append(this.#frame());
    this.log.publish();
  }

  #frame(): FrameTwin {
    const random = this.#random;
    const track = random.chance(0.05) ? 3 : random.below(3);
    const size = random.chance(0.02) ? random.between(30_000, 90_000) : random.between(1, 4_000);
    const limit = random.chance(0.5) ? 1_316 : random.between(300, RECORD_MAX);
    const bytes = random.bytes(size);
    const records: Uint8Array[] = [];
    for (let at = 0; at < size; at += limit) records.push(bytes.slice(at, at + limit));
    const isRandomAccess = track === 3 || random.chance(0.1);
    return { track, isRandomAccess, time: random.bits(), now: this.now, records };
  }

  append(frame: FrameTwin): void {
    const { track, isRandomAccess, time, now, records } = frame;
    this.log.begin(track, isRandomAccess, time, now);
    const limit = records[0]!.length;
    if (this.#random.chance(0.5)) this.#cut(records, limit);
    else this.#put(records);
    this.twin.append(frame);
  }

  #put(records: readonly Uint8Array[]): void {
    for (const [i, record] of records.entries()) {
      this.memory.u8.set(record, this.#room);
      expect(this.log.put(this.#room, record.length, i === records.length - 1)).toBe(true);
    }
  }

  /** From spans that end anywhere. */
  #cut(records: readonly Uint8Array[], limit: number): void {
    const bytes = concat(records);
    const spans: number[] = [];
    const data = this.#room + 4_096;
    this.memory.u8.set(bytes, data);
    for (let at = 0; at < bytes.length; ) {
      const rest = bytes.length - at;
      const size = spans.length > 500 ? rest : Math.min(this.#random.between(1, 5_000), rest);
      spans.push(data + at, size);
      at += size;
    }
    this.memory.i32.set(spans, this.#room >> 2);
    expect(this.log.cut(this.#room, spans.length / 2, limit)).toBe(true);
  }

  close(): void {
    this.memory.give(this.#room);
    this.log.close();
  }
}

/** Compares a reader with its twin, which do the same. */
class Reader {
  readonly cursor: LogCursor;
  readonly #twin: CursorTwin;
  readonly #bench: Bench;
  readonly #random: Random;
  readonly #batch: RecordBatch;
  readonly #room: number;

  constructor(bench: Bench, random: Random, wanted?: readonly boolean[]) {
    const { memory, log, twin } = bench;
    this.#bench = bench;
    this.#random = random;
    this.cursor = log.openCursor(wanted)!;
    const channels = [0, 1, 2].map((i) => (wanted?.[i] === false ? undefined : i));
    this.#twin = new CursorTwin(twin, [...channels, 3], 20);
    this.#batch = RecordBatch.open(memory, 40)!;
    this.#room = memory.take(ROOM)!;
    this.cursor.await();
    this.#twin.await();
  }

  step(): void {
    const { cursor } = this;
    const chance = this.#random.below(20);
    if (chance < 3) {
      cursor.skip();
      this.#twin.skip();
    } else if (chance === 3) {
      cursor.jump();
      this.#twin.jump();
    }
    if (cursor.plain) this.#plain();
    else if (this.#random.chance(0.5)) this.#gather();
    else this.#fill();
    if (cursor.plain) return;
    same(
      [cursor.seq, cursor.lostPackets, cursor.lostFrames, cursor.endingTracks, cursor.dropping],
      [
        this.#twin.seq,
        this.#twin.lostPackets,
        this.#twin.lostFrames,
        this.#twin.bits("ending"),
        this.#twin.bits("dropping") !== 0,
      ],
      "place, lost records, lost frames, ending, dropping",
    );
  }

  #plain(): void {
    const size = this.cursor.span();
    const bytes = this.#bench.memory.u8.slice(this.cursor.position, this.cursor.position + size);
    same(this.cursor.move(size), 0, "rest after all");
    same(Buffer.compare(bytes, this.#twin.fill(size)), 0, "plain bytes");
  }

  get #only(): number {
    const ending = this.#twin.bits("ending");
    return ending !== 0 && this.#random.chance(0.2) ? ending : -1;
  }

  #fill(): void {
    const limit = this.#random.chance(0.5) ? ROOM : this.#random.between(RECORD_MAX, ROOM);
    const only = this.#only;
    const size = this.cursor.fill(this.#room, limit, only);
    const bytes = this.#bench.memory.u8.slice(this.#room, this.#room + size);
    same(Buffer.compare(bytes, this.#twin.fill(limit, only)), 0, "copied bytes");
  }

  #gather(): void {
    const batch = this.#batch;
    const limit = this.#random.between(1, 40);
    const only = this.#only;
    batch.gather(this.cursor, limit, only);
    const expected = this.#twin.gather(limit, only);
    same(batch.length, expected.length, "records");
    for (const [row, [seq, bytes]] of expected.entries()) {
      const { track, time, flags } = this.#bench.twin.entries[seq]!;
      const place = [batch.seq(row), batch.track(row), batch.time(row), batch.size(row)];
      same(place, [seq, track, time, bytes.length], "number, track, time, size");
      const marks = [batch.isEnd(row), batch.isStart(row), batch.isRandomAccess(row)];
      same(marks, [(flags & 1) !== 0, (flags & 2) !== 0, (flags & 16) !== 0], "end, start, random access");
      const at = batch.at(row);
      const real = this.#bench.memory.u8.subarray(at, at + bytes.length);
      same(Buffer.compare(real, bytes), 0, "bytes of a record");
    }
  }

  close(): void {
    this.#bench.memory.give(this.#room);
    this.#batch.close();
    this.cursor.close();
  }
}

for (const build of BUILDS) {
  describe(`records, ${build}`, () => {
    const memory = loadBuild(build, 512);
    afterEach(() => checkReturned(memory));

    const wishes = [undefined, [true, true, false], [true, false, false], [false, true, true]];
    for (const wanted of wishes) {
      test(`a reader of ${wanted?.join() ?? "all tracks"} agrees with its twin (seed ${SEED})`, () => {
        for (let i = 0; i < 3; i++) {
          const random = new Random(SEED + i);
          const bench = new Bench(memory, random);
          for (let n = random.below(3); n > 0; n--) bench.feed();
          const reader = new Reader(bench, random, wanted);
          for (let n = 0; n < 200; n++) {
            bench.feed();
            reader.step();
            same(bench.log.startSeq, bench.twin.startSeq, "where readers can begin");
            same(bench.log.preambleSeq, bench.twin.preambleSeq, "last preamble");
            if (random.chance(0.2)) bench.log.trim((bench.log.headSeq - reader.cursor.lag) | 0);
          }
          reader.close();
          bench.close();
        }
      }, 60_000);
    }

    test("a record is found by its number as long as the log keeps it", () => {
      const bench = new Bench(memory, new Random(SEED));
      const batch = RecordBatch.open(memory, 1)!;
      for (let i = 0; i < 100; i++) bench.feed();
      const { entries } = bench.twin;
      const from = entries.length >> 1;
      bench.log.trim(from);
      for (let seq = from; seq < entries.length; seq++) {
        expect(batch.find(bench.log, seq)).toBe(true);
        const at = batch.at(0);
        const bytes = memory.u8.subarray(at, at + batch.size(0));
        expect([batch.seq(0), Buffer.compare(bytes, entries[seq]!.bytes)]).toEqual([seq, 0]);
      }
      expect([batch.find(bench.log, 0), batch.find(bench.log, entries.length)]).toEqual([false, false]);
      batch.close();
      bench.close();
    });

    test("what is larger than a record, or empty, is refused", () => {
      const bench = new Bench(memory, new Random(SEED));
      bench.log.begin(0, false, 0, 0);
      expect(() => bench.log.put(0, RECORD_MAX + 1, true)).toThrow(RangeError);
      expect(() => bench.log.put(0, 0, true)).toThrow(RangeError);
      bench.close();
    });
  });
}

test("a log of records says when the memory is used up", () => {
  const memory = loadBuild("release", 8);
  const log = RecordLog.open(memory, { video: [true], lagPackets: 20 })!;
  const room = memory.take(RECORD_MAX)!;
  log.begin(0, true, 0, 0);
  let puts = 0;
  while (log.put(room, RECORD_MAX, false)) puts += 1;
  expect(puts).toBe(6);
  log.close();
  memory.give(room);
  checkReturned(memory);
});
