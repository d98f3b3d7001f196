import { Child } from "./child.ts";
import { LOAD_CPU } from "./cpus.ts";
import { toolPath } from "./tools.ts";

/** What publishers and readers have in common; see `native/bench/load.c`. */
interface LoadOptions {
  readonly port: number;
  /** Publishers or readers. */
  readonly count: number;
  /** Stream i has the path `<prefix><i>`; default `bench`. */
  readonly prefix?: string;
  /** Measured time, s; left out: until `stop`. */
  readonly seconds?: number;
  /** Time before it that is not measured, s. */
  readonly warmup?: number;
  /** No RTSP, interleaved frames at once: for the relay. */
  readonly raw?: boolean;
}

export interface PublishOptions extends LoadOptions {
  /** Bit/s of one publisher; default 5,000,000. */
  readonly bitrate?: number;
  /** Frames/s of one publisher; default 30,000/1,001, which keeps clear of the kernel's tick. */
  readonly fps?: number;
  /** How long they stay connected after the last frame, s. */
  readonly linger?: number;
  /** Packets go in datagrams. */
  readonly udp?: boolean;
}

export interface ReadOptions extends LoadOptions {
  /** Readers are spread over so many paths; default 1. */
  readonly paths?: number;
  /** Connections opened per second; default 500. */
  readonly ramp?: number;
  /** Counts bytes without looking at them. */
  readonly unchecked?: boolean;
  /** Packets come in datagrams. */
  readonly udp?: boolean;
  /** The connection is encrypted. */
  readonly tls?: boolean;
}

export interface PublishResult {
  readonly frames: number;
  /** Frames left out because the server had not taken the one before. */
  readonly skipped: number;
  readonly packets: number;
  /** Bytes of RTP packets, without interleaved framing. */
  readonly rtpBytes: number;
  /** Bytes the sockets took after the handshake. */
  readonly wireBytes: number;
  /** Connections that ended early. */
  readonly closed: number;
}

export interface ReadResult {
  readonly playing: number;
  /** Length of the measurement, s. `bytes`, `packets` and `delayMs` belong to it, the rest to the whole run. */
  readonly seconds: number;
  readonly bytes: number;
  readonly packets: number;
  readonly rtcp: number;
  /** Places where packets are missing, and how many packets. */
  readonly gaps: number;
  readonly lost: number;
  /** Places where RTP sequence numbers are not contiguous. */
  readonly sequenceGaps: number;
  /** Bytes, marks or lengths that are not what was published. */
  readonly mismatches: number;
  readonly closed: number;
  /** From making the packet to having read it. */
  readonly delayMs: { readonly p50: number; readonly p99: number; readonly max: number };
}

export interface ViewOptions extends LoadOptions {
  /** Viewers are spread over so many paths; default 1. */
  readonly paths?: number;
  /** Viewers that begin per second; default 500. */
  readonly ramp?: number;
  /** Playlists may stay as they are: those of a yardstick. */
  readonly unchecked?: boolean;
}

/** Of low-latency HLS. `bytes`, `playlists`, `parts`, `releaseMs` and `partMs` belong to the measured time. */
export interface ViewResult {
  readonly playing: number;
  /** Length of the measurement, s. */
  readonly seconds: number;
  readonly bytes: number;
  readonly playlists: number;
  readonly parts: number;
  /** Parts left out because the ones before were still on their way. */
  readonly skipped: number;
  /** Playlists that are malformed or lack what was waited for; parts that are broken or differ between viewers. */
  readonly mismatches: number;
  readonly closed: number;
  /** How often nearly all viewers were waiting for the same part, and how many on average. */
  readonly releases: number;
  readonly held: number;
  /** From the first to the last of them that got its playlist. */
  readonly releaseMs: { readonly p50: number; readonly p99: number; readonly max: number };
  /** From asking for a part to having it. */
  readonly partMs: { readonly p50: number; readonly p99: number };
}

/** A running load generator. */
export class Load<Result> implements AsyncDisposable {
  readonly #child: Child;

  constructor(args: readonly string[]) {
    this.#child = new Child([toolPath("load"), ...args], { cpu: LOAD_CPU });
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** What it said on stderr: the first gaps and mismatches in words. */
  get output(): string {
    return this.#child.output;
  }

  /** Settles when all connections publish or play; the number of those that do. */
  async ready(): Promise<number> {
    const match = await this.#child.line(/^ready (\d+)/, 120_000);
    return Number(match[1]);
  }

  /** Settles when measuring begins (readers only). */
  async began(): Promise<void> {
    await this.#child.line(/^begin/, 180_000);
  }

  /** Settles when measuring, or the last frame, is over. */
  async over(): Promise<void> {
    await this.#child.line(/^end/, 3_600_000);
  }

  /** Settles when it has ended by itself. */
  async result(): Promise<Result> {
    const match = await this.#child.line(/^\{.*\}$/, 3_600_000);
    await this.#child.ended();
    return JSON.parse(match[0]) as Result;
  }

  /** Ends it now, and says how it went. */
  async stop(): Promise<Result> {
    await this.#child.stop("SIGINT");
    return await this.result();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stop();
  }
}

/** Starts publishers of H264 over RTSP whose every byte can be checked. */
export function startPublishers(options: PublishOptions): Load<PublishResult> {
  return new Load(["publish", ...words({ fps: 30_000 / 1_001, ...options })]);
}

/** Starts readers that check every byte. */
export function startReaders(options: ReadOptions): Load<ReadResult> {
  return new Load(["read", ...words({ ...options })]);
}

/** Starts viewers of low-latency HLS, each holding a playlist request and downloading parts. */
export function startViewers(options: ViewOptions): Load<ViewResult> {
  return new Load(["view", ...words({ ...options })]);
}

function words(options: Readonly<Record<string, string | number | boolean | undefined>>): string[] {
  return Object.entries(options).flatMap(([name, value]) => {
    if (value === undefined || value === false) return [];
    return value === true ? [`--${name}`] : [`--${name}`, String(value)];
  });
}
