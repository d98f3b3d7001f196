import { describe, expect, test } from "bun:test";
import { TsPrograms } from "../../../src/formats/mpegts/programs.ts";
import { associationSection, type MapRow, mapSection } from "../../wasm/twin/ts-packets.ts";

const H264: MapRow = { pid: 0x101, streamType: 0x1b };
const MP2: MapRow = { pid: 0x102, streamType: 0x03 };
const SUBTITLES: MapRow = { pid: 0x103, streamType: 0x06 };

const pidsOf = (streams: readonly { pid: number }[] | undefined) => streams?.map(({ pid }) => pid);

/** Programs after an association of these. */
function begin(programs: Readonly<Record<number, number>>): TsPrograms {
  const tables = new TsPrograms();
  expect([...tables.pids]).toEqual([0]);
  expect(tables.receive(0, associationSection(programs))).toBeUndefined();
  return tables;
}

describe("the program of a transport stream", () => {
  test("is the only one there is, with all its streams: those that cannot be read have no kind", () => {
    const tables = begin({ 1: 0x100 });
    expect([[...tables.pids], tables.isSettled]).toEqual([[0, 0x100], false]);
    const streams = tables.receive(0x100, mapSection(1, [H264, MP2, SUBTITLES]));
    expect(streams?.map(({ pid, kind }) => [pid, kind === undefined])).toEqual([
      [0x101, false],
      [0x102, false],
      [0x103, true],
    ]);
    expect(tables.isSettled).toBe(true);
  });

  test("is the first one with a codec that is known; the maps of others are not asked for any more", () => {
    const tables = begin({ 1: 0x100, 2: 0x200, 3: 0x300 });
    expect([...tables.pids]).toEqual([0, 0x100, 0x200, 0x300]);
    expect(tables.receive(0x100, mapSection(1, [SUBTITLES]))).toBeUndefined();
    expect(pidsOf(tables.receive(0x200, mapSection(2, [MP2])))).toEqual([0x102]);
    expect([...tables.pids]).toEqual([0, 0x200]);
    expect(tables.receive(0x300, mapSection(3, [H264]))).toBeUndefined();
  });

  test("waits for the map of an earlier one, but not for ever", () => {
    const tables = begin({ 1: 0x100, 2: 0x200 });
    expect(tables.receive(0x200, mapSection(2, [H264]))).toBeUndefined();
    expect(pidsOf(tables.receive(0x200, mapSection(2, [H264])))).toEqual([0x101]);
  });

  test("has the streams of its newest map", () => {
    const tables = begin({ 1: 0x100 });
    tables.receive(0x100, mapSection(1, [H264, MP2]));
    const both = Buffer.concat([mapSection(1, [MP2]), mapSection(1, [H264], { version: 1 })]);
    expect(pidsOf(tables.receive(0x100, both))).toEqual([0x101]);
  });

  test("is another one when it is not listed any more", () => {
    const tables = begin({ 1: 0x100, 2: 0x200 });
    tables.receive(0x100, mapSection(1, [H264]));
    expect(tables.receive(0, associationSection({ 2: 0x200 }, 1))).toBeUndefined();
    expect([[...tables.pids], tables.isSettled]).toEqual([[0, 0x200], false]);
    expect(pidsOf(tables.receive(0x200, mapSection(2, [MP2])))).toEqual([0x102]);
  });

  test("stays when the list comes again", () => {
    const tables = begin({ 1: 0x100 });
    tables.receive(0x100, mapSection(1, [H264]));
    expect(tables.receive(0, associationSection({ 1: 0x100, 2: 0x200 }, 1))).toBeUndefined();
    expect([[...tables.pids], tables.isSettled]).toEqual([[0, 0x100], true]);
  });

  test("has no map where packets of nothing or of other tables are; there are 16 at most", () => {
    const many = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [i + 3, 0x20 + i]));
    const tables = begin({ 1: 0x0f, 2: 0x1fff, ...many });
    expect([...tables.pids]).toEqual([0, ...Array.from({ length: 16 }, (_, i) => 0x20 + i)]);
  });
});
