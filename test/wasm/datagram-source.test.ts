import { afterAll, describe, expect, test } from "bun:test";
import { Random } from "../support/random.ts";
import { BUILDS, loadBuild, SEED } from "./builds.ts";
import { checkReturned } from "./compare.ts";
import { DatagramPair } from "./datagram-pair.ts";
import { writeRtp } from "./twin/packet.ts";

for (const build of BUILDS) {
  describe(`a source of datagrams, ${build}`, () => {
    const memory = loadBuild(build, 40);
    afterAll(() => checkReturned(memory));

    test(`agrees with its twin (seed ${SEED})`, () => {
      for (let round = 0; round < 20; round++) {
        const random = new Random(SEED + round);
        const link = new Link(random);
        const pair = new DatagramPair(memory);
        let now = 1_000;
        for (let i = 0; i < 1_500; i++) {
          now += random.chance(0.02) ? random.below(500) : random.below(10);
          const packet = link.next();
          pair.push(packet, now, packet.length >= 12 && (packet[0] as number) >> 6 === 2);
        }
        pair.close();
      }
    }, 20_000);

    test("a swapped pair comes out in order, a duplicate not at all", () => {
      const pair = new DatagramPair(memory);
      expect([65_534, 65_535, 1, 0, 1, 2].map((seq) => push(pair, seq, 0))).toEqual([
        [65_534],
        [65_535],
        [],
        [0, 1],
        [],
        [2],
      ]);
      expect(pair.source.late).toBe(1);
      pair.close();
    });

    test("a packet that never comes holds the others for 200 ms, and counts as lost", () => {
      const pair = new DatagramPair(memory);
      const seen = [10, 12, 13, 14].map((seq, i) => push(pair, seq, 150 * i));
      expect(seen).toEqual([[10], [], [], [12, 13, 14]]);
      expect(pair.log.tracks[0]?.lost).toBe(1);
      pair.close();
    });

    test("a source that starts anew at a lower number is followed after 64 packets", () => {
      const pair = new DatagramPair(memory);
      push(pair, 5_000, 0);
      for (let seq = 100; seq < 163; seq++) expect(push(pair, seq, 1)).toEqual([]);
      expect([163, 164].map((seq) => push(pair, seq, 2))).toEqual([[163], [164]]);
      expect(pair.log.tracks[0]?.nextSeq).toBe(165);
      pair.close();
    });

    test("packets of another source, type or version change nothing", () => {
      const pair = new DatagramPair(memory);
      push(pair, 10, 0);
      const fields = { payloadType: 96, marker: false, seq: 50, time: 0, ssrc: 1 };
      const strangers = [
        writeRtp({ ...fields, ssrc: 2 }, new Uint8Array(9)),
        writeRtp({ ...fields, payloadType: 97 }, new Uint8Array(9)),
        new Uint8Array(0),
        new Uint8Array(12),
        Uint8Array.of(0x9f, 96, 0, 50, 0, 0, 0, 0, 0, 0, 0, 1),
      ];
      for (const packet of strangers) expect(pair.push(packet, 1, false)).toEqual([]);
      expect(push(pair, 11, 2)).toEqual([11]);
      expect(pair.source.reception).toMatchObject({ base: 10, highest: 11, received: 2 });
      pair.close();
    });

    test("packets of up to 65,507 bytes are taken in order", () => {
      const pair = new DatagramPair(memory);
      const sizes = [65_495, 9, 65_495, 65_495, 30_000, 1, 65_495];
      sizes.forEach((size, seq) => {
        const fields = { payloadType: 96, marker: false, seq, time: 0, ssrc: 1 };
        expect(pair.push(writeRtp(fields, new Uint8Array(size).fill(seq)), 0)).toHaveLength(1);
      });
      pair.close();
    });

    test("what a receiver report says: the highest number with its wraps, and jitter (RFC 3550 §A.8)", () => {
      const pair = new DatagramPair(memory);
      for (let i = 0; i < 200_000; i++) {
        const fields = { payloadType: 96, marker: false, seq: i & 0xffff, time: i * 480, ssrc: 1 };
        pair.source.receive(writeRtp(fields, new Uint8Array(1)), i * 10 + (i % 2));
        if (i % 1_000 === 0) pair.log.trim(pair.log.headSeq);
      }
      const { base, highest, received, jitter } = pair.source.reception ?? {};
      expect({ base, highest, received }).toEqual({ base: 0, highest: 199_999, received: 200_000 });
      expect(jitter).toBeCloseTo(48, 1); // every packet is 1 ms early or late
      pair.close();
    }, 20_000);
  });
}

/** Sequence numbers that come out. */
function push(pair: DatagramPair, seq: number, now: number): number[] {
  const packet = writeRtp({ payloadType: 96, marker: false, seq, time: 0, ssrc: 1 }, new Uint8Array(9));
  return pair.push(packet, now).map((out) => ((out[2] as number) << 8) | (out[3] as number));
}

/** A link that loses, delays, doubles and breaks packets, and jumps. */
class Link {
  readonly #random: Random;
  readonly #waiting: Uint8Array[] = [];
  #seq: number;

  constructor(random: Random) {
    this.#random = random;
    this.#seq = random.below(0x10000);
  }

  next(): Uint8Array {
    const random = this.#random;
    if (this.#waiting.length > 0 && random.chance(0.3)) {
      const [late] = this.#waiting.splice(random.below(this.#waiting.length), 1);
      return late as Uint8Array;
    }
    if (random.chance(0.03)) this.#seq += random.below(random.chance(0.2) ? 40_000 : 90);
    this.#seq = (this.#seq + 1) & 0xffff;
    const size = random.chance(0.02) ? random.between(1_900, 2_100) : random.below(100);
    const fields = { payloadType: 96, marker: false, seq: this.#seq, time: 0, ssrc: 1 };
    const packet = writeRtp(fields, random.bytes(size));
    if (random.chance(0.01)) packet[0] = random.below(128);
    if (random.chance(0.01)) return packet.subarray(0, random.below(12));
    if (random.chance(0.2)) {
      this.#waiting.push(packet);
      return random.chance(0.3) ? packet : this.next();
    }
    return packet;
  }
}
