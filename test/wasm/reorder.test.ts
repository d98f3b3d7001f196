import { afterAll, describe, expect, test } from "bun:test";
import { Reorder } from "../../wasm/reorder.ts";
import { Random } from "../support/random.ts";
import { BUILDS, loadBuild, SEED } from "./builds.ts";
import { checkReturned, same } from "./compare.ts";
import { writeRtp } from "./twin/packet.ts";
import { ReorderTwin } from "./twin/reorder.ts";

for (const build of BUILDS) {
  describe(`reorder, ${build}`, () => {
    const memory = loadBuild(build, 20);
    afterAll(() => checkReturned(memory));

    test(`agrees with its twin (seed ${SEED})`, () => {
      for (let round = 0; round < 20; round++) {
        const random = new Random(SEED + round);
        const link = new Link(random);
        const reorder = Reorder.open(memory) as Reorder;
        const twin = new ReorderTwin();
        const room = memory.take(70_000) as number;
        for (let i = 0; i < 1_500; i++) {
          const packet = link.next();
          memory.u8.set(packet, room);
          const real: Uint8Array[] = [];
          const expected: Uint8Array[] = [];
          const lost = reorder.push(room, packet.length, (at, size) =>
            real.push(memory.u8.slice(at, at + size)),
          );
          same(
            lost,
            twin.push(packet, (bytes) => expected.push(bytes)),
            "given up",
          );
          same(real, expected, "in order");
        }
        memory.give(room);
        reorder.close();
      }
    }, 20_000);

    test("a swapped pair comes out in order, a duplicate not at all", () => {
      const reorder = Reorder.open(memory) as Reorder;
      const room = memory.take(2_000) as number;
      const seen: number[] = [];
      const results = [65_534, 65_535, 1, 0, 1, 2].map((seq) => {
        const packet = writeRtp({ payloadType: 96, marker: false, seq, time: 0, ssrc: 1 }, new Uint8Array(9));
        memory.u8.set(packet, room);
        return reorder.push(room, packet.length, (at) => {
          seen.push(((memory.u8[at + 2] as number) << 8) | (memory.u8[at + 3] as number));
        });
      });
      expect(seen).toEqual([65_534, 65_535, 0, 1, 2]);
      expect(results).toEqual([0, 0, 0, 0, -1, 0]);
      memory.give(room);
      reorder.close();
    });
  });
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
    if (random.chance(0.01)) packet[0] = random.below(256);
    if (random.chance(0.01)) return packet.subarray(0, random.below(12));
    if (random.chance(0.2)) {
      this.#waiting.push(packet);
      return random.chance(0.3) ? packet : this.next();
    }
    return packet;
  }
}
