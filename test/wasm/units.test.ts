import { afterEach, describe, expect, test } from "bun:test";
import type { MediaMemory } from "../../wasm/core.ts";
import { LogCursor } from "../../wasm/cursor.ts";
import { RtpLog } from "../../wasm/log.ts";
import { PartWriter, UnitLog, UnitPull } from "../../wasm/units.ts";
import { Random } from "../support/random.ts";
import { BUILDS, loadBuild, SEED } from "./builds.ts";
import { checkReturned } from "./compare.ts";
import { writeFrame, writeRtp } from "./twin/packet.ts";
import { AAC, CODECS, type Codec } from "./twin/packetize.ts";
import { AUDIO_CODECS } from "./twin/packetize-audio.ts";
import { VIDEO_CODECS } from "./twin/packetize-video.ts";

const CLOCK_RATE = 90_000;
const FRAME_TICKS = 3_000;

/** A log of one track, and its units. */
class Bench implements Disposable {
  readonly units: UnitLog;
  readonly #memory: MediaMemory;
  readonly #log: RtpLog;
  readonly #cursor: LogCursor;
  readonly #pull: UnitPull;
  #seq = 65_000;
  /** Arrival of the next packet, ms. */
  now = 1_000;
  /** Entry of the next unit that `take` returns. */
  at = 0;

  constructor(memory: MediaMemory, { format, kind, setup }: Codec, reorderDepth = 0) {
    this.#memory = memory;
    const track = { kinds: new Map([[96, kind]]), clockRate: CLOCK_RATE, paramsKnown: 0 };
    this.#log = RtpLog.open(memory, { tracks: [track], lagPackets: 64, maxPacket: 1_460 })!;
    this.#log.mapChannel(0, 0, false);
    this.#cursor = LogCursor.open(memory, { log: this.#log.address, tracks: 1, channels: [0] })!;
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
        marker: i === payloads.length - 1,
        seq: this.#seq & 0xffff,
        time: time >>> 0,
        ssrc: 7,
      };
      this.#seq += 1;
      if (i === lose) return;
      this.#log.receive(writeFrame(0, writeRtp(fields, payload)), 0, this.now);
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
    this.#log.trim(this.#log.headSeq);
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
    this.#log.close();
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

for (const build of BUILDS) {
  describe(`units, ${build}`, () => {
    const memory = loadBuild(build, 512);
    afterEach(() => checkReturned(memory));

    for (const codec of [...CODECS, ...AUDIO_CODECS]) {
      test(`${codec.name}: what was packetized comes out, across blocks and wraps (seed ${SEED})`, () => {
        const random = new Random(SEED);
        using bench = new Bench(memory, codec);
        let time = 0xffff_f000;
        for (let i = 0; i < 300; i++) {
          const frame = codec.make(random);
          bench.send(frame.payloads, time);
          bench.pull();
          for (const { bytes, isKey, offset } of frame.units.filter((unit) => unit.bytes.length > 0)) {
            const unit = bench.take();
            expect(unit).toBeDefined();
            expect(Buffer.compare(unit!.bytes, bytes)).toBe(0);
            expect([unit!.isKey, unit!.pts]).toEqual([isKey, time + offset]);
            expect(unit!.dts).toBeLessThanOrEqual(unit!.pts);
          }
          expect(bench.take()).toBeUndefined();
          // longer than what a packet has of any codec
          time += 10 * FRAME_TICKS;
          bench.now += 333;
        }
        expect([bench.units.dropped, bench.units.malformed, bench.units.jumps]).toEqual([0, 0, 0]);
        expect(bench.units.blocks).toBeLessThanOrEqual(2);
      }, 30_000);

      test(`${codec.name}: a unit of which something is missing is left out, alone (seed ${SEED})`, () => {
        const random = new Random(SEED + 1);
        using bench = new Bench(memory, codec);
        let sent = 0;
        let came = 0;
        for (let i = 0; i < 200; i++) {
          const frame = codec.make(random);
          const isLost = i % 3 === 1;
          const time = 5_000 + i * 4 * FRAME_TICKS;
          bench.send(frame.payloads, time, isLost ? random.below(frame.payloads.length) : -1);
          bench.pull();
          const whole = isLost ? [] : frame.units.filter((unit) => unit.bytes.length > 0);
          sent += whole.length;
          for (let unit = bench.take(); unit !== undefined; unit = bench.take()) {
            const match = whole.find(({ bytes }) => Buffer.compare(bytes, unit!.bytes) === 0);
            // without its last packet a frame ends where the next begins, as if it were whole
            if (match !== undefined) came += 1;
          }
          bench.now += 133;
        }
        expect(came / sent).toBeGreaterThan(0.6);
        expect(bench.units.blocks).toBeLessThanOrEqual(3);
      }, 30_000);
    }

    for (const codec of [...CODECS, ...AUDIO_CODECS, ...VIDEO_CODECS]) {
      test(`${codec.name}: parts cut between any two packets change no unit (seed ${SEED})`, () => {
        const random = new Random(SEED + 2);
        const frames = Array.from({ length: 40 }, () => codec.make(random));
        const writer = PartWriter.open(memory)!;
        const [whole, cut] = [false, true].map((isCut) => {
          using bench = new Bench(memory, codec);
          const { units } = bench;
          const part = () => {
            bench.pull();
            const range = { units, id: 1, isVideo: true, from: 0, to: units.headSeq, origin: 0, endDts: 1e9 };
            if (isCut) expect(writer.write([range], 1)).toBeDefined();
          };
          for (const [i, { payloads }] of frames.entries()) {
            bench.send(payloads, i * 10 * FRAME_TICKS, -1, part);
            bench.now += 333;
          }
          return bench.all();
        });
        writer.close();
        expect(whole!.length).toBeGreaterThan(20);
        expect(cut).toEqual(whole!);
      });
    }

    test("a configuration of LATM that comes in band is kept", () => {
      const inBand = AUDIO_CODECS.find(({ name }) => name.endsWith("in band"))!;
      using bench = new Bench(memory, inBand);
      const random = new Random(SEED);
      expect(bench.units.audioConfig).toBeUndefined();
      const seen = new Set<string>();
      for (let i = 0; i < 20; i++) {
        bench.send(inBand.make(random).payloads, i * 30_000);
        bench.pull();
        seen.add(Buffer.from(bench.units.audioConfig!).toString("hex"));
        bench.now += 333;
      }
      // the one whose length is said has two bits of filler
      expect([...seen].sort()).toEqual(["1190", "119000", "119056e59d4880"]);
    });

    test("decoding times grow, and are never later than presentation, however frames are reordered", () => {
      const [h264] = CODECS as [Codec];
      for (const depth of [0, 1, 2, 4]) {
        for (const known of [depth, 0]) {
          using bench = new Bench(memory, h264, known);
          const random = new Random(SEED + depth);
          const order: number[] = [];
          // mini groups: a reference, then the frames that are shown before it
          for (let first = 0; first < 120; first += depth + 1) {
            order.push(first + depth, ...Array.from({ length: depth }, (_, i) => first + i));
          }
          const times = order.map((shown) => 10_000 + shown * FRAME_TICKS);
          const units = times.map((time) => {
            bench.send(h264.make(random).payloads, time);
            bench.now += 33;
            bench.pull();
            return bench.take();
          });
          const seen = units.filter((unit) => unit !== undefined);
          seen.forEach(({ pts, dts }, i) => {
            if (i > 0) expect(dts).toBeGreaterThan(seen[i - 1]!.dts);
            if (known === depth || i > 2 * depth + 2) expect(dts).toBeLessThanOrEqual(pts);
          });
          const settled = seen.slice(20).map(({ dts }) => dts);
          const steps = settled.slice(1).map((dts, i) => dts - settled[i]!);
          if (known === depth) expect(Math.max(...steps)).toBeLessThanOrEqual(2 * FRAME_TICKS);
        }
      }
    });

    if (build === "release") {
      test("thirty hours of reordered pictures: decoding times go on evenly over every wrap", () => {
        const [h264] = CODECS as [Codec];
        const step = 40_000;
        using bench = new Bench(memory, { ...h264, setup: { frameTicks: step } }, 2);
        const first = 0xfff0_0000;
        const slice = [new Uint8Array([0x41, 1, 2, 3])];
        let before = 0;
        let wrong = 0;
        const pictures = Math.round((30 * 3_600 * CLOCK_RATE) / step);
        for (let i = 0; i < pictures; i++) {
          // a picture, then the two that are shown before it
          const shown = i % 3 === 0 ? i + 2 : i - 1;
          bench.send(slice, first + shown * step);
          bench.now += (1_000 * step) / CLOCK_RATE;
          bench.pull();
          const { pts, dts } = bench.take()!;
          const isRight = pts === first + shown * step && dts <= pts && (i < 5 || dts - before === step);
          if (!isRight) wrong += 1;
          before = dts;
        }
        expect([wrong, bench.units.jumps, bench.units.dropped]).toEqual([0, 0, 0]);
      }, 60_000);
    }

    test("times that jump do not: arrival says how much has passed; thirty hours do not either", () => {
      const opus = CODECS.find(({ name }) => name === "Opus")!;
      using bench = new Bench(memory, opus);
      const random = new Random(SEED);
      let expected: number | undefined;
      let time = 0xfff0_0000;
      for (let minute = 0; minute < 30 * 60; minute += 5) {
        bench.send(opus.make(random).payloads, time);
        bench.pull();
        const { pts } = bench.take()!;
        expect(pts).toBe(expected ?? pts);
        expected = pts + 300 * CLOCK_RATE;
        time += 300 * CLOCK_RATE;
        bench.now += 300_000;
      }
      for (const jump of [1_000_000_000, -700_000_000, 90_000 * 3_600]) {
        time += jump;
        bench.send(opus.make(random).payloads, time);
        bench.pull();
        const { pts } = bench.take()!;
        expect(Math.abs(pts - expected!)).toBeLessThanOrEqual(FRAME_TICKS);
        expected = pts + 300 * CLOCK_RATE;
        time += 300 * CLOCK_RATE;
        bench.now += 300_000;
      }
      expect(bench.units.jumps).toBe(3);
    });

    test("without memory units are dropped, and come again when there is some", () => {
      const small = loadBuild(build, 12);
      const [h264] = CODECS as [Codec];
      {
        using bench = new Bench(small, h264);
        const large = new Uint8Array(900_000).fill(3);
        large[0] = 0x65;
        const pieces = Array.from({ length: 700 }, (_, i) =>
          large.subarray(1 + i * 1_280, 1 + (i + 1) * 1_280),
        );
        const fragments = pieces.map((piece, i) => {
          const flags = (i === 0 ? 0x80 : 0) | (i === pieces.length - 1 ? 0x40 : 0);
          return new Uint8Array([0x7c, flags | 5, ...piece]);
        });
        for (let i = 0; i < 3; i++) {
          bench.send(fragments.slice(0, 400), 1_000 + i);
          bench.pull();
        }
        bench.send([new Uint8Array([0x41, 1, 2, 3])], 50_000);
        bench.pull();
        while (bench.take() !== undefined);
        bench.send([new Uint8Array([0x41, 4, 5, 6])], 53_000);
        bench.pull();
        expect(bench.take()?.bytes).toEqual(new Uint8Array([0, 0, 0, 4, 0x41, 4, 5, 6]));
      }
      checkReturned(small);
    });

    test("a part has the units of its tracks in order, and says where they are", () => {
      const [h264] = CODECS as [Codec];
      const random = new Random(SEED);
      using bench = new Bench(memory, h264);
      const frames = Array.from({ length: 20 }, () => h264.make(random));
      for (const [i, frame] of frames.entries()) {
        bench.send(frame.payloads, 900_000 + i * FRAME_TICKS);
        bench.now += 33;
      }
      bench.pull();
      const { units } = bench;
      const writer = PartWriter.open(memory)!;
      const views = writer.write(
        [
          {
            units,
            id: 1,
            isVideo: true,
            from: 0,
            to: units.headSeq,
            origin: 900_000,
            endDts: 900_000 + 20 * FRAME_TICKS,
          },
        ],
        5,
      )!;
      const part = new Uint8Array(Buffer.concat(views));
      const view = new DataView(part.buffer);
      const moof = view.getUint32(0);
      const expected = frames.map(({ units: [unit] }) => unit!.bytes).filter(({ length }) => length > 0);
      expect(Buffer.from(part.subarray(moof + 8)).equals(Buffer.concat(expected))).toBe(true);
      expect(view.getUint32(moof)).toBe(part.length - moof);
      const trun = Buffer.from(part).indexOf("trun") - 4;
      expect(view.getUint32(trun + 12)).toBe(expected.length);
      expect(view.getUint32(trun + 16)).toBe(moof + 8);
      expected.forEach(({ length }, i) => {
        expect(view.getUint32(trun + 20 + 16 * i)).toBe(FRAME_TICKS);
        expect(view.getUint32(trun + 24 + 16 * i)).toBe(length);
      });
      writer.close();
    });

    test("what goes in front of a part becomes part of its first unit, and what follows moves", () => {
      const [h264] = CODECS as [Codec];
      const random = new Random(SEED);
      using bench = new Bench(memory, h264);
      for (let i = 0; i < 5; i++) {
        bench.send(h264.make(random).payloads, 900_000 + i * FRAME_TICKS);
        bench.now += 33;
      }
      bench.pull();
      const { units } = bench;
      const writer = PartWriter.open(memory)!;
      const range = { units, isVideo: true, from: 0, to: units.headSeq, origin: 900_000, endDts: 950_000 };
      const ranges = [
        { ...range, id: 1 },
        { ...range, id: 2 },
      ];
      const front = new Uint8Array([0, 0, 0, 2, 0x67, 1]);
      const plain = Buffer.concat(writer.write(ranges, 1)!);
      const fronted = Buffer.concat(writer.write(ranges, 1, front)!);
      const moof = plain.readUInt32BE(0);
      const [first, second] = [plain.indexOf("trun") - 4, plain.lastIndexOf("trun") - 4];
      const grown = (at: number) => fronted.readUInt32BE(at) - plain.readUInt32BE(at);
      const [offset, size] = [16, 24]; // in a trun: of its data, and of the first sample
      const places = [moof, first + offset, first + size, second + offset, second + size];
      expect(places.map(grown)).toEqual([6, 0, 6, 6, 0]);
      expect(fronted.readUInt32BE(moof)).toBe(fronted.length - moof);
      const media = Buffer.concat([front, plain.subarray(moof + 8)]);
      expect(fronted.subarray(moof + 8).equals(media)).toBe(true);
      writer.close();
    });
  });
}
