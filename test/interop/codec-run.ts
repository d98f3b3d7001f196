import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Certificates } from "../integration/certificates.ts";
import { clip, longClip } from "../support/clips.ts";
import { TestServer } from "../support/server.ts";
import {
  type Client,
  ffmpeg,
  ffmpegPublisher,
  ffmpegReader,
  ffmpegRtspInput,
  gstPipeline,
  rtspSource,
  type Transport,
} from "../support/tools.ts";
import {
  CODECS,
  type CodecName,
  codecRow,
  itemsWanted,
  type Kind,
  limitArgs,
  listingArgs,
  possible,
} from "./codecs.ts";

/** What a demultiplexer may drop in front of the first key frame, and a little. */
const KEY_FRAME_SECONDS = 1.3;

/** What a reader got, and what it said. */
export interface Received {
  readonly bytes: Uint8Array;
  readonly stderr: string;
}

export interface CodecCase {
  readonly publisher: Kind;
  /** Of publishers and readers. */
  readonly transport: Transport;
}

/** All codecs at the same time on one server: one publisher per codec, and readers of both kinds for each. */
export class CodecRun implements AsyncDisposable {
  readonly server: TestServer;
  readonly #folder = mkdtempSync(join(tmpdir(), "mediamtx-interop-"));
  readonly #clients: Client[] = [];
  readonly #received = new Map<string, Promise<Received | Error>>();
  readonly #paths: [name: CodecName, path: string][];
  readonly #publisher: Kind;
  readonly #transport: Transport;

  private constructor(server: TestServer, { publisher, transport }: CodecCase, names: readonly CodecName[]) {
    this.server = server;
    this.#publisher = publisher;
    this.#transport = transport;
    this.#paths = names.map((name, i) => [name, `${publisher}/codec${i}`]);
  }

  /**
   * Starts the server, the publishers and, once all streams are ready, the readers.
   *
   * @throws {Error} if a publisher does not get through
   */
  static async start(options: CodecCase): Promise<CodecRun> {
    const { publisher } = options;
    const names = (Object.keys(CODECS) as CodecName[]).filter(
      (name) => readersOf(name, publisher).length > 0,
    );
    for (const name of names) await clipFor(name, publisher);
    using certificates = options.transport === "tls" ? new Certificates("localhost") : undefined;
    const secure =
      certificates === undefined
        ? ""
        : `encryption: optional\nrtspsAddress: 127.0.0.1:0\n${certificates.config}`;
    const run = new CodecRun(await TestServer.start({ config: `${secure}paths:\n  all:\n` }), options, names);
    try {
      for (const [name, path] of run.#paths) run.#clients.push(await run.#publish(name, path));
      await run.#ready();
      run.#startReaders();
    } catch (error) {
      await run[Symbol.asyncDispose]();
      throw error;
    }
    return run;
  }

  #startReaders(): void {
    for (const [name, path] of this.#paths) {
      for (const reader of readersOf(name, this.#publisher)) {
        const received = this.#read(name, path, reader).catch((error: Error) => error);
        this.#received.set(`${name} ${reader}`, received);
      }
    }
  }

  get #protocols(): "tcp" | "udp" {
    return this.#transport === "udp" ? "udp" : "tcp";
  }

  /** How GStreamer is told to take any certificate. */
  get #trust(): string {
    return this.#transport === "tls" ? "tls-validation-flags=0" : "";
  }

  #url(path: string): string {
    return this.#transport === "tls" ? this.server.rtsps(path) : this.server.rtsp(path);
  }

  async #publish(name: CodecName, path: string): Promise<Client> {
    const row = codecRow(name);
    const url = this.#url(path);
    const file = await clipFor(name, this.#publisher);
    if (this.#publisher === "ffmpeg") return ffmpegPublisher(file, url, row.publish, this.#transport);
    return gstPipeline(
      `filesrc location=${file} ! ${row.gst.head} ! ` +
        `rtspclientsink protocols=${this.#protocols} latency=0 location=${url} ${this.#trust}`,
    );
  }

  async #ready(): Promise<void> {
    await this.server.until(
      async () => {
        const { items } = await this.server.api<{ items: { ready: boolean }[] }>("/v2/paths/list");
        return items.filter((path) => path.ready).length === this.#paths.length;
      },
      "all publishers publish",
      30_000,
    );
  }

  async #read(name: CodecName, path: string, reader: Kind): Promise<Received> {
    return await (reader === "ffmpeg" ? this.#readFfmpeg(name, path) : this.#readGst(name, path));
  }

  async #readFfmpeg(name: CodecName, path: string): Promise<Received> {
    const { compare, read = [] } = codecRow(name);
    const output = [...read, ...limitArgs(compare), ...listingArgs(compare)];
    const client = ffmpegReader(this.#url(path), output, ffmpegRtspInput(this.#protocols));
    this.#clients.push(client);
    const { stdout, stderr } = await client.success();
    return { bytes: stdout, stderr };
  }

  async #readGst(name: CodecName, path: string): Promise<Received> {
    const { compare, gst } = codecRow(name);
    const file = join(this.#folder, path.replaceAll("/", "-"));
    const tail = this.#publisher === "gst" ? (gst.ownTail ?? gst.tail) : gst.tail;
    const source = rtspSource(this.#url(path), this.#protocols, this.#trust);
    const limit =
      compare.kind === "bytes"
        ? ""
        : `! identity eos-after=${itemsWanted(compare) + Math.ceil(compare.rate * KEY_FRAME_SECONDS)}`;
    const mux = gst.mux === undefined ? "" : `! ${gst.mux}`;
    const client = gstPipeline(
      `${source} ! ${tail} ${limit} ${mux} ! filesink location=${file} buffer-mode=unbuffered`,
    );
    this.#clients.push(client);
    if (compare.kind === "bytes") {
      await this.server.until(() => size(file) >= itemsWanted(compare), `${name} by GStreamer`, 40_000);
      client.kill();
    }
    const { stderr } = await client.ended;
    if (gst.format === undefined) return { bytes: await Bun.file(file).bytes(), stderr };
    const { stdout } = await ffmpeg("-f", gst.format, "-i", file, ...listingArgs(compare, gst.unwrap));
    return { bytes: stdout, stderr };
  }

  /** What a reader got. @throws {Error} if it failed */
  async received(name: CodecName, reader: Kind): Promise<Received> {
    const received = await this.#received.get(`${name} ${reader}`);
    if (received === undefined) throw new Error(`${name} is not read by ${reader}`);
    if (received instanceof Error) throw received;
    return received;
  }

  /** Tracks of each stream, as the API lists them. */
  async tracks(name: CodecName): Promise<readonly string[]> {
    const path = this.#paths.find(([each]) => each === name)?.[1];
    return (await this.server.api<{ tracks: string[] }>(`/v2/paths/get/${path}`)).tracks;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#received.values());
    await Promise.all(this.#clients.map((client) => client[Symbol.asyncDispose]()));
    await this.server.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function readersOf(name: CodecName, publisher: Kind): Kind[] {
  return (["ffmpeg", "gst"] as const).filter((reader) => possible(name, publisher, reader));
}

/** FFmpeg starts a clip over; GStreamer takes it to its end. */
function clipFor(name: CodecName, publisher: Kind): Promise<string> {
  const row = codecRow(name);
  return publisher === "ffmpeg" ? clip(row.clip) : longClip(row.clip);
}

function size(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
