import { test } from "bun:test";
import { join } from "node:path";

/** Time a client that was asked to end gets before it is killed, ms. */
const GRACE_MS = 3_000;

const NEWLINE = 0x0a;

/** Real clients that tests drive, and parts of them. */
export type Tool =
  | "ffmpeg"
  | "ffprobe"
  | "gst-launch-1.0"
  | "rtspclientsink"
  | "gst-rtsp-server"
  | "chromium"
  | "cvlc"
  | "nginx"
  | "mpv"
  | "node-av"
  | "openssl"
  | "prometheus"
  | "promtool"
  | "tsreport";

/** GStreamer elements that come in packages of their own. */
const ELEMENTS: readonly Tool[] = ["rtspclientsink"];

const GST_SERVER = 'import gi; gi.require_version("GstRtspServer", "1.0")';

/** Where `clients.sh` puts programs whose packages would start a service. */
const UNPACKED = join(import.meta.dir, "../../node_modules/.bin");

/** The file of a program; undefined when this machine does not have it. */
export function programOf(tool: Tool): string | undefined {
  return Bun.which(tool, { PATH: `${process.env["PATH"]}:/usr/sbin:${UNPACKED}` }) ?? undefined;
}

const found = new Map<Tool, boolean>();

/** Whether this machine has a client. */
export function has(tool: Tool): boolean {
  const known = found.get(tool);
  if (known !== undefined) return known;
  const result = look(tool);
  found.set(tool, result);
  return result;
}

function look(tool: Tool): boolean {
  if (tool === "node-av") return hasNodeAv();
  if (tool === "gst-rtsp-server") return Bun.spawnSync(["/usr/bin/python3", "-c", GST_SERVER]).success;
  if (!ELEMENTS.includes(tool)) return programOf(tool) !== undefined;
  if (Bun.which("gst-inspect-1.0") === null) return false;
  return Bun.spawnSync(["gst-inspect-1.0", "--exists", tool]).success;
}

/** Whether the package is there with the binary of this platform. */
function hasNodeAv(): boolean {
  try {
    Bun.resolveSync("node-av/lib", import.meta.dir);
    Bun.resolveSync(`@seydx/node-av-${process.platform}-${process.arch}/node-av.node`, import.meta.dir);
    return true;
  } catch {
    return false;
  }
}

/**
 * Registers a test with real clients, which runs beside the others of its file: they mostly wait for media. Where a
 * client is missing, the test is skipped, and its name says why.
 *
 * @param timeoutMs of the whole test
 */
export function clientTest(
  name: string,
  tools: readonly Tool[],
  timeoutMs: number,
  run: () => Promise<void>,
): void {
  const missing = tools.filter((tool) => !has(tool));
  if (missing.length === 0) test.concurrent(name, run, timeoutMs);
  else test.skip(`${name} (not installed: ${missing.join(", ")})`, run);
}

/** How a client ended. */
export interface Ended {
  /** Undefined when a signal ended it. */
  readonly code: number | undefined;
  readonly stdout: Uint8Array;
  readonly stderr: string;
}

/** A client in a process of its own. It is killed when its scope ends. */
export class Client implements AsyncDisposable {
  readonly command: readonly string[];
  readonly ended: Promise<Ended>;
  readonly #process: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #line = Promise.withResolvers<string>();

  /** @param limitMs after that time it is killed */
  constructor(command: readonly string[], limitMs = 60_000) {
    this.command = command;
    this.#process = Bun.spawn([...command], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    const timer = setTimeout(() => this.kill(), limitMs);
    this.ended = this.#collect().finally(() => clearTimeout(timer));
  }

  async #collect(): Promise<Ended> {
    const [stdout, stderr] = await Promise.all([
      this.#output(),
      new Response(this.#process.stderr).text(),
      this.#process.exited,
    ]);
    return { code: this.#process.exitCode ?? undefined, stdout, stderr };
  }

  async #output(): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let hasLine = false;
    for await (const chunk of this.#process.stdout) {
      chunks.push(chunk);
      if (hasLine || !chunk.includes(NEWLINE)) continue;
      hasLine = true;
      this.#line.resolve(Buffer.concat(chunks).toString().split("\n", 1)[0] ?? "");
    }
    this.#line.resolve("");
    return Buffer.concat(chunks);
  }

  /** The first line that it prints; what it said instead, as an error, if it ends without one. */
  async line(): Promise<string> {
    const line = await this.#line.promise;
    if (line !== "") return line;
    throw new Error(`${this.command.join(" ")}\nprinted nothing but:\n${(await this.ended).stderr}`);
  }

  get running(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** @throws {Error} with what it printed, if it does not end with exit code 0 */
  async success(): Promise<Ended> {
    const ended = await this.ended;
    if (ended.code === 0) return ended;
    throw new Error(`${this.command.join(" ")}\nended with ${ended.code ?? "a signal"}:\n${ended.stderr}`);
  }

  kill(signal: NodeJS.Signals = "SIGKILL"): void {
    if (this.running) this.#process.kill(signal);
  }

  /** Asks it to end, and kills it when it does not. */
  async stop(): Promise<Ended> {
    this.kill("SIGINT");
    const timer = setTimeout(() => this.kill(), GRACE_MS);
    const ended = await this.ended;
    clearTimeout(timer);
    return ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await this.ended;
  }
}

/** Runs FFmpeg to its end. */
export async function ffmpeg(...args: string[]): Promise<Ended> {
  await using client = new Client(["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error", ...args]);
  return await client.success();
}

/** What carries the media of RTSP. */
export type Transport = "tcp" | "udp" | "tls";

/** An FFmpeg that publishes a clip over and over, in its own time. */
export function ffmpegPublisher(
  clip: string,
  url: string,
  options: readonly string[] = [],
  transport: Transport = "tcp",
): Client {
  const input = ["-re", "-stream_loop", "-1", "-i", clip, "-c", "copy"];
  const output = ["-f", "rtsp", "-rtsp_transport", transport === "udp" ? "udp" : "tcp", url];
  return new Client(
    ["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "warning", ...input, ...options, ...output],
    120_000,
  );
}

/** Bytes of datagrams that wait for a client that does not get the processor. */
const RECEIVE_BUFFER = String(4 * 1024 * 1024);

/** FFmpeg's options in front of a URL of RTSP that it reads. */
export function ffmpegRtspInput(transport: "tcp" | "udp" | "udp_multicast"): string[] {
  return ["-rtsp_transport", transport, "-buffer_size", RECEIVE_BUFFER, "-timeout", "20000000"];
}

/** An FFmpeg that reads over TCP, unless `input` says else; `output` is everything behind the input. */
export function ffmpegReader(url: string, output: readonly string[], input: readonly string[] = []): Client {
  const source = [...ffmpegRtspInput("tcp"), ...input, "-i", url];
  return new Client(["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "warning", ...source, ...output]);
}

/**
 * How a GStreamer pipeline reads by RTSP. Datagrams have to be put in order, for which it waits a little. Of times it
 * takes those of RTP alone: left to itself, it leaves out what comes after a moment without the processor.
 *
 * @param options of its element, besides
 */
export function rtspSource(
  url: string,
  protocols: "tcp" | "udp" | "udp-mcast" = "tcp",
  options = "",
): string {
  const how = `protocols=${protocols} latency=${protocols === "tcp" ? 0 : 300} udp-buffer-size=${RECEIVE_BUFFER}`;
  return `rtspsrc location=${url} ${how} buffer-mode=none ${options}`;
}

/** A GStreamer pipeline in the notation of gst-launch; values hold no spaces. */
export function gstPipeline(pipeline: string): Client {
  return new Client(["gst-launch-1.0", "-q", "-e", ...pipeline.trim().split(/\s+/)], 120_000);
}
