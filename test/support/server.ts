import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const MAIN = join(import.meta.dir, "../../src/main.ts");

export interface ServerOptions {
  /** YAML laid over a configuration with ports of the system's choice, API and metrics on. */
  readonly config?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What goes in front of the command, to run it on another host; nothing asks it anything by HTTP then. */
  readonly prefix?: readonly string[];
  /** Whether internal errors are what the test wants to see; all others fail of them when the server is stopped. */
  readonly mayFail?: boolean;
}

/** How often the log is looked at by whoever waits for a line, ms. */
const LOOK_MS = 10;
const CHUNK_BYTES = 64 * 1024;
/** A request that leaves no connection behind. */
export const ONCE = { headers: { Connection: "close" }, keepalive: false } as const;

/**
 * A server in a process of its own, with its own folder. It prints into a file there: under load the runtime sometimes
 * stops reading the pipe of a child for good.
 */
export class TestServer implements AsyncDisposable {
  readonly folder: string;
  readonly configPath: string;
  readonly #process: Bun.Subprocess;
  readonly #output: number;
  readonly #decoder = new TextDecoder();
  readonly #mayFail: boolean;
  readonly #chunk = new Uint8Array(CHUNK_BYTES);
  /** Bytes of the output taken into the log. */
  #read = 0;
  #log = "";
  #exited = false;
  #stopped = false;

  private constructor(folder: string, configPath: string, options: ServerOptions) {
    const { env = {}, prefix = [], mayFail = false } = options;
    this.#mayFail = mayFail;
    this.folder = folder;
    this.configPath = configPath;
    const binary = process.env["MEDIAMTX_BIN"];
    const command = binary === undefined ? [process.execPath, MAIN] : [resolve(binary)];
    this.#output = openSync(join(folder, "output.txt"), "a+");
    this.#process = Bun.spawn([...prefix, ...command, configPath], {
      cwd: folder,
      env: { ...process.env, ...env },
      stdin: "ignore",
      stdout: this.#output,
      stderr: this.#output,
    });
    const kill = () => this.#process.kill("SIGKILL"); // a test that was given up leaves no server behind
    process.on("exit", kill);
    void this.#process.exited.then(() => {
      process.off("exit", kill);
      this.#exited = true;
    });
  }

  /** Starts a server and waits until it listens. */
  static async start(options: ServerOptions = {}): Promise<TestServer> {
    const { config = "paths:\n  all:\n" } = options;
    const folder = mkdtempSync(join(tmpdir(), "mediamtx-test-"));
    const configPath = join(folder, "mediamtx.yml");
    writeFileSync(configPath, withDefaults(config));
    const server = new TestServer(folder, configPath, options);
    await server.waitForLog(/\[API\] listener opened/);
    return server;
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Everything printed so far. */
  get log(): string {
    while (!this.#stopped) {
      const size = readSync(this.#output, this.#chunk, 0, CHUNK_BYTES, this.#read);
      if (size === 0) break;
      this.#read += size;
      this.#log += this.#decoder.decode(this.#chunk.subarray(0, size), { stream: true });
    }
    return this.#log;
  }

  get rtspPort(): number {
    return this.#port("RTSP");
  }

  /** `rtsp://127.0.0.1:port/path` */
  rtsp(path: string): string {
    return `rtsp://127.0.0.1:${this.rtspPort}/${path}`;
  }

  /** `rtsps://127.0.0.1:port/path` */
  rtsps(path: string): string {
    return `rtsps://127.0.0.1:${this.#port("RTSPS")}/${path}`;
  }

  /** `rtmp://127.0.0.1:port/path` */
  rtmp(path: string): string {
    return `rtmp://127.0.0.1:${this.#port("RTMP")}/${path}`;
  }

  /** `rtmps://127.0.0.1:port/path` */
  rtmps(path: string): string {
    return `rtmps://127.0.0.1:${this.#port("RTMPS")}/${path}`;
  }

  get apiUrl(): string {
    return `http://127.0.0.1:${this.#port("API")}`;
  }

  get metricsUrl(): string {
    return `http://127.0.0.1:${this.#port("metrics")}/metrics`;
  }

  /** Without a path. */
  get pprofUrl(): string {
    return `http://127.0.0.1:${this.#port("pprof")}`;
  }

  /** URL of a file or page of a path over HLS. */
  hls(path: string): string {
    return `http://127.0.0.1:${this.#port("HLS")}/${path}`;
  }

  /** The last port that a service said to listen on. */
  #port(service: string): number {
    const lines = [...this.log.matchAll(new RegExp(`\\[${service}\\] listener opened on \\S*:(\\d+)`, "g"))];
    const port = lines.at(-1)?.[1];
    if (port === undefined) throw new Error(`${service} does not listen:\n${this.log}`);
    return Number(port);
  }

  /** Writes the configuration file anew, with the same defaults as at start. */
  writeConfig(config: string): void {
    writeFileSync(this.configPath, withDefaults(config));
  }

  /** GET of the API, parsed. */
  async api<T>(path: string): Promise<T> {
    const response = await fetch(this.apiUrl + path, ONCE);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  /** Value of a metric line, by its beginning; undefined when it is not there. */
  async metric(name: string): Promise<number | undefined> {
    const text = await (await fetch(this.metricsUrl, ONCE)).text();
    const line = text.split("\n").find((row) => row.startsWith(`${name} `) || row.startsWith(`${name}{`));
    return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(" ") + 1));
  }

  /** Resolves with the match once the log has it, from `from` on; rejects at the limit, and when the server exits first. */
  async waitForLog(pattern: RegExp, from = 0, limitMs = 30_000): Promise<RegExpExecArray> {
    const end = performance.now() + limitMs;
    for (;;) {
      const exited = this.#exited; // asked first: what it printed at last is read all the same
      const match = pattern.exec(this.log.slice(from));
      if (match !== null) return match;
      if (exited) throw new Error(`the server has exited; its log:\n${this.#log}`);
      if (performance.now() > end) {
        throw new Error(`not logged within ${limitMs} ms: ${pattern}; log:\n${this.#log.slice(-4000)}`);
      }
      await Bun.sleep(LOOK_MS);
    }
  }

  /** Resolves once `claim` holds, asked again whenever something is logged and every 50 ms. */
  async until(claim: () => boolean | Promise<boolean>, what: string, limitMs = 25_000): Promise<void> {
    const end = performance.now() + limitMs;
    while (!(await claim())) {
      if (performance.now() > end)
        throw new Error(`not within ${limitMs} ms: ${what}; log:\n${this.log.slice(-4000)}`);
      await Bun.sleep(50);
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /**
   * Stops it by SIGINT; resolves with its exit code.
   *
   * @throws {Error} if it has logged an internal error
   */
  async stop(): Promise<number> {
    if (!this.#exited) this.#process.kill("SIGINT");
    const code = await this.#process.exited;
    if (this.#stopped) return code;
    this.#log = this.log;
    this.#stopped = true;
    closeSync(this.#output);
    rmSync(this.folder, { recursive: true, force: true });
    const fault = this.#mayFail ? null : INTERNAL_ERROR.exec(this.#log);
    if (fault !== null) throw new Error(`the server had an internal error:\n${fault[0]}`);
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** The line that names an internal error, and some of the stack behind it. */
const INTERNAL_ERROR = /^.*\binternal error: .*(?:\n.*){0,12}/m;

/** Lines of ours for keys that `config` does not set. */
function withDefaults(config: string): string {
  const defaults = {
    rtspAddress: "127.0.0.1:0",
    rtpAddress: "127.0.0.1:0",
    rtcpAddress: "127.0.0.1:0",
    rtmpAddress: "127.0.0.1:0",
    rtmpsAddress: "127.0.0.1:0",
    hlsAddress: "127.0.0.1:0",
    api: "yes",
    apiAddress: "127.0.0.1:0",
    metrics: "yes",
    metricsAddress: "127.0.0.1:0",
  };
  const lines = Object.entries(defaults).filter(([key]) => !new RegExp(`^${key}:`, "m").test(config));
  return `${lines.map(([key, value]) => `${key}: ${value}\n`).join("")}${config}`;
}
