import { dlopen, FFIType, ptr } from "bun:ffi";
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Syslog } from "../../src/host/syslog.ts";

const folder = mkdtempSync(join(tmpdir(), "syslog-"));
afterAll(() => rmSync(folder, { recursive: true }));
const { i32, u32, u64, i64 } = FFIType;
const canFfi = process.platform === "linux" && process.env["MEDIAMTX_NO_FFI"] !== "1";

/** A datagram socket of ours that takes the messages of a log. */
class Daemon implements Disposable {
  readonly #libc = dlopen("libc.so.6", {
    socket: { args: [i32, i32, i32], returns: i32 },
    bind: { args: [i32, FFIType.ptr, u32], returns: i32 },
    recv: { args: [i32, FFIType.ptr, u64, i32], returns: i64 },
    close: { args: [i32], returns: i32 },
  });
  readonly #descriptor: number;
  readonly #bytes = new Uint8Array(65_536);

  constructor(path: string) {
    const { socket, bind } = this.#libc.symbols;
    this.#descriptor = socket(1, 2, 0);
    const address = Buffer.concat([Buffer.from([1, 0]), Buffer.from(`${path}\0`)]);
    expect(bind(this.#descriptor, ptr(address), address.length)).toBe(0);
  }

  /** What has come so far. */
  take(): string[] {
    const messages: string[] = [];
    for (;;) {
      const size = Number(this.#libc.symbols.recv(this.#descriptor, ptr(this.#bytes), 65_536, 0x40));
      if (size < 0) return messages;
      messages.push(Buffer.from(this.#bytes.subarray(0, size)).toString());
    }
  }

  [Symbol.dispose](): void {
    this.#libc.symbols.close(this.#descriptor);
  }
}

const WALL = new Date(2023, 0, 2, 3, 4, 5).getTime();

test.skipIf(!canFfi)("lines reach the log as the daemon facility, with tag, process and severity", () => {
  const path = join(folder, "one");
  using daemon = new Daemon(path);
  const problems: string[] = [];
  const log = new Syslog({
    tag: "mediamtx",
    paths: ["/nowhere/log", path],
    onProblem: (text) => problems.push(text),
  });
  for (const level of ["debug", "info", "warn", "error"] as const)
    log.write(level, WALL, `[RTSP] ${level} ä`);
  log.write("info", WALL, "x".repeat(8_000));
  const head = `Jan  2 03:04:05 mediamtx[${process.pid}]: `;
  const messages = daemon.take();
  expect(messages.slice(0, 4)).toEqual([
    `<31>${head}DEB [RTSP] debug ä`,
    `<30>${head}INF [RTSP] info ä`,
    `<28>${head}WAR [RTSP] warn ä`,
    `<27>${head}ERR [RTSP] error ä`,
  ]);
  expect(messages[4]).toEndWith("x".repeat(8_000));
  expect(problems).toEqual([]);
  log.close();
  log.write("info", WALL, "after the end");
  expect(daemon.take()).toEqual([]);
});

test.skipIf(!canFfi)(
  "a log that is full or gone holds nobody up; what is lost is told when it goes on",
  async () => {
    const path = join(folder, "two");
    const problems: string[] = [];
    const log = new Syslog({ tag: "t", paths: [path], onProblem: (text) => problems.push(text) });
    expect(problems).toEqual([`syslog: nothing is listening on ${path}; retrying`]);
    log.write("info", WALL, "lost 0");
    {
      using daemon = new Daemon(path);
      await until(() => {
        log.write("info", WALL, "again");
        return daemon.take().some((message) => message.endsWith("again"));
      });
      expect(problems[1]).toBe("syslog is available again");
      const start = performance.now();
      for (let i = 0; i < 5_000; i++) log.write("info", WALL, `line ${i}`);
      expect(performance.now() - start).toBeLessThan(2_000);
      const taken = daemon.take().length;
      log.write("info", WALL, "last");
      const told = daemon.take();
      expect(told[0]).toEndWith(`WAR ${5_000 - taken} log lines dropped`);
      expect(told[1]).toEndWith("INF last");
    }
    rmSync(path);
    log.write("info", WALL, "nobody there");
    using daemon = new Daemon(path);
    await until(() => {
      log.write("info", WALL, "new daemon");
      return daemon.take().some((message) => message.endsWith("new daemon"));
    });
  },
  20_000,
);

async function until(claim: () => boolean): Promise<void> {
  while (!claim()) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** A process without ffi that logs two lines by a program `logger`, and says what was wrong. */
async function withoutFfi(path: string): Promise<string> {
  const code = `
    import { Syslog } from ${JSON.stringify(new URL("../../src/host/syslog.ts", import.meta.url).pathname)};
    const log = new Syslog({ tag: "mediamtx", onProblem: (text) => console.log(text) });
    log.write("info", Date.now(), "[RTSP] one");
    log.write("error", Date.now(), "two");
    await new Promise((resolve) => setTimeout(resolve, 300));
    log.close();`;
  const child = Bun.spawn([process.execPath, "-e", code], {
    env: { ...process.env, PATH: path, MEDIAMTX_NO_FFI: "1" },
    stdout: "pipe",
  });
  const said = await new Response(child.stdout).text();
  expect(await child.exited).toBe(0);
  return said;
}

test("without ffi the program 'logger' takes the lines; without that, it is said once", async () => {
  const bin = join(folder, "bin");
  mkdirSync(bin);
  const taken = join(folder, "taken");
  writeFileSync(join(bin, "logger"), `#!/bin/sh\necho "$@" > ${taken}\n/bin/cat >> ${taken}\n`, {
    mode: 0o755,
  });
  expect(await withoutFfi(bin)).toBe("");
  const whole = "--tag mediamtx --prio-prefix --priority daemon.info\n<30>INF [RTSP] one\n<27>ERR two\n";
  while (readFileSync(taken, "utf8") !== whole) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(await withoutFfi("/nowhere")).toBe("syslog: 'logger' does not accept lines; retrying\n");
}, 20_000);
