import { afterEach, describe, expect, test } from "bun:test";
import { KIND_AV1, KIND_H264, KIND_MJPEG, KIND_PACKET } from "../../assembly/abi.ts";
import type { MediaMemory } from "../../wasm/core.ts";
import { type LogOptions, RtpLog } from "../../wasm/log.ts";
import { Random } from "../support/random.ts";
import { BUILDS, loadBuild, SEED } from "./builds.ts";
import { checkReturned } from "./compare.ts";
import { type Disorder, Generator, trackSetups } from "./generate.ts";
import { IngestPair } from "./pair.ts";
import { concat, writeFrame, writeRtp } from "./twin/packet.ts";

const TIDY: Disorder = { faults: 0, large: 0, unmarked: 0 };
const ROUGH: Disorder = { faults: 0.1, large: 0.03, unmarked: 0.1 };

/** How the bytes are cut into chunks. */
const CUTS: readonly [string, (random: Random) => number][] = [
  ["single bytes", () => 1],
  ["a few bytes", (random) => random.between(1, 30)],
  ["packets", (random) => random.between(1, 3_000)],
  ["socket reads", (random) => random.between(1, 65_536)],
  ["huge pieces", (random) => random.between(100_000, 400_000)],
];

for (const build of BUILDS) {
  describe(`ingest, ${build}`, () => {
    const memory = loadBuild(build, 512);
    afterEach(() => checkReturned(memory));

    for (const [name, size] of CUTS) {
      const small = name === "single bytes" || name === "a few bytes";
      const count = small ? 200 : 2_500;
      const disorder = small ? { ...ROUGH, large: 0.002 } : ROUGH;
      test(`agrees with its twin on ${name} (seed ${SEED})`, () => {
        const random = new Random(SEED);
        for (const maxPacket of [1_460, 65_535, 64]) {
          agree({ memory, random, count, size, maxPacket, disorder });
        }
        agree({ memory, random, count, size, maxPacket: 1_472, disorder: TIDY });
      }, 60_000);
    }

    test("agrees with its twin on 32 tracks", () => {
      const kinds = Array.from({ length: 32 }, (_, i) => 1 + (i % 9));
      const random = new Random(SEED + 1);
      agree({ memory, random, count: 3_000, size: () => 20_000, maxPacket: 1_460, disorder: ROUGH, kinds });
    }, 30_000);

    test("agrees with its twin where text comes between frames", () => {
      const random = new Random(SEED + 2);
      const options = optionsOf([KIND_H264, KIND_PACKET], 1_460);
      const pair = new IngestPair(memory, options);
      const generator = new Generator(random, options.tracks, ROUGH);
      pair.map(generator.channels);
      const text = new TextEncoder().encode("GET_PARAMETER rtsp://h/p RTSP/1.0\r\nCSeq: 1\r\n\r\n");
      for (let i = 0; i < 300; i++) {
        const before = generator.frames(random.below(4));
        const end = pair.receive(concat([before, text, generator.frames(random.below(3))]), i);
        expect(end).toBe(before.length);
      }
      pair.close();
    });

    test("packets of every size around the largest", () => {
      const options = optionsOf([KIND_PACKET], 65_535);
      const pair = new IngestPair(memory, options);
      pair.map([0]);
      let seq = 0;
      for (const size of [12, 13, 1_460, 1_472, 32_767, 32_768, 65_000, 65_534, 65_535, 65_535, 65_535, 12]) {
        const fields = { payloadType: 96, marker: true, seq: seq++, time: 0, ssrc: 1 };
        pair.receive(writeFrame(0, writeRtp(fields, new Uint8Array(size - 12).fill(seq))), seq);
      }
      expect(pair.taken).toHaveLength(12);
      pair.close();
    });

    test("a key frame after many frames without one ends the time when every frame counts", () => {
      const options = optionsOf([KIND_AV1], 1_460);
      const pair = new IngestPair(memory, options);
      pair.map([0]);
      for (let i = 0; i < 700; i++) {
        const fields = { payloadType: 96, marker: true, seq: i, time: i * 3000, ssrc: 1 };
        const payload = Uint8Array.from([i === 650 ? 0x18 : 0x10, 0x30, 0]);
        pair.receive(writeFrame(0, writeRtp(fields, payload)), i);
      }
      expect(pair.log.tracks[0]?.randomAccessSeq).toBe(650);
      pair.close();
    });

    test("a frame of more than 16 MiB is refused", () => {
      const options = optionsOf([KIND_MJPEG], 65_535);
      const pair = new IngestPair(memory, options);
      pair.map([0]);
      const payload = new Uint8Array(65_000);
      const results: (number | string)[] = [];
      for (let i = 0; i < 260 && results.at(-1) !== "frame"; i++) {
        const fields = { payloadType: 96, marker: false, seq: i, time: 7, ssrc: 1 };
        results.push(pair.receive(writeFrame(0, writeRtp(fields, payload)), i));
      }
      expect(results).toHaveLength(Math.floor(16_777_216 / 65_012) + 1);
      expect(results.at(-1)).toBe("frame");
      pair.close();
    }, 20_000);
  });

  describe(`budget, ${build}`, () => {
    test("used up in the midst of a stream: an answer, and everything comes back", () => {
      for (const blocks of [16, 17, 20]) {
        const memory = loadBuild(build, blocks);
        const random = new Random(SEED + blocks);
        const log = RtpLog.open(memory, optionsOf([KIND_H264, KIND_PACKET], 1_460)) as RtpLog;
        const generator = new Generator(random, trackSetups([KIND_H264, KIND_PACKET]), ROUGH);
        generator.channels.forEach((channel, i) => {
          log.mapChannel(channel, i, false);
        });
        let outcome: unknown = 0;
        while (typeof outcome === "number") outcome = log.receive(generator.frames(50), 0, 1);
        expect(outcome).toBe("budget");
        expect(memory.state.blocksTaken).toBe(memory.state.blocksTotal);
        expect(log.receive(generator.frames(50), 0, 1)).toBe("budget");
        log.trim(log.headSeq);
        expect(log.blocks).toBeLessThanOrEqual(1);
        log.close();
        checkReturned(memory);
      }
    });
  });
}

function optionsOf(kinds: readonly number[], maxPacket: number): LogOptions {
  return { tracks: trackSetups(kinds), lagPackets: 64, maxPacket };
}

interface Agreement {
  readonly memory: MediaMemory;
  readonly random: Random;
  readonly count: number;
  readonly size: (random: Random) => number;
  readonly maxPacket: number;
  readonly disorder: Disorder;
  readonly kinds?: readonly number[];
}

/** Feeds a log and its twin with `count` frames in chunks, trimming now and then. */
function agree({ memory, random, count, size, maxPacket, disorder, kinds }: Agreement): void {
  const setups = trackSetups(kinds);
  const pair = new IngestPair(memory, { tracks: setups, lagPackets: random.between(1, 500), maxPacket });
  const generator = new Generator(random, setups, disorder);
  pair.map(generator.channels);
  const bytes = generator.frames(count);
  for (let at = 0, now = 5; at < bytes.length; now += random.below(20)) {
    const end = Math.min(bytes.length, at + size(random));
    const taken = pair.receive(bytes.slice(at, end), now + 0.25);
    if (taken !== end - at) throw new Error(`${taken} of ${end - at} bytes taken`);
    at = end;
    if (random.chance(0.3)) pair.log.trim(pair.view.seq);
  }
  expect(pair.twin.pending).toBe(false);
  pair.close();
}
