import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const MAIN = join(import.meta.dir, "../../src/main.ts");

export interface ServerOptions {
  /** YAML laid over a configuration with ports of the system's choice, API and metrics on. */
  readonly config?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A server in a process of its own, with its own folder. */
export class TestServer implements AsyncDisposable {
  readonly folder: string;
  readonly configPath: string;
  readonly #process: Bun.Subprocess<"ignore", "pipe", "pipe">;
  #log = "";
  readonly #waiting = new Set<() => void>();
  #exited = false;

  private constructor(folder: string, configPath: string, env: Readonly<Record<string, string>>) {
    this.folder = folder;
    this.configPath = configPath;
    const binary = process.env["MEDIAMTX_BIN"];
    const command = binary === undefined ? [process.execPath, MAIN] : [binary];
    this.#process = Bun.spawn([...command, configPath], {
      cwd: folder,
      env: { ...process.env, ...env },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    void this.#collect(this.#process.stdout);
    void this.#collect(this.#process.stderr);
    const kill = () => this.#process.kill("SIGKILL"); // a test that was given up leaves no server behind
    process.on("exit", kill);
    void this.#process.exited.then(() => {
      process.off("exit", kill);
      this.#exited = true;
      this.#wake();
    });
  }

  /** Starts a server and waits until it listens. */
  static async start({ config = "paths:\n  all:\n", env = {} }: ServerOptions = {}): Promise<TestServer> {
    const folder = mkdtempSync(join(tmpdir(), "mediamtx-test-"));
    const configPath = join(folder, "mediamtx.yml");
    writeFileSync(configPath, withDefaults(config));
    const server = new TestServer(folder, configPath, env);
    await server.waitForLog(/\[API\] listener opened/);
    return server;
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Everything printed so far. */
  get log(): string {
    return this.#log;
  }

  get rtspPort(): number {
    return this.#port("RTSP");
  }

  /** `rtsp://127.0.0.1:port/path` */
  rtsp(path: string): string {
    return `rtsp://127.0.0.1:${this.rtspPort}/${path}`;
  }

  get apiUrl(): string {
    return `http://127.0.0.1:${this.#port("API")}`;
  }

  get metricsUrl(): string {
    return `http://127.0.0.1:${this.#port("metrics")}/metrics`;
  }

  /** The last port that a service said to listen on. */
  #port(service: string): number {
    const lines = [...this.#log.matchAll(new RegExp(`\\[${service}\\] listener opened on \\S*:(\\d+)`, "g"))];
    const port = lines.at(-1)?.[1];
    if (port === undefined) throw new Error(`${service} does not listen:\n${this.#log}`);
    return Number(port);
  }

  /** Writes the configuration file anew, with the same defaults as at start. */
  writeConfig(config: string): void {
    writeFileSync(this.configPath, withDefaults(config));
  }

  /** GET of the API, parsed. */
  async api<T>(path: string): Promise<T> {
    const response = await fetch(this.apiUrl + path);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  /** Value of a metric line, by its beginning; undefined when it is not there. */
  async metric(name: string): Promise<number | undefined> {
    const text = await (await fetch(this.metricsUrl)).text();
    const line = text.split("\n").find((row) => row.startsWith(`${name} `) || row.startsWith(`${name}{`));
    return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(" ") + 1));
  }

  /** Resolves with the match once the log has it, from `from` on; rejects at the limit, and when the server exits first. */
  async waitForLog(pattern: RegExp, from = 0, limitMs = 30_000): Promise<RegExpExecArray> {
    const end = performance.now() + limitMs;
    for (;;) {
      const match = pattern.exec(this.#log.slice(from));
      if (match !== null) return match;
      if (this.#exited) throw new Error(`the server has exited; its log:\n${this.#log}`);
      const left = end - performance.now();
      if (left <= 0)
        throw new Error(`not logged within ${limitMs} ms: ${pattern}; log:\n${this.#log.slice(-4000)}`);
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, left);
      this.#waiting.add(resolve);
      await promise;
      clearTimeout(timer);
      this.#waiting.delete(resolve);
    }
  }

  /** Resolves once `claim` holds, asked again whenever something is logged and every 50 ms. */
  async until(claim: () => boolean | Promise<boolean>, what: string, limitMs = 15_000): Promise<void> {
    const end = performance.now() + limitMs;
    while (!(await claim())) {
      if (performance.now() > end)
        throw new Error(`not within ${limitMs} ms: ${what}; log:\n${this.#log.slice(-4000)}`);
      await Bun.sleep(50);
    }
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      this.#log += decoder.decode(chunk, { stream: true });
      this.#wake();
    }
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Stops it by SIGINT; resolves with its exit code. */
  async stop(): Promise<number> {
    if (!this.#exited) this.#process.kill("SIGINT");
    const code = await this.#process.exited;
    rmSync(this.folder, { recursive: true, force: true });
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** Lines of ours for keys that `config` does not set. */
function withDefaults(config: string): string {
  const defaults = {
    rtspAddress: "127.0.0.1:0",
    api: "yes",
    apiAddress: "127.0.0.1:0",
    metrics: "yes",
    metricsAddress: "127.0.0.1:0",
  };
  const lines = Object.entries(defaults).filter(([key]) => !new RegExp(`^${key}:`, "m").test(config));
  return `${lines.map(([key, value]) => `${key}: ${value}\n`).join("")}${config}`;
}
