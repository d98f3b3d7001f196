import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import binaryen from "binaryen";
import { FIRST_BLOCK, POOL_ADDRESS } from "../assembly/abi.ts";
import { corePath } from "./support/build-core.ts";
import { loadBuild } from "./wasm/builds.ts";

/** Numbers of the sections that must not be there (WebAssembly core specification §5.5.2). */
const SECTIONS = { start: 8, data: 11, dataCount: 12 };

describe("the release core can share its memory with other instances of itself", () => {
  const bytes = readFileSync(corePath("release"));
  const text = textOf(bytes);

  test("it brings no data, and runs nothing by itself", () => {
    const numbers = sectionsOf(bytes);
    for (const [name, number] of Object.entries(SECTIONS)) {
      expect({ name, there: numbers.includes(number) }).toEqual({ name, there: false });
    }
    expect(text).not.toContain("(data ");
  });

  test("it neither grows the memory nor allocates", () => {
    expect(text).not.toContain("memory.grow");
    expect(text).not.toContain("memory.init");
    expect(text).not.toMatch(/__(new|alloc|pin|renew|collect|visit)\b|~lib\/(rt|string|array|arraybuffer)/);
  });

  test("it imports the memory and nothing else", () => {
    const imports = WebAssembly.Module.imports(new WebAssembly.Module(bytes));
    expect(imports).toEqual([{ module: "env", name: "memory", kind: "memory" }]);
  });

  test("it exports functions and offsets alone", () => {
    const exports = WebAssembly.Module.exports(new WebAssembly.Module(bytes));
    expect(exports.filter(({ kind }) => kind !== "function" && kind !== "global")).toEqual([]);
    for (const { name, kind } of exports)
      expect(name).toMatch(kind === "global" ? /^[A-Z_\d]+$/ : /^[a-z][A-Za-z\d]+$/);
  });
});

test("the data of the other builds, the pool and the blocks do not overlap", () => {
  for (const build of ["debug", "fuzz"] as const) {
    // as text a byte takes one character at least
    for (const [, offset, content = ""] of textOf(readFileSync(corePath(build))).matchAll(SEGMENT)) {
      expect(Number(offset) + content.length).toBeLessThanOrEqual(POOL_ADDRESS);
    }
  }
  expect(loadBuild("release", 1).core.POOL_END.value).toBeLessThanOrEqual(FIRST_BLOCK);
}, 60_000);

/** A data segment in text: offset and content. */
const SEGMENT = /\(data \S+ \(i32\.const (\d+)\) "((?:[^"\\]|\\.)*)"\)/g;

function textOf(bytes: Uint8Array): string {
  const module = binaryen.readBinary(bytes);
  const text = module.emitText();
  module.dispose();
  return text;
}

/** Numbers of the sections of a module, in order. */
function sectionsOf(bytes: Uint8Array): number[] {
  const numbers: number[] = [];
  for (let at = 8; at < bytes.length; ) {
    numbers.push(bytes[at] as number);
    let size = 0;
    let shift = 0;
    at += 1;
    do {
      size |= ((bytes[at] as number) & 127) << shift;
      shift += 7;
      at += 1;
    } while (((bytes[at - 1] as number) & 128) !== 0);
    at += size;
  }
  return numbers;
}
