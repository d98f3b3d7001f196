import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { Glob } from "bun";
import { findTypedOffsets } from "./support/typed-offsets.ts";

/** Rooms of which only the files directly in them count; their folders are rooms of their own. */
const FLAT = ["src", "src/protocols"];
/** Bottom to top. Rooms on one line may not see each other; `*` is any one folder. */
const LAYERS: readonly (readonly string[])[] = [
  ["assembly"],
  ["wasm"],
  ["src/lib"],
  ["src/media"],
  ["src/formats/sdp"],
  ["src/formats/*"],
  ["src/stream"],
  ["src/protocols/*/proto"],
  ["src/host"],
  ["src/http"],
  ["src/config"],
  ["src/auth", "src/hooks"],
  ["src/path"],
  ["src/segments", "src/ingest"],
  ["src/protocols"],
  ["src/protocols/*", "src/api", "src/metrics", "src/pprof", "src/record", "src/playback"],
  ["src/server"],
  ["src"],
];

/** Rooms that know no clock, socket, process or file. */
const PURE = ["src/lib", "src/media", "src/formats", "src/stream", "src/config"];

interface Place {
  readonly level: number;
  readonly room: string;
  readonly protocol: string | undefined;
}

function place(file: string): Place | undefined {
  for (const [level, rooms] of LAYERS.entries()) {
    for (const pattern of rooms) {
      const match = new RegExp(`^(${pattern.replaceAll("*", "[^/]+")})/`).exec(file);
      if (match !== null && (!FLAT.includes(pattern) || dirname(file) === pattern)) {
        const protocol = /^src\/protocols\/([^/]+)\//.exec(file)?.[1];
        return { level, room: match[1] as string, protocol };
      }
    }
  }
  return undefined;
}

function allowed(file: string, target: string): boolean {
  const from = place(file);
  const to = place(target);
  if (from === undefined || to === undefined) return false;
  if (from.room === to.room) return true;
  const foreign = to.protocol !== undefined && to.protocol !== from.protocol && from.room !== "src/server";
  return to.level < from.level && !foreign;
}

function imports(file: string): string[] {
  const text = readFileSync(file, "utf8");
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => match[1] as string);
}

/** Files of the project that a file imports, types included. */
function targets(file: string): string[] {
  return imports(file)
    .filter((path) => path.startsWith("."))
    .map((path) => normalize(join(dirname(file), path)));
}

const FILES = ["src", "wasm"].flatMap((root) => [...new Glob(`${root}/**/*.ts`).scanSync(".")]).sort();

test("imports point down, never sideways, and a proto is private", () => {
  const wrong: string[] = [];
  for (const file of FILES) {
    for (const path of targets(file)) if (!allowed(file, path)) wrong.push(`${file} imports ${path}`);
  }
  expect(wrong).toEqual([]);
});

test("no import leads back to its file, not even one of a type", () => {
  expect(circles(new Map(FILES.map((file) => [file, targets(file)])))).toEqual([]);
});

/** A circle for every import that closes one, each as the files on the way. */
function circles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const way: string[] = [];
  const visit = (file: string) => {
    const at = way.indexOf(file);
    if (at >= 0) found.push([...way.slice(at), file].join(" -> "));
    if (at >= 0 || done.has(file)) return;
    way.push(file);
    for (const target of graph.get(file) ?? []) visit(target);
    way.pop();
    done.add(file);
  };
  for (const file of graph.keys()) visit(file);
  return found;
}

test("the search finds a circle of any length, and no other", () => {
  const graph = { a: ["b", "c"], b: ["d"], c: ["d", "e"], d: [], e: ["f"], f: ["c"], g: ["g"] };
  expect(circles(new Map(Object.entries(graph)))).toEqual(["c -> e -> f -> c", "g -> g"]);
});

test("only the façades of wasm touch the core; others see no more of assembly than its numbers", () => {
  const wrong = FILES.flatMap((file) =>
    imports(file)
      .filter((path) => path.includes("assembly/") && !path.endsWith("assembly/abi.ts"))
      .map((path) => `${file} imports ${path}`),
  );
  expect(wrong).toEqual([]);
});

test("pure rooms import nothing that touches the world", () => {
  const world = /^(bun|bun:|node:(?!util|buffer|crypto))/;
  const isPure = (file: string) =>
    PURE.some((room) => file.startsWith(`${room}/`)) || file.includes("/proto/");
  const wrong = FILES.filter(isPure).flatMap((file) =>
    imports(file)
      .filter((path) => world.test(path))
      .map((path) => `${file} imports ${path}`),
  );
  expect(wrong).toEqual([]);
});

test("the declaration of a protocol loads no code of it", () => {
  const wrong = FILES.filter((file) => /^src\/protocols\/[^/]+\/protocol\.ts$/.test(file)).flatMap((file) => {
    const text = readFileSync(file, "utf8");
    const loaded = text.matchAll(/^(?:import|export) (?!type )[^;]*?from "(\.\/[^"]+)"/gm);
    return [...loaded].map(([, path]) => `${file} loads ${path}`);
  });
  expect(wrong).toEqual([]);
});

test("the rule itself refuses what it should", () => {
  expect(allowed("src/protocols/rtsp/conn.ts", "src/path/path.ts")).toBe(true);
  expect(allowed("src/path/path.ts", "src/protocols/rtsp/conn.ts")).toBe(false);
  expect(allowed("src/protocols/rtsp/conn.ts", "src/protocols/rtmp/conn.ts")).toBe(false);
  expect(allowed("src/protocols/rtmp/conn.ts", "src/protocols/rtsp/proto/url.ts")).toBe(false);
  expect(allowed("src/api/server.ts", "src/metrics/server.ts")).toBe(false);
  expect(allowed("src/protocols/rtsp/proto/url.ts", "src/host/tcp.ts")).toBe(false);
  expect(allowed("src/protocols/rtsp/protocol.ts", "src/protocols/protocol.ts")).toBe(true);
  expect(allowed("src/protocols/protocol.ts", "src/protocols/rtsp/protocol.ts")).toBe(false);
  expect(allowed("src/protocols/rtsp/protocol.ts", "src/server/app.ts")).toBe(false);
});

const CORE = ["assembly", "wasm"].flatMap((root) => [...new Glob(`${root}/**/*.ts`).scanSync(".")]).sort();

test("no place in media memory is typed by hand", () => {
  expect(CORE.length).toBeGreaterThan(60);
  expect(findTypedOffsets(new Map(CORE.map((file) => [file, readFileSync(file, "utf8")])))).toEqual([]);
});

describe("what counts as typed by hand", () => {
  const layout = `
    export class Log { head!: i32; blocks!: i32; }
    export const LOG_BLOCKS: i32 = offsetof<Log>("blocks");
    export const LOG_TRACKS: i32 = (offsetof<Log>() + ALIGN_MASK) & ~ALIGN_MASK;
    export const TRACK_STRIDE: i32 = 64;
    export const NAMES_MAX = 16;
    export const LOG_NAMES: i32 = LOG_TRACKS + 4 * NAMES_MAX;
  `;
  const abi = "export const ALIGN_MASK = 7; export const BATCH_RUNS = 4096;";
  const imports = `
    import { ALIGN_MASK, BATCH_RUNS } from "./abi";
    import { LOG_BLOCKS, LOG_NAMES, LOG_TRACKS, Log, NAMES_MAX, TRACK_STRIDE } from "./layout";
    const SCRATCH: i32 = 344;
  `;

  /** Whether a body of a function of the core's own files breaks the rule. */
  const isRefused = (body: string) => {
    const file = `${imports}\nexport function act(address: i32, x: i32, i: i32): i32 { ${body} }`;
    const texts = { "assembly/abi.ts": abi, "assembly/layout.ts": layout, "assembly/act.ts": file };
    return findTypedOffsets(new Map(Object.entries(texts))).length > 0;
  };

  test.each([
    "return load<u32>(address + 8);",
    "return load<u32>(x, 12);",
    "store<f64>(x, 1.5, 16);",
    "store<i32>(address + 4 * i, 0);",
    "return load<i32>(address + SCRATCH);",
    "return load<i32>(address + LOG_TRACKS + i * TRACK_STRIDE);",
    "return load<i32>(address + LOG_NAMES);",
    "return load<i32>(address + (i + 1) * (NAMES_MAX + 4));",
    "const at = address + 8; return load<i32>(at);",
    "const size = load<i32>(x); return take(x + 4, size);",
    "let at = address; at += 4; return atomic.load<i32>(at);",
    "return changetype<Log>(address + 16).head;",
    "return take(changetype<i32>(changetype<Log>(x)) + 64);",
    'return address + offsetof<Log>("head") + 4 * i;',
  ])("in assembly: %s", (body) => expect(isRefused(body)).toBe(true));

  test.each([
    "return load<u32>(x);",
    "store<i32>(x, 8);",
    "return load<i32>(address + LOG_BLOCKS) + 4;",
    "return load<i32>(address + LOG_TRACKS + NAMES_MAX);",
    "return load<i32>(address + BATCH_RUNS + (i - 1) * sizeof<i32>());",
    "return changetype<Log>(address).head + 4;",
    "return get32(address + 8) + get8(x + i + 1);",
    "memory.copy(address + 12, x, i);",
    "const block = x & ~(BATCH_RUNS - 1); return load<i32>(block);",
    "return load<i32>(entryAt(x, i - 1));",
  ])("not in assembly: %s", (body) => expect(isRefused(body)).toBe(false));

  /** Whether a statement of a façade breaks the rule. */
  const isRefusedInWasm = (statement: string) => {
    const file = `
      import { BATCH_RUNS, NAMES_MAX } from "../assembly/abi.ts";
      const REPEAT = 48;
      const AT = { units: 0, seq: 4 };
      const PREFIX_BYTES = 4096;
      export class Writer { write(i: number, offset: WebAssembly.Global): void { ${statement} } }
    `;
    const texts = { "assembly/abi.ts": `${abi} export const NAMES_MAX = 16;`, "wasm/writer.ts": file };
    return findTypedOffsets(new Map(Object.entries(texts))).length > 0;
  };

  test.each([
    "return u32[(this.#at + 4) >> 2];",
    "return this.#memory.i32[(this.#at >> 2) + 1];",
    "return i32[(this.#at >> 2) + 2 * i];",
    "f64[(this.#at + REPEAT) >> 3] = 1;",
    "i32[(this.#at + AT.seq) >> 2] = 1;",
    "u8.set(bytes, this.#at + 4);",
    "i32.set([units, from, to], this.#at >> 2);",
    "return memory.u8.slice(at + 4, at + 4 + size);",
    "return new DataView(buffer).getUint32(REPEAT);",
    "core.logOpen(this.#at + 8, size);",
    "this.#next = this.#at + 8; return u8[this.#at];",
  ])("in wasm: %s", (statement) => expect(isRefusedInWasm(statement)).toBe(true));

  test.each([
    "return u32[(this.#at + core.LOG_BLOCKS.value) >> 2];",
    "return i32[(this.#at + BATCH_RUNS + i * core.TRACK_STRIDE.value + offset.value) >> 2];",
    "return u8[this.#at + PREFIX_BYTES + i * NAMES_MAX];",
    "return i32[(table >> 2) + i];",
    "u8.fill(255, this.#at, this.#at + PREFIX_BYTES);",
    "core.logOpen(this.#at, 8, i + NAMES_MAX);",
    "if (channel !== 2 * i) return u8[this.#at + i];",
    "return bytes[at + 4];",
  ])("not in wasm: %s", (statement) => expect(isRefusedInWasm(statement)).toBe(false));
});
