import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const MAIN = new URL("../../src/main.ts", import.meta.url).pathname;
const TIMEOUT_MS = 30_000;

const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const call of cleanUps.splice(0)) call();
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "main-"));
  cleanUps.push(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** The program in a folder of its own, its output line by line. */
class Program {
  readonly lines: string[] = [];
  readonly #child: Bun.Subprocess<"ignore", "pipe", "inherit">;
  #check = () => {};

  constructor(
    args: string[],
    folder = newFolder(),
    preload: string[] = [],
    env: Readonly<Record<string, string>> = {},
  ) {
    this.#child = Bun.spawn([process.execPath, ...preload, MAIN, ...args], {
      cwd: folder,
      env: { ...process.env, ...env },
      stdout: "pipe",
      stderr: "inherit",
      stdin: "ignore",
    });
    cleanUps.push(() => this.#child.kill("SIGKILL"));
    void this.#read();
  }

  async #read(): Promise<void> {
    let rest = "";
    for await (const chunk of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      this.lines.push(...lines.map((line) => line.replace(/^[\d/]{10} [\d:]{8} /, "")));
      this.#check();
    }
    this.#check();
  }

  /** Waits for a line that matches and was not asked for before; gives what its first group holds. */
  async line(pattern: RegExp): Promise<string> {
    const from = this.#seen.get(String(pattern)) ?? 0;
    for (;;) {
      const index = this.lines.findIndex((line, at) => at >= from && pattern.test(line));
      if (index >= 0) {
        this.#seen.set(String(pattern), index + 1);
        return pattern.exec(this.lines[index] ?? "")?.[1] ?? "";
      }
      await new Promise<void>((resolve) => {
        this.#check = resolve;
      });
    }
  }
  readonly #seen = new Map<string, number>();

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  exited(): Promise<number> {
    return this.#child.exited;
  }
}

const CONFIG = `
rtspAddress: 127.0.0.1:0
rtpAddress: 127.0.0.1:0
rtcpAddress: 127.0.0.1:0
api: yes
apiAddress: 127.0.0.1:0
metrics: yes
metricsAddress: 127.0.0.1:0
mediaMemory: 64M
rtmp: no
hls: no
webrtc: no
srt: no
paths:
  fixed:
  all:
`;

async function running(config = CONFIG) {
  const folder = newFolder();
  const file = join(folder, "mediamtx.yml");
  writeFileSync(file, config);
  const program = new Program([], folder);
  const metrics = await program.line(/\[metrics\] listener opened on (127\.0\.0\.1:\d+)/);
  const rtsp = await program.line(/\[RTSP\] listener opened on (127\.0\.0\.1:\d+) \(TCP\)/);
  const api = await program.line(/\[API\] listener opened on (127\.0\.0\.1:\d+)/);
  return { program, file, metrics: `http://${metrics}`, rtsp, api: `http://${api}` };
}

async function dialRtsp(address: string) {
  const [host = "", port] = address.split(":");
  const client = connect({ host, port: Number(port) });
  await new Promise((resolve, reject) => client.once("connect", resolve).once("error", reject));
  cleanUps.push(() => client.destroy());
  const closed = new Promise<void>((resolve) => client.once("close", () => resolve()));
  const answer = () => {
    const received = new Promise<string>((resolve) => {
      client.once("data", (chunk) => resolve(String(chunk)));
    });
    client.write("OPTIONS rtsp://host/fixed RTSP/1.0\r\nCSeq: 1\r\n\r\n");
    return received;
  };
  return { client, answer, closed };
}

test(
  "the version, the help and a wrong argument",
  async () => {
    const version = new Program(["--version"]);
    expect(await version.exited()).toBe(0);
    await version.line(/^v1\.0\.3$/);
    await version.line(/^MediaMTX on Bun v\d+\.\d+\.\d+, compatible with MediaMTX v1\.0\.3$/);
    const wrong = new Program(["a.yml", "b.yml"]);
    expect(await wrong.exited()).toBe(1);
  },
  TIMEOUT_MS,
);

test(
  "a configuration is checked without starting anything",
  async () => {
    const folder = newFolder();
    writeFileSync(join(folder, "good.yml"), CONFIG);
    writeFileSync(join(folder, "bad.yml"), "logLevel: loud\n");
    const good = new Program(["--check", "good.yml"], folder);
    expect([await good.exited(), good.lines]).toEqual([0, ["good.yml is valid"]]);
    const bad = new Program(["--check", "bad.yml"], folder);
    expect(await bad.exited()).toBe(1);
    await bad.line(/^ERR: invalid log level: 'loud'/);
  },
  TIMEOUT_MS,
);

test(
  "a file that is missing or wrong ends the start with a clear line",
  async () => {
    const folder = newFolder();
    const missing = new Program(["none.yml"], folder);
    expect([await missing.exited(), missing.lines]).toEqual([
      1,
      ["ERR: open none.yml: no such file or directory"],
    ]);
    writeFileSync(join(folder, "mediamtx.yml"), "rtpsAddress: :1\n");
    const wrong = new Program([], folder);
    expect(await wrong.exited()).toBe(1);
    expect(wrong.lines.join("\n")).toStartWith('ERR: json: unknown field "rtpsAddress"');
  },
  TIMEOUT_MS,
);

test(
  "the file of the earlier name wins",
  async () => {
    const folder = newFolder();
    writeFileSync(join(folder, "mediamtx.yml"), CONFIG);
    writeFileSync(join(folder, "rtsp-simple-server.yml"), "logLevel: loud\n");
    const program = new Program([], folder);
    expect(await program.exited()).toBe(1);
  },
  TIMEOUT_MS,
);

test(
  "an address that is taken ends the start, and what was open is closed",
  async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as { port: number };
    const folder = newFolder();
    writeFileSync(
      join(folder, "mediamtx.yml"),
      CONFIG.replace("rtspAddress: 127.0.0.1:0", `rtspAddress: 127.0.0.1:${port}`),
    );
    const program = new Program([], folder);
    expect(await program.exited()).toBe(1);
    await program.line(/^ERR listen tcp 127\.0\.0\.1:\d+: address already in use$/);
    await program.line(/^INF \[metrics\] listener is closing$/);
    other.close();
  },
  TIMEOUT_MS,
);

test.each(["SIGINT", "SIGTERM"] as const)(
  "%s closes everything in reverse",
  async (signal) => {
    const { program } = await running();
    program.signal(signal);
    expect(await program.exited()).toBe(0);
    await program.line(/listener is closing/);
    const stopped = program.lines.slice(program.lines.indexOf("INF shutting down gracefully"));
    expect(stopped.filter((line) => !line.includes("[conn") && !line.includes("[session"))).toEqual([
      "INF shutting down gracefully",
      "INF [API] listener is closing",
      "INF [RTSP] listener is closing",
      "INF [metrics] listener is closing",
      "INF waiting for external commands",
    ]);
  },
  TIMEOUT_MS,
);

test(
  "API and metrics show what is there",
  async () => {
    const { program, api, metrics, rtsp } = await running();
    expect(program.lines[0]).toMatch(/^INF MediaMTX on Bun v[\d.]+, compatible with MediaMTX v1\.0\.3$/);
    const paths = (await (await fetch(`${api}/v2/paths/list`)).json()) as {
      items: { name: string; conf: object }[];
    };
    expect(paths.items.map(({ name }) => name)).toEqual(["fixed"]);
    const { client, answer } = await dialRtsp(rtsp);
    expect(await answer()).toStartWith("RTSP/1.0 200 OK");
    const conns = (await (await fetch(`${api}/v2/rtspconns/list`)).json()) as {
      items: { remoteAddr: string }[];
    };
    expect(conns.items[0]?.remoteAddr).toBe(`127.0.0.1:${client.localPort}`);
    const text = await (await fetch(`${metrics}/metrics`)).text();
    expect(text).toMatch(
      /^# HELP paths 1 for each path\n# TYPE paths gauge\npaths\{name="fixed",state="notReady"\} 1\n/,
    );
    expect(text).toMatch(/\nmedia_memory_blocks_taken \d+\n/);
    expect(text).toContain("\nmedia_memory_blocks_budget 512\n");
  },
  TIMEOUT_MS,
);

test(
  "a reload restarts what changed and drops nobody else",
  async () => {
    const { program, file, api, rtsp } = await running();
    const { answer, closed } = await dialRtsp(rtsp);
    expect(await answer()).toStartWith("RTSP/1.0 200");

    const other = `${CONFIG.replace("  all:", "  added:\n  all:")}logLevel: debug\n`;
    writeFileSync(file, other.replace("metricsAddress: 127.0.0.1:0", "metricsAddress: localhost:0"));
    await program.line(/^INF reloading configuration \(file changed\)$/);
    const metrics = await program.line(/\[metrics\] listener opened on (localhost:\d+)/);
    await program.line(/^DEB /);
    expect((await fetch(`http://${metrics}/metrics`)).status).toBe(200);
    expect((await fetch(`${api}/v2/paths/get/added`)).status).toBe(200);
    expect(await answer()).toStartWith("RTSP/1.0 200");

    writeFileSync(file, "logLevel: loud\n");
    await program.line(/^ERR invalid log level: 'loud'.*; keeping the previous configuration$/);
    expect(await answer()).toStartWith("RTSP/1.0 200");
    expect((await fetch(`${api}/v2/paths/get/added`)).status).toBe(200);

    writeFileSync(file, other.replace("rtspAddress: 127.0.0.1:0", "rtspAddress: localhost:0"));
    const moved = await program.line(/\[RTSP\] listener opened on (localhost:\d+)/);
    await closed;
    expect((await fetch(`${api}/v2/paths/get/added`)).status).toBe(200);
    const again = await dialRtsp(moved.replace("localhost", "127.0.0.1"));
    expect(await again.answer()).toStartWith("RTSP/1.0 200");
    expect((await fetch(`${api}/v2/rtspconns/list`)).status).toBe(200);
  },
  TIMEOUT_MS,
);

test(
  "a listener that cannot open on reload goes back",
  async () => {
    const { program, file, rtsp } = await running();
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as { port: number };
    writeFileSync(file, CONFIG.replace("apiAddress: 127.0.0.1:0", `apiAddress: 127.0.0.1:${port}`));
    await program.line(/^ERR listen tcp 127\.0\.0\.1:\d+: address already in use$/);
    const api = await program.line(/\[API\] listener opened on (127\.0\.0\.1:\d+)/);
    expect((await fetch(`http://${api}/v2/paths/list`)).status).toBe(200);
    expect(await (await dialRtsp(rtsp)).answer()).toStartWith("RTSP/1.0 200");
    other.close();
  },
  TIMEOUT_MS,
);

test(
  "what nobody caught is logged, and the server goes on",
  async () => {
    const folder = newFolder();
    writeFileSync(join(folder, "mediamtx.yml"), CONFIG);
    const preload = join(folder, "fault.ts");
    writeFileSync(
      preload,
      `process.on("SIGUSR2", () => { throw new Error("thrown"); });
       process.on("SIGWINCH", () => { void Promise.reject(new Error("rejected")); });`,
    );
    const program = new Program([], folder, ["--preload", preload]);
    const api = await program.line(/\[API\] listener opened on (127\.0\.0\.1:\d+)/);
    program.signal("SIGUSR2");
    await program.line(/^ERR Error: thrown$/);
    program.signal("SIGWINCH");
    await program.line(/^ERR Error: rejected$/);
    expect((await fetch(`http://${api}/v2/paths/list`)).status).toBe(200);
    program.signal("SIGTERM");
    expect(await program.exited()).toBe(0);
  },
  TIMEOUT_MS,
);

test(
  "an encrypted file is made and read",
  async () => {
    const folder = newFolder();
    writeFileSync(join(folder, "plain.yml"), "logLevel: debug\n");
    const key = { MTX_CONFKEY: "testing123" };
    const made = new Program(["--encrypt", "plain.yml"], folder, [], key);
    expect(await made.exited()).toBe(0);
    writeFileSync(join(folder, "mediamtx.yml"), made.lines.join("\n"));
    const right = new Program(["--check"], folder, [], key);
    expect([await right.exited(), right.lines]).toEqual([0, ["mediamtx.yml is valid"]]);
    const wrong = new Program(["--check"], folder, [], { MTX_CONFKEY: "other" });
    expect(await wrong.exited()).toBe(1);
    await wrong.line(/^ERR: decryption error/);
  },
  TIMEOUT_MS,
);

test(
  "the environment counts, and a JSON Schema is printed",
  async () => {
    const wrong = new Program(["--check"], newFolder(), [], { MTX_API: "maybe" });
    expect(await wrong.exited()).toBe(1);
    await wrong.line(/^ERR: MTX_API: invalid value 'maybe'/);
    const schema = new Program(["--schema"]);
    expect(await schema.exited()).toBe(0);
    expect(JSON.parse(schema.lines.join("\n"))).toMatchObject({ title: "MediaMTX configuration" });
  },
  TIMEOUT_MS,
);
