import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SegmentFiles, type SegmentOwner } from "../../src/segments/segment-files.ts";
import { testLog } from "../lib/test-log.ts";

/** The newest segments, and which of them are in files. */
class Shelf implements SegmentOwner {
  readonly kept = new Set<number>();
  readonly files = new Map<number, Blob>();

  keeps(id: number): boolean {
    return this.kept.has(id);
  }

  stored(id: number, file: Blob): void {
    this.files.set(id, file);
  }
}

let directory: string;
let shelf: Shelf;
let lines: string[];
let files: SegmentFiles;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "segments-"));
  shelf = new Shelf();
  const log = testLog();
  lines = log.lines;
  const nameOf = (id: number) => `seg${id}.mp4`;
  files = new SegmentFiles({ directory, path: "cam", logger: log.logger, nameOf });
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

const fileOf = (id: number) => join(directory, "cam", `seg${id}.mp4`);

/** A segment comes, and the oldest of three goes. */
async function add(id: number): Promise<void> {
  shelf.kept.add(id);
  shelf.kept.delete(id - 3);
  files.add(id, new Blob([`segment ${id}`]), shelf);
  await files.settled;
}

/** Has a file be something that cannot be removed. */
function obstruct(id: number): void {
  rmSync(fileOf(id));
  mkdirSync(fileOf(id));
  writeFileSync(join(fileOf(id), "other"), "");
}

describe("segments in files", () => {
  test("are there as long as the shelf keeps them, and go with the last one", async () => {
    for (let id = 0; id < 5; id++) await add(id);
    expect(readdirSync(join(directory, "cam")).sort()).toEqual(["seg2.mp4", "seg3.mp4", "seg4.mp4"]);
    expect(await shelf.files.get(4)?.text()).toBe("segment 4");
    await files.close();
    expect(readdirSync(directory)).toEqual([]);
    expect(lines).toEqual([]);
  });

  test("are written although an old one cannot be removed: one line says so", async () => {
    for (let id = 0; id < 3; id++) await add(id);
    obstruct(0);
    for (let id = 3; id < 6; id++) await add(id);
    expect([...shelf.files.keys()]).toEqual([0, 1, 2, 3, 4, 5]);
    expect([1, 2, 3, 4, 5].map((id) => existsSync(fileOf(id)))).toEqual([false, false, true, true, true]);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toStartWith(`ERR cannot remove segment files: remove ${fileOf(0)}: `);
  });

  test("that could not be removed go when they can", async () => {
    for (let id = 0; id < 3; id++) await add(id);
    obstruct(0);
    await add(3);
    rmSync(join(fileOf(0), "other"));
    rmSync(fileOf(0), { recursive: true });
    writeFileSync(fileOf(0), "");
    await add(4);
    expect(existsSync(fileOf(0))).toBe(false);
    obstruct(2);
    await add(5);
    expect(lines).toHaveLength(2);
  });

  test("are written again when their folder is gone, or was none for a while", async () => {
    await add(0);
    rmSync(join(directory, "cam"), { recursive: true });
    await add(1);
    expect(await shelf.files.get(1)?.text()).toBe("segment 1");
    rmSync(join(directory, "cam"), { recursive: true });
    writeFileSync(join(directory, "cam"), "");
    for (let id = 2; id < 7; id++) await add(id);
    expect([...shelf.files.keys()]).toEqual([0, 1]);
    rmSync(join(directory, "cam"));
    await add(7);
    expect(await shelf.files.get(7)?.text()).toBe("segment 7");
    expect(lines.map((line) => line.split(":")[0])).toEqual([
      "ERR cannot write segment files, keeping segments in memory",
      "INF segments are written to files again",
    ]);
  });

  test("that cannot be removed at the end are named once, and keep nobody from ending", async () => {
    for (let id = 0; id < 3; id++) await add(id);
    obstruct(1);
    await files.close();
    expect([0, 1, 2].map((id) => existsSync(fileOf(id)))).toEqual([false, true, false]);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toStartWith(`ERR cannot remove segment files: remove ${fileOf(1)}: `);
  });
});
