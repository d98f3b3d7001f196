import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Arena, residentMegabytes } from "./arena.ts";
import { Marked } from "./hook-processes.ts";

const LIMIT_MS = 60_000;

async function arenaWith(script: string, env: Record<string, string> = {}): Promise<Arena> {
  const arena = await Arena.start({ config: "paths:\n  first:\n    runOnInit: 'true'\n  all:\n", env });
  writeFileSync(join(arena.server.folder, "hook.sh"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const config = "readTimeout: 10s\nwriteTimeout: 10s\npaths:\n  first:\n    runOnInit: 'true'\n  all:\n";
  arena.server.writeConfig(`${config}  a:\n    runOnInit: ./hook.sh\n`);
  return arena;
}

test.each([{}, { MEDIAMTX_NO_FFI: "1" }])(
  "a hook that prints 100 MB neither waits nor fills the log, and nobody notices (%j)",
  async (env) => {
    const marked = new Marked();
    await using arena = await arenaWith(
      "yes 'a line of some length, as programs print them when they have much to say' | head -c 100000000\n" +
        "head -c 3000000 /dev/zero | tr '\\0' x; echo; exit 9",
      { ...marked.env, ...env },
    );
    await arena.logged(/\[path a\] runOnInit command exited: command returned code 9/);
    const lines = arena.server.log.split("\n").filter((line) => line.includes("[path a] [runOnInit] a line"));
    expect(lines.length).toBeGreaterThanOrEqual(50);
    expect(lines.length).toBeLessThan(400);
    const leftOut = [...arena.server.log.matchAll(/\[path a\] \[runOnInit\] (\d+) lines dropped/g)];
    const sum = leftOut.reduce((all, [, count]) => all + Number(count), 0);
    expect(sum + lines.length).toBeGreaterThan(1_290_000);
    expect(residentMegabytes(marked.supervisor() ?? 0)).toBeLessThan(150);
    await arena.settle();
  },
  LIMIT_MS,
);

test(
  "what a hook prints cannot forge a line, is cut, and may be no text at all",
  async () => {
    await using arena = await arenaWith(
      "printf 'a\\033[2Jb\\r\\nc\\000d\\n\\n  \\377\\n'; echo 'to stderr' > /dev/stderr\n" +
        "printf '1%%\\r2%%\\r'; head -c 5000 /dev/zero | tr '\\0' x; printf '\\nno end'; exit 0",
    );
    await arena.logged(/\[path a\] runOnInit command exited: command returned code 0/);
    const mark = "[path a] [runOnInit] ";
    const lines = arena.server.log
      .split("\n")
      .filter((line) => line.includes(mark))
      .map((line) => line.slice(line.indexOf(mark) + mark.length));
    expect(lines.filter((line) => !/to stderr|\/dev\/stderr/.test(line))).toEqual([
      "a\\x1b[2Jb",
      "c\\x00d",
      "  \ufffd",
      `${"x".repeat(1_000)}…`,
      "no end",
    ]);
    // sockets, which are what there is without ffi, cannot be opened by their name
    expect(lines.includes("to stderr")).toBe(process.env["MEDIAMTX_NO_FFI"] !== "1");
    await arena.settle();
  },
  LIMIT_MS,
);

test(
  "a hook that closes its output, or leaves it to a child, is seen to end; it has no descriptors of ours",
  async () => {
    await using arena = await arenaWith(
      "env | grep -c NODE_CHANNEL\nls /proc/self/fd | tr '\\n' ' '; echo\nsleep 1 &\nexec >&- 2>&-\nsleep 0.2\nexit 5",
    );
    await arena.logged(/\[path a\] runOnInit command exited: command returned code 5/);
    // the last one is the folder that is listed
    expect(arena.server.log).toContain("[path a] [runOnInit] 0 1 2 3 ");
    expect(arena.server.log).toContain("[path a] [runOnInit] 0\n");
    await arena.settle();
  },
  LIMIT_MS,
);
