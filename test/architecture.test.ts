import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { Glob } from "bun";

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
