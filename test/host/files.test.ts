import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readText, watchFile } from "../../src/host/files.ts";

const folder = mkdtempSync(join(tmpdir(), "files-"));
afterAll(() => rmSync(folder, { recursive: true }));

let count = 0;
function newFile(content = "one"): string {
  const file = join(folder, `file-${++count}.yml`);
  writeFileSync(file, content);
  return file;
}

/** Watches a file; `next` settles at the next change. */
function watched(file: string) {
  let changes = 0;
  let resolveNext = () => {};
  const watcher = watchFile(file, () => {
    changes++;
    resolveNext();
  });
  const next = () =>
    new Promise<void>((resolve) => {
      resolveNext = resolve;
    });
  return { next, count: () => changes, [Symbol.dispose]: () => watcher.close() };
}

test("a file that cannot be read is named with the reason", () => {
  expect(readText(newFile("text"))).toBe("text");
  expect(() => readText(join(folder, "none.yml"))).toThrow(
    `open ${folder}/none.yml: no such file or directory`,
  );
  expect(() => readText(folder)).toThrow("is a directory");
});

test("a file written in several steps is one change", async () => {
  const file = newFile();
  using watch = watched(file);
  const next = watch.next();
  writeFileSync(file, "");
  writeFileSync(file, "two");
  await next;
  expect(readText(file)).toBe("two");
  expect(watch.count()).toBe(1);
});

test("a file replaced as editors do is seen, again and again", async () => {
  const file = newFile();
  using watch = watched(file);
  for (let turn = 0; turn < 3; turn++) {
    const next = watch.next();
    writeFileSync(`${file}.new`, `turn ${turn}`);
    renameSync(`${file}.new`, file);
    await next;
  }
  expect(watch.count()).toBe(3);
}, 15_000);

test("removing the file is no change, creating it again is", async () => {
  const file = newFile();
  using watch = watched(file);
  const next = watch.next();
  rmSync(file);
  writeFileSync(file, "back");
  await next;
  expect(watch.count()).toBe(1);
});

test("a link on the way that turns elsewhere is a change, and so is its target in another folder", async () => {
  for (const version of ["v1", "v2"]) {
    mkdirSync(join(folder, version));
    writeFileSync(join(folder, version, "conf.yml"), version);
  }
  symlinkSync("v1", join(folder, "current"));
  const file = join(folder, "conf.yml");
  symlinkSync("current/conf.yml", file);
  using watch = watched(file);
  const turned = watch.next();
  symlinkSync("v2", join(folder, "current.new"));
  renameSync(join(folder, "current.new"), join(folder, "current"));
  await turned;
  expect(readText(file)).toBe("v2");
  const written = watch.next();
  writeFileSync(join(folder, "v2", "conf.yml"), "v3");
  await written;
  expect(watch.count()).toBe(2);
}, 15_000);
