import { afterEach, describe, expect, test } from "bun:test";
import type { MediaMemory } from "../../wasm/core.ts";
import { BUILDS, loadBuild } from "./builds.ts";
import { checkReturned } from "./compare.ts";
import { concat } from "./twin/packet.ts";
import { CODECS, type Codec } from "./twin/packetize.ts";
import { UnitBench } from "./unit-bench.ts";

type Bytes = readonly number[];

interface Kind {
  readonly codec: Codec;
  readonly sps: Bytes;
  readonly pps: Bytes;
  readonly vps: Bytes;
  readonly delimiter: Bytes;
  readonly info: Bytes;
  readonly key: Bytes;
  /** A unit in fragments of `size` bytes. */
  fragments(unit: Bytes, size: number): Bytes[];
  aggregate(units: readonly Bytes[]): Bytes;
}

const CODE = [0, 0, 0, 1];
const SHORT_CODE = [0, 0, 1];

const H264: Kind = {
  codec: CODECS.find(({ name }) => name === "H264") as Codec,
  sps: [0x67, 0x42, 0xc0, 0x0a, 0xda, 0x0a],
  pps: [0x68, 0xce, 0, 0x80],
  vps: [],
  delimiter: [0x09, 0xf0],
  info: [0x06, 5, 1, 0, 0x80],
  key: [0x65, 0x88, 0, 0, 3, 1, 9, 9, 9, 9, 9, 9],
  fragments: ([first = 0, ...rest], size) =>
    pieces(rest, size).map(({ bytes, flags }) => [(first & 0xe0) | 28, flags | (first & 31), ...bytes]),
  aggregate: (units) => [0x78, ...units.flatMap((unit) => [unit.length >> 8, unit.length & 255, ...unit])],
};

const H265: Kind = {
  codec: CODECS.find(({ name }) => name === "H265") as Codec,
  vps: [0x40, 1, 0x0c, 1],
  sps: [0x42, 1, 1, 1, 0x60],
  pps: [0x44, 1, 0xc0, 0xf3],
  delimiter: [0x46, 1, 0x50],
  info: [0x4e, 1, 5, 1, 0x80],
  key: [0x26, 1, 0xaf, 0, 0, 3, 1, 9, 9, 9, 9],
  fragments: ([first = 0, second = 0, ...rest], size) =>
    pieces(rest, size).map(({ bytes, flags }) => [
      (first & 0x81) | (49 << 1),
      second,
      flags | ((first >> 1) & 63),
      ...bytes,
    ]),
  aggregate: (units) => [
    48 << 1,
    1,
    ...units.flatMap((unit) => [unit.length >> 8, unit.length & 255, ...unit]),
  ],
};

function pieces(bytes: Bytes, size: number): { bytes: Bytes; flags: number }[] {
  const count = Math.ceil(bytes.length / size);
  return Array.from({ length: count }, (_, i) => ({
    bytes: bytes.slice(i * size, (i + 1) * size),
    flags: (i === 0 ? 0x80 : 0) | (i === count - 1 ? 0x40 : 0),
  }));
}

const sets = ({ vps, sps, pps }: Kind) => [vps, sps, pps].filter(({ length }) => length > 0);
const joined = (units: readonly Bytes[], code: Bytes = CODE) =>
  units.flatMap((unit, i) => (i === 0 ? unit : [...code, ...unit]));

/** Ways to send the parameter sets, information and a key picture; all mean the same. */
const WAYS: readonly [string, (kind: Kind) => readonly Bytes[]][] = [
  [
    "start codes in a fragmented unit",
    (kind) => kind.fragments(joined([...sets(kind), kind.info, kind.key]), 7),
  ],
  [
    "short start codes",
    (kind) => kind.fragments(joined([...sets(kind), kind.info, kind.key], SHORT_CODE), 7),
  ],
  ...[1, 2, 3, 4, 5].map((size): [string, (kind: Kind) => readonly Bytes[]] => [
    `start codes in fragments of ${size} bytes`,
    (kind) => kind.fragments(joined([...sets(kind), kind.info, kind.key]), size),
  ]),
  ["start codes in one packet", (kind) => [joined([...sets(kind), kind.info, kind.key])]],
  ["a start code in front", (kind) => [[...CODE, ...joined([...sets(kind), kind.info, kind.key])]]],
  [
    "one of three bytes in front",
    (kind) => [[...SHORT_CODE, ...joined([...sets(kind), kind.info, kind.key])]],
  ],
  [
    "a start code in front of the first fragment",
    (kind) => kind.fragments([...CODE, ...joined([...sets(kind), kind.info, kind.key])], 5),
  ],
  [
    "a start code in front of each unit",
    (kind) => [...sets(kind), kind.info, kind.key].map((unit) => [...CODE, ...unit]),
  ],
  ["a delimiter in front of all", (kind) => [joined([kind.delimiter, ...sets(kind), kind.info, kind.key])]],
  ["start codes in an aggregate", (kind) => [kind.aggregate([joined([...sets(kind), kind.info]), kind.key])]],
  [
    "parameter sets in fragments",
    (kind) => [...sets(kind), kind.info, kind.key].flatMap((unit) => kind.fragments(unit, 2)),
  ],
  [
    "parameter sets as fragments with start and end",
    (kind) => [...sets(kind), kind.info, kind.key].flatMap((unit) => kind.fragments(unit, 99)),
  ],
  [
    "empty units in an aggregate",
    (kind) => [kind.aggregate([[], ...sets(kind), [], kind.info, []]), kind.key],
  ],
  [
    "zeros behind the parameter sets",
    (kind) => [...sets(kind).map((set) => [...set, 0, 0]), kind.info, kind.key],
  ],
];

for (const build of BUILDS) {
  describe(`odd NAL units, ${build}`, () => {
    const memory = loadBuild(build, 512);
    afterEach(() => checkReturned(memory));

    for (const kind of [H264, H265]) {
      for (const [name, way] of WAYS) {
        test(`${kind.codec.name}: ${name}`, () => play(memory, kind, way(kind)));
      }

      test(`${kind.codec.name}: a fragment of a parameter set is missing`, () => {
        using bench = new UnitBench(memory, kind.codec);
        bench.send([...kind.fragments(kind.sps, 1), ...kind.fragments(kind.pps, 1)].map(bytes), 1, 1);
        expect(bench.log.tracks[0]?.parameterSets.sps).toBeUndefined();
        expect(bench.log.tracks[0]?.parameterSets.pps).toEqual(bytes(kind.pps));
      });

      test(`${kind.codec.name}: packets without payload are no pictures`, () => {
        using bench = new UnitBench(memory, kind.codec);
        for (let i = 0; i < 10; i++) {
          bench.send([...sets(kind), kind.key].map(bytes), 3_000 * i);
          bench.send([bytes([])], 3_000 * i);
          bench.send([bytes([])], 3_000 * i + 7);
          bench.pull();
          expect(bench.take()?.pts).toBe(3_000 * i);
          expect(bench.take()).toBeUndefined();
        }
        expect(bench.log.tracks[0]?.frames).toBe(10);
      });

      test(`${kind.codec.name}: filler and information behind the marker are no pictures`, () => {
        using bench = new UnitBench(memory, kind.codec);
        const filler = kind === H264 ? [0x0c, 0xff, 0x80] : [0x4c, 1, 0xff, 0x80];
        for (let i = 0; i < 10; i++) {
          bench.send([...sets(kind), kind.key].map(bytes), 3_000 * i);
          bench.send([bytes(filler)], 3_000 * i);
        }
        bench.pull();
        for (let i = 0; i < 10; i++) expect(bench.take()?.pts).toBe(3_000 * i);
        expect(bench.take()).toBeUndefined();
        expect(bench.log.tracks[0]?.frames).toBe(10);
      });

      test(`${kind.codec.name}: the marker is on a packet without payload`, () => {
        using bench = new UnitBench(memory, kind.codec);
        bench.send([...sets(kind), kind.key, []].map(bytes), 3_000);
        bench.pull();
        expect(bench.take()?.isKey).toBe(true);
        expect(bench.log.tracks[0]?.frameOpen).toBe(false);
      });

      test(`${kind.codec.name}: what is missing in front of a packet without payload spoils the picture`, () => {
        using bench = new UnitBench(memory, kind.codec);
        bench.send(
          [...sets(kind), ...kind.fragments(kind.key, 4), []].map(bytes),
          3_000,
          sets(kind).length + 2,
        );
        bench.pull();
        expect(bench.take()).toBeUndefined();
        expect(bench.units.dropped).toBe(1);
      });
    }
  });
}

const bytes = (numbers: Bytes) => new Uint8Array(numbers);

/** The key picture comes out with the information in front, and the parameter sets are known. */
function play(memory: MediaMemory, kind: Kind, payloads: readonly Bytes[]): void {
  using bench = new UnitBench(memory, kind.codec);
  const { info, key } = kind;
  const wanted = concat([info, key].flatMap((unit) => [bytes([0, 0, 0, unit.length]), bytes(unit)]));
  for (let i = 0; i < 2; i++) {
    bench.send(payloads.map(bytes), 3_000 * i);
    bench.pull();
    const unit = bench.take();
    expect(unit).toMatchObject({ bytes: wanted, isKey: true });
    const [track] = bench.log.tracks;
    expect(track?.randomAccessPoints).toBe(i + 1);
    expect(track?.parameterSets.sps).toEqual(bytes(kind.sps));
    expect(track?.parameterSets.pps).toEqual(bytes(kind.pps));
    if (kind.vps.length > 0) expect(track?.parameterSets.vps).toEqual(bytes(kind.vps));
    expect(track?.paramsVersion).toBe(sets(kind).length);
  }
  expect([bench.units.dropped, bench.units.malformed]).toEqual([0, 0]);
}
