import { afterEach, describe, expect, test } from "bun:test";
import { KIND_H264, KIND_H265 } from "../../assembly/abi.ts";
import { Random } from "../support/random.ts";
import { BUILDS, loadBuild, SEED } from "./builds.ts";
import { checkReturned } from "./compare.ts";
import { trackSetups } from "./generate.ts";
import { IngestPair } from "./pair.ts";
import { concat, type RtpPacket, readRtp, writeFrame, writeRtp } from "./twin/packet.ts";

/** How H264 (RFC 6184) and H265 (RFC 7798) name and head their packets. */
const CODECS = [
  { name: "H264", kind: KIND_H264, head: 1, aggregate: [0x78], fragmentType: 28 },
  { name: "H265", kind: KIND_H265, head: 2, aggregate: [48 << 1, 1], fragmentType: 49 },
] as const;
type Codec = (typeof CODECS)[number];

for (const build of BUILDS) {
  describe(`packets that are too large, ${build}`, () => {
    const memory = loadBuild(build, 64);
    afterEach(() => checkReturned(memory));

    /** Sends payloads as packets of one frame; returns what readers get. */
    function cut(codec: Codec, payloads: readonly Uint8Array[], maxPacket: number): RtpPacket[] {
      const pair = new IngestPair(memory, { tracks: trackSetups([codec.kind]), lagPackets: 8, maxPacket });
      pair.map([0]);
      for (const [i, payload] of payloads.entries()) {
        const marker = i === payloads.length - 1;
        const fields = { payloadType: 96, marker, seq: (65_530 + i) & 0xffff, time: 1, ssrc: 2 };
        pair.receive(writeFrame(0, writeRtp(fields, payload)), 3);
      }
      const packets = pair.taken.map(({ bytes }) => readRtp(bytes.subarray(4)) as RtpPacket);
      const next = pair.log.tracks[0]?.nextSeq;
      pair.close();
      checkPackets(packets, maxPacket, next);
      return packets;
    }

    for (const codec of CODECS) {
      test(`${codec.name}: a NAL unit comes out as it was`, () => {
        const random = new Random(SEED);
        for (const size of [1_448, 1_449, 2_900, 30_000, 65_523]) {
          const unit = unitOf(codec, random, size);
          expect(joined(codec, cut(codec, [unit], 1_460))).toEqual([unit]);
        }
      });

      test(`${codec.name}: units of an aggregate, small and large, come out as they were`, () => {
        const random = new Random(SEED);
        for (const sizes of [
          [20, 3_000, 5],
          [3_000],
          [1_448, 1_449],
          [9_000, 9_000, 9_000],
          [700, 700, 700],
        ]) {
          const units = sizes.map((size) => unitOf(codec, random, size));
          const parts = units.flatMap((unit) => [
            Uint8Array.from([unit.length >> 8, unit.length & 255]),
            unit,
          ]);
          const packets = cut(codec, [concat([Uint8Array.from(codec.aggregate), ...parts])], 1_460);
          expect(joined(codec, packets)).toEqual(units);
        }
      });

      test(`${codec.name}: fragments come out as one unit, whatever their size`, () => {
        const random = new Random(SEED);
        for (const size of [1_000, 1_500, 5_000, 60_000]) {
          const unit = unitOf(codec, random, 140_000);
          expect(joined(codec, cut(codec, fragmentsOf(codec, unit, size), 1_460))).toEqual([unit]);
        }
      });

      test(`${codec.name}: malformed ones are cut or dropped, and the numbers go on`, () => {
        const random = new Random(SEED);
        for (let i = 0; i < 60; i++) {
          const bad = random.bytes(random.between(1_449, 4_000));
          const type = random.pick([codec.aggregate, fragmentsOf(codec, unitOf(codec, random, 9), 9)[0]]);
          bad.set((type as Uint8Array).slice(0, codec.head));
          const unit = unitOf(codec, random, 100);
          const packets = cut(codec, [unit, bad, unit], 1_460);
          expect(Bun.deepEquals((packets.at(-1) as RtpPacket).bytes.slice(12), unit)).toBe(true);
        }
      });
    }
  });
}

/** Fails unless all are small enough, numbered without a gap but for one that was dropped, and the last is marked. */
function checkPackets(packets: readonly RtpPacket[], maxPacket: number, next: number | undefined): void {
  for (const [i, { bytes, marker, seq }] of packets.entries()) {
    expect(bytes.length).toBeLessThanOrEqual(maxPacket);
    expect(marker).toBe(i === packets.length - 1);
    const step = i === 0 ? 1 : (seq - (packets[i - 1] as RtpPacket).seq) & 0xffff;
    expect(step === 1 || step === 2).toBe(true);
  }
  expect(next).toBe(((packets.at(-1) as RtpPacket).seq + 1) & 0xffff);
}

/** A slice that is no random access point. */
function unitOf(codec: Codec, random: Random, size: number): Uint8Array {
  const unit = random.bytes(size);
  unit.set(codec.head === 1 ? [0x41] : [1 << 1, 1]);
  return unit;
}

/** A unit in fragments of `size` bytes. */
function fragmentsOf({ head, fragmentType }: Codec, unit: Uint8Array, size: number): Uint8Array[] {
  const first = unit[0] as number;
  const header = head === 1 ? [(first & 0xe0) | fragmentType] : [fragmentType << 1, unit[1] as number];
  const type = head === 1 ? first & 31 : (first >> 1) & 63;
  const fragments: Uint8Array[] = [];
  for (let at = head; at < unit.length; at += size) {
    const bits = (at === head ? 0x80 : 0) | (at + size >= unit.length ? 0x40 : 0);
    fragments.push(concat([Uint8Array.from([...header, bits | type]), unit.subarray(at, at + size)]));
  }
  return fragments;
}

/** The NAL units in packets: single ones, and those in fragments put together. */
function joined({ head, fragmentType }: Codec, packets: readonly RtpPacket[]): Uint8Array[] {
  const units: Uint8Array[] = [];
  let parts: Uint8Array[] | undefined;
  for (const { bytes } of packets) {
    const payload = bytes.slice(12);
    const [first = 0, second = 0] = payload;
    if ((head === 1 ? first & 31 : (first >> 1) & 63) !== fragmentType) {
      expect(parts).toBeUndefined();
      units.push(payload);
      continue;
    }
    const bits = payload[head] as number;
    if ((bits & 0x80) !== 0) {
      expect(parts).toBeUndefined();
      const header =
        head === 1 ? [(first & 0xe0) | (bits & 31)] : [(first & 0x81) | ((bits & 63) << 1), second];
      parts = [Uint8Array.from(header)];
    }
    (parts as Uint8Array[]).push(payload.subarray(head + 1));
    if ((bits & 0x40) === 0) continue;
    units.push(concat(parts as Uint8Array[]));
    parts = undefined;
  }
  expect(parts).toBeUndefined();
  return units;
}
