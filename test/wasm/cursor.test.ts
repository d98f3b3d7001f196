import { afterEach, describe, expect, test } from "bun:test";
import {
  FLAG_END_OF_FRAME,
  FLAG_START_OF_FRAME,
  FLAG_VIDEO,
  KIND_H264,
  KIND_PACKET,
  KIND_VP8,
} from "../../assembly/abi.ts";
import type { MediaMemory } from "../../wasm/core.ts";
import type { LogCursor } from "../../wasm/cursor.ts";
import { RtpLog } from "../../wasm/log.ts";
import { Random } from "../support/random.ts";
import { BUILDS, loadBuild, SEED } from "./builds.ts";
import { checkReturned } from "./compare.ts";
import { type Disorder, Generator, trackSetups } from "./generate.ts";
import { openCursor, ReaderPair, ROOM } from "./reader-pair.ts";
import { type Entry, IngestTwin } from "./twin/ingest.ts";
import { concat, writeFrame, writeRtp } from "./twin/packet.ts";

const DISORDER: Disorder = { faults: 0.03, large: 0.02, unmarked: 0.05 };
const NO_LOSS: Disorder = { faults: 0, large: 0.02, unmarked: 0.2 };
const KINDS = [KIND_H264, KIND_VP8, KIND_PACKET, KIND_PACKET];

for (const build of BUILDS) {
  describe(`cursor, ${build}`, () => {
    const memory = loadBuild(build, 512);
    afterEach(() => checkReturned(memory));

    test(`a plain reader gets the bytes of the log, whatever is taken at once (seed ${SEED})`, () => {
      const random = new Random(SEED);
      const bench = new Bench(memory, random, DISORDER);
      const cursor = bench.reader([0, 2, 4, 6]);
      const got: Uint8Array[] = [];
      for (let i = 0; i < 400; i++) {
        bench.feed();
        for (let tries = random.below(4); tries > 0; tries--) takePlain(memory, cursor, random, got);
        bench.log.trim((bench.log.headSeq - cursor.lag) | 0);
      }
      while (cursor.span() > 0) takePlain(memory, cursor, random, got);
      expect(Buffer.compare(concat(got), concat(bench.twin.entries.map(({ bytes }) => bytes)))).toBe(0);
      expect(cursor.lag).toBe(0);
      cursor.close();
      bench.close();
    }, 30_000);

    const readers: (number | undefined)[][] = [
      [0, 2, 4, 6],
      [2, 0, 6, 4],
      [undefined, undefined, 0, undefined],
      [7, undefined, 9, undefined],
      [undefined, 200, undefined, 255],
    ];
    for (const channels of readers) {
      test(`a reader with channels ${channels.map((channel) => channel ?? "-")} agrees with its twin`, () => {
        for (let i = 0; i < 3; i++) compareReader(memory, new Random(SEED + i), channels);
      }, 30_000);
    }

    test("a reader that skips gets whole frames, and begins again at a random access point", () => {
      for (let i = 0; i < 8; i++) {
        const { got, bench } = readSlowly(memory, new Random(SEED + i));
        for (const track of [0, 1]) checkFrames(got, bench.twin, track);
        const audio = got.filter((entry) => entry.track > 1);
        expect(audio).toEqual(bench.twin.entries.filter((entry) => entry.track > 1));
      }
    }, 30_000);

    test("audio does not wait for a video frame that never ends", () => {
      const setups = trackSetups([KIND_VP8, KIND_PACKET]);
      const log = RtpLog.open(memory, { tracks: setups, lagPackets: 20, maxPacket: 1_460 }) as RtpLog;
      log.mapChannel(0, 0, false);
      log.mapChannel(2, 1, false);
      const cursor = openCursor(memory, log, [0, 2]);
      const video = (seq: number, time: number) =>
        writeRtp({ payloadType: 96, marker: false, seq, time, ssrc: 1 }, Uint8Array.from([0x10, 1]));
      const audio = (seq: number) =>
        writeRtp({ payloadType: 97, marker: true, seq, time: seq, ssrc: 2 }, new Uint8Array(20));
      log.receive(writeFrame(0, video(0, 0)), 0, 1);
      cursor.skip();
      log.receive(writeFrame(0, video(1, 3000)), 0, 1);
      for (let i = 0; i < 100; i++) log.receive(writeFrame(2, audio(i)), 0, 1);
      const room = memory.take(ROOM) as number;
      while (cursor.fill(room, ROOM) > 0) {}
      memory.give(room);
      expect(cursor.lag).toBe(0);
      cursor.close();
      log.close();
    });

    test("a reader can begin at the last random access point", () => {
      const random = new Random(SEED);
      const bench = new Bench(memory, random, NO_LOSS);
      const early = bench.reader([0, 2, 4, 6]);
      expect(early.toRandomAccess()).toBe(false);
      for (let i = 0; i < 50; i++) bench.feed();
      const first = bench.twin.tracks.findIndex(({ raps }) => raps > 0);
      expect(early.toRandomAccess()).toBe(true);
      const { rap } = bench.twin.tracks[first] as IngestTwin["tracks"][number];
      expect(early.seq).toBe(rap);
      const got: Uint8Array[] = [];
      while (early.span() > 0) takePlain(memory, early, random, got);
      const expected = concat(bench.twin.entries.slice(rap).map(({ bytes }) => bytes));
      expect(Buffer.compare(concat(got), expected)).toBe(0);
      early.close();
      bench.close();
    });

    test("age and lag are those of the oldest packet not sent", () => {
      const bench = new Bench(memory, new Random(SEED), NO_LOSS);
      const cursor = bench.reader([0, 2, 4, 6]);
      expect([cursor.age(100), cursor.lag, cursor.span()]).toEqual([0, 0, 0]);
      bench.feed();
      bench.feed();
      expect(cursor.age(bench.now + 7)).toBe(bench.now + 7 - (bench.twin.entries[0] as Entry).now);
      expect(cursor.lag).toBe(bench.twin.entries.length);
      cursor.close();
      bench.close();
    });
  });
}

/** A log, its twin, and a publisher. */
class Bench {
  readonly log: RtpLog;
  readonly twin: IngestTwin;
  readonly lagPackets: number;
  now = 0;
  readonly #memory: MediaMemory;
  readonly #random: Random;
  readonly #generator: Generator;

  constructor(memory: MediaMemory, random: Random, disorder: Disorder) {
    this.#memory = memory;
    this.#random = random;
    this.lagPackets = random.between(10, 300);
    const options = { tracks: trackSetups(KINDS), lagPackets: this.lagPackets, maxPacket: 1_460 };
    this.log = RtpLog.open(memory, options) as RtpLog;
    this.twin = new IngestTwin(options);
    this.#generator = new Generator(random, options.tracks, disorder);
    for (const [i, channel] of this.#generator.channels.entries()) {
      this.log.mapChannel(channel, i, false);
      this.twin.mapChannel(channel, i, false);
    }
  }

  /** Some packets more. */
  feed(): void {
    this.now += 7;
    const bytes = this.#generator.frames(this.#random.between(1, 40));
    this.log.receive(bytes, 0, this.now);
    this.twin.receive(bytes, this.now);
  }

  reader(channels: readonly (number | undefined)[]): LogCursor {
    return openCursor(this.#memory, this.log, channels);
  }

  close(): void {
    this.log.close();
  }
}

/** Takes a random part of what there is, and the rest of the packet that was cut. */
function takePlain(memory: MediaMemory, cursor: LogCursor, random: Random, got: Uint8Array[]): void {
  const span = cursor.span();
  const size = random.chance(0.3) ? span : random.below(span + 1);
  got.push(memory.u8.slice(cursor.position, cursor.position + size));
  const rest = cursor.move(size);
  if (rest > 0) got.push(memory.u8.slice(cursor.rest, cursor.rest + rest));
}

/** A reader and its twin, with the same luck. */
function compareReader(memory: MediaMemory, random: Random, channels: readonly (number | undefined)[]): void {
  const bench = new Bench(memory, random, DISORDER);
  for (let i = random.below(3); i > 0; i--) bench.feed();
  const reader = new ReaderPair(memory, bench, { random, channels });
  for (let i = 0; i < 300; i++) {
    bench.feed();
    reader.step();
    if (random.chance(0.2)) bench.log.trim((bench.log.headSeq - reader.cursor.lag) | 0);
  }
  reader.close();
  bench.close();
}

/** What a reader gets that skips now and then. */
function readSlowly(memory: MediaMemory, random: Random): { got: Entry[]; bench: Bench } {
  const bench = new Bench(memory, random, NO_LOSS);
  const cursor = bench.reader([9, 8, 7, 6]);
  const room = memory.take(ROOM) as number;
  const bytes: Uint8Array[] = [];
  const fill = (limit: number) => {
    const size = cursor.fill(room, limit);
    bytes.push(memory.u8.slice(room, room + size));
    return size;
  };
  for (let i = 0; i < 300; i++) {
    bench.feed();
    if (random.chance(0.1)) cursor.skip();
    if (random.chance(0.6)) fill(random.between(1_464, 9_000));
  }
  while (fill(ROOM) > 0) {}
  memory.give(room);
  cursor.close();
  bench.close();
  return { got: identify(concat(bytes), bench.twin), bench };
}

/** The packets of the log that these bytes, with channels 9 to 6, are. */
function identify(bytes: Uint8Array, twin: IngestTwin): Entry[] {
  const got: Entry[] = [];
  let seq = 0;
  for (let at = 0; at < bytes.length; ) {
    const size = 4 + ((bytes[at + 2] as number) << 8) + (bytes[at + 3] as number);
    const packet = Buffer.from(bytes.subarray(at + 2, at + size));
    const track = 9 - (bytes[at + 1] as number);
    for (;;) {
      const entry = twin.entries[seq++];
      if (entry === undefined) throw new Error("a packet that is not in the log, or not in order");
      if (entry.track !== track || packet.compare(entry.bytes, 2) !== 0) continue;
      got.push(entry);
      break;
    }
    at += size;
  }
  return got;
}

/** Fails unless each frame is there as a whole or not at all, and each gap ends at a random access point. */
function checkFrames(got: readonly Entry[], twin: IngestTwin, track: number): void {
  const all = framesOf(twin.entries, track);
  const mine = framesOf(got, track);
  let next = 0;
  for (const frame of mine) {
    const at = all.findIndex(([first]) => first === frame[0]);
    expect(at).toBeGreaterThanOrEqual(next);
    expect(frame.length).toBe((all[at] as Entry[]).length);
    next = at + 1;
  }
}

function framesOf(entries: readonly Entry[], track: number): Entry[][] {
  const frames: Entry[][] = [];
  let isOpen = false;
  for (const entry of entries) {
    if (entry.track !== track || (entry.flags & FLAG_VIDEO) === 0) continue;
    if ((entry.flags & FLAG_START_OF_FRAME) !== 0) {
      frames.push([]);
      isOpen = true;
    }
    // padding and filler behind the marker belong to no frame
    if (isOpen) (frames.at(-1) as Entry[]).push(entry);
    if ((entry.flags & FLAG_END_OF_FRAME) !== 0) isOpen = false;
    if ((entry.flags & FLAG_END_OF_FRAME) !== 0 && (entry.flags & FLAG_VIDEO) === 0)
      throw new Error("no video");
  }
  return frames;
}
