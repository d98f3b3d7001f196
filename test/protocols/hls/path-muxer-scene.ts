import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Logger, type LogLevel } from "../../../src/lib/log.ts";
import type { Client } from "../../../src/path/client.ts";
import { LocalDirectory } from "../../../src/path/directory.ts";
import { PathManager } from "../../../src/path/manager.ts";
import type { Path } from "../../../src/path/path.ts";
import type { LiveOptions } from "../../../src/protocols/hls/live-options.ts";
import type { LivePlaylist } from "../../../src/protocols/hls/live-playlist.ts";
import { PathMuxer, type PathMuxerOptions } from "../../../src/protocols/hls/path-muxer.ts";
import { ByteBudget } from "../../../src/protocols/hls/proto/budget.ts";
import type { MediaMemory } from "../../../wasm/core.ts";
import { testLog } from "../../lib/test-log.ts";
import { Broadcast, describeCodecs, SOUND, VIDEO } from "../../support/broadcast.ts";
import { parseConfig } from "../../support/config.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const NAME = "cam";

/** A path with a publisher, and muxers of it. */
export class PathMuxerScene implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly lines: string[];
  readonly paths: PathManager;
  readonly budget = new ByteBudget(1e9);
  readonly directory = mkdtempSync(join(tmpdir(), "path-muxer-"));
  readonly #logger: Logger;
  readonly muxers: PathMuxer[] = [];
  broadcast: Broadcast | undefined;
  #path: Path | undefined;
  #publisher: Client | undefined;

  constructor(memory: MediaMemory) {
    const log = testLog();
    this.lines = log.lines;
    this.#logger = new Logger(log.output, this.clock);
    const config = parseConfig("paths:\n  all:\n");
    const quiet = new Logger({ level: "error" as LogLevel, sinks: log.output.sinks }, this.clock);
    this.paths = new PathManager({ logger: quiet, clock: this.clock, memory, config });
  }

  /** A publisher comes. */
  publish(): Broadcast {
    const publisher: Client = { type: "fake", id: crypto.randomUUID(), close: () => {} };
    const path = this.paths.addPublisher(NAME, publisher);
    const { description, setups } = describeCodecs([VIDEO, SOUND]);
    const stream = this.paths.publish(path, publisher, description, setups);
    this.#path = path;
    this.#publisher = publisher;
    this.broadcast = new Broadcast(this.clock, stream);
    return this.broadcast;
  }

  /** The publisher leaves. */
  unpublish(): void {
    this.broadcast?.[Symbol.dispose]();
    this.broadcast = undefined;
    this.#path?.removePublisher(this.#publisher as Client);
  }

  /** A muxer of the path. */
  start(playlist: Partial<LiveOptions> = {}, options: Partial<PathMuxerOptions> = {}) {
    const ends = { count: 0 };
    const muxer = new PathMuxer({
      path: NAME,
      paths: new LocalDirectory(this.paths),
      clock: this.clock,
      logger: this.#logger,
      directory: "",
      remoteAddress: "127.0.0.1",
      onClose: () => {
        ends.count += 1;
      },
      ...options,
      playlist: {
        variant: "lowLatency",
        segmentCount: 7,
        segmentDuration: 1_000,
        partDuration: 200,
        segmentMaxSize: 50_000_000,
        readTimeout: 10_000,
        budget: this.budget,
        ...playlist,
      },
    });
    this.muxers.push(muxer);
    void muxer.start(); // its end is told by onClose
    return { muxer, ends };
  }

  /** Files and folders below the directory of segments. */
  get files(): string[] {
    return readdirSync(this.directory, { recursive: true }).map(String).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const muxer of this.muxers) muxer.close(new Error("terminated"));
    this.unpublish();
    await Promise.all(this.muxers.map(({ gone }) => gone));
    await this.paths.close();
    rmSync(this.directory, { recursive: true });
  }
}

/** Asks a muxer for something, and remembers how it was answered: 200 or 404. */
export function ask(
  muxer: PathMuxer,
  isReady: (playlist: LivePlaylist) => boolean,
  signal: AbortSignal = new AbortController().signal,
): { status: number | undefined; at: number | undefined } {
  const asked: { status: number | undefined; at: number | undefined } = { status: undefined, at: undefined };
  muxer.requested();
  const answer = (playlist: LivePlaylist | undefined) =>
    new Response(null, { status: playlist === undefined ? 404 : 200 });
  void muxer.hold({ isReady, answer }, signal).then(({ status }) => {
    asked.status = status;
  });
  return asked;
}
