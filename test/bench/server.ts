import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Child } from "./child.ts";
import { ROOT, toolPath } from "./tools.ts";

export interface ServerOptions {
  /** The only CPU it may use. */
  readonly cpu?: number | undefined;
  /** Lines of YAML laid over those of the benchmark. */
  readonly config?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Records its writes in this file, by preload. */
  readonly trace?: string;
}

const CONFIG: Readonly<Record<string, string>> = {
  logLevel: "info",
  rtspAddress: "127.0.0.1:0",
  rtpAddress: "127.0.0.1:0",
  rtcpAddress: "127.0.0.1:0",
  protocols: "[tcp]",
  rtmp: "no",
  hls: "no",
  webrtc: "no",
  srt: "no",
  metrics: "yes",
  metricsAddress: "127.0.0.1:0",
  paths: "{all: {}}",
};

interface Ports {
  readonly rtsp: number;
  readonly metrics: number;
  readonly rtsps: number | undefined;
  readonly hls: number | undefined;
}

/** The server as its own process, with RTSP over TCP and metrics on ports of the system's choice. */
export class BenchServer implements AsyncDisposable {
  readonly #child: Child;
  readonly #folder: string;
  readonly #metricsUrl: string;
  /** Port of RTSP on 127.0.0.1. */
  readonly port: number;
  /** Port of RTSPS, where it is configured. */
  readonly securePort: number | undefined;

  /** Port of HLS, where it is configured. */
  readonly hlsPort: number | undefined;

  constructor(child: Child, folder: string, ports: Ports) {
    this.#child = child;
    this.#folder = folder;
    this.#metricsUrl = `http://127.0.0.1:${ports.metrics}/metrics`;
    this.port = ports.rtsp;
    this.securePort = ports.rtsps;
    this.hlsPort = ports.hls;
  }

  /** Starts it; settles when it listens. */
  static async start(options: ServerOptions = {}): Promise<BenchServer> {
    const folder = await mkdtemp(join(tmpdir(), "mediamtx-bench-"));
    const file = join(folder, CONFIG_NAME);
    const lines = Object.entries({ ...CONFIG, ...options.config }).map(
      ([key, value]) => `${key}: ${value}\n`,
    );
    await Bun.write(file, lines.join(""));
    const env =
      options.trace === undefined
        ? (options.env ?? {})
        : { LD_PRELOAD: toolPath("trace.so"), BENCH_TRACE: options.trace, MEDIAMTX_NO_FFI: "1" };
    const child = new Child([...serverCommand(), file], { cpu: options.cpu, env, cwd: folder });
    try {
      const portOf = async (line: RegExp) => Number((await child.line(line, 20_000))[1]);
      const { encryption, hls } = options.config ?? {};
      const ports: Ports = {
        rtsp: await portOf(RTSP_LINE),
        metrics: await portOf(METRICS_LINE),
        rtsps: encryption === undefined ? undefined : await portOf(RTSPS_LINE),
        hls: hls === "yes" ? await portOf(HLS_LINE) : undefined,
      };
      return new BenchServer(child, folder, ports);
    } catch (error) {
      await child.stop("SIGKILL");
      await rm(folder, { recursive: true });
      throw error;
    }
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Its configuration file, for tests that edit it. */
  get configFile(): string {
    return join(this.#folder, CONFIG_NAME);
  }

  /** The last lines of its log. */
  get output(): string {
    return this.#child.output;
  }

  /** Sum of a metric over all its lines, or those with `label` in them; 0 when there is none. */
  async metric(name: string, label = ""): Promise<number> {
    const response = await fetch(this.#metricsUrl);
    const text = await response.text();
    let sum = 0;
    for (const line of text.split("\n")) {
      const match = /^(\w+)(?:\{.*\})? (\S+)$/.exec(line);
      if (match?.[1] === name && line.includes(label)) sum += Number(match[2]);
    }
    return sum;
  }

  /** @throws {Error} if it has logged an internal error */
  async close(): Promise<void> {
    await this.#child.stop();
    await rm(this.#folder, { recursive: true, force: true });
    const [fault] = /^.*\binternal error: .*(?:\n.*){0,12}/m.exec(this.output) ?? [];
    if (fault !== undefined) throw new Error(`the server had an internal error:\n${fault}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

const CONFIG_NAME = "mediamtx.yml";
/** The line that says RTSP listens; group 1 is the port. */
export const RTSP_LINE = /\[RTSP\] listener opened on \S*:(\d+) \(TCP\)/;
const RTSPS_LINE = /\[RTSPS\] listener opened on \S*:(\d+) \(TCP/;
const HLS_LINE = /\[HLS\] listener opened on \S*:(\d+)/;
const METRICS_LINE = /\[metrics\] listener opened on \S*:(\d+)/;

/** The executable of `make build`, or the one that MEDIAMTX_BIN names; undefined when there is none. */
export function serverExecutable(): string | undefined {
  const { MEDIAMTX_BIN: named } = process.env;
  if (named !== undefined && named !== "") return resolve(named);
  const built = join(ROOT, "mediamtx");
  return existsSync(built) ? built : undefined;
}

/** How the server is started: MEDIAMTX_BIN, else its sources by this Bun. A configuration file follows. */
export function serverCommand(): string[] {
  const { MEDIAMTX_BIN: named } = process.env;
  return named !== undefined && named !== ""
    ? [resolve(named)]
    : [process.execPath, join(ROOT, "src/main.ts")];
}
