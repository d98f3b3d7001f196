import { Authorizer } from "../../src/auth/authorizer.ts";
import { Door } from "../../src/auth/door.ts";
import { LoginLimiter } from "../../src/auth/login-limiter.ts";
import { trackSetups } from "../../src/formats/rtp/track-setup.ts";
import { unitFormat } from "../../src/formats/rtp/unit-formats.ts";
import { unitSetup } from "../../src/formats/rtp/units.ts";
import { systemClock } from "../../src/host/clock.ts";
import { LocalDirectory } from "../../src/path/directory.ts";
import { PathManager } from "../../src/path/manager.ts";
import type { RunningSource, SourceKind, SourceOwner } from "../../src/path/source.ts";
import { type RtspServer, startRtspServer } from "../../src/protocols/rtsp/server.ts";
import { UnitInput } from "../../src/stream/unit-input.ts";
import { MediaMemory } from "../../wasm/core.ts";
import { UnitWriter } from "../../wasm/unit-writer.ts";
import { UnitLog } from "../../wasm/units.ts";
import { testLog } from "../lib/test-log.ts";
import { corePath } from "../support/build-core.ts";
import { parseConfig } from "../support/config.ts";
import { SOURCES } from "../support/declared.ts";
import type { UnitClip } from "./unit-clip.ts";

/** How often a source looks what is due, ms. */
const TICK_MS = 20;
const NO_SETS = { vps: undefined, sps: undefined, pps: undefined };

/** A server in this process whose paths play clips, over and over in their own time, through units. */
export class UnitServer implements AsyncDisposable {
  readonly lines: readonly string[];
  readonly #memory: MediaMemory;
  readonly #paths: PathManager;
  readonly #rtsp: RtspServer;

  private constructor(memory: MediaMemory, paths: PathManager, rtsp: RtspServer, lines: readonly string[]) {
    this.#memory = memory;
    this.#paths = paths;
    this.#rtsp = rtsp;
    this.lines = lines;
  }

  /** @param clips by path */
  static async start(clips: ReadonlyMap<string, readonly UnitClip[]>): Promise<UnitServer> {
    const memory = MediaMemory.load(256 * 1024 * 1024, corePath("release"));
    const { logger, lines } = testLog();
    const sources = [...clips.keys()].map((path) => `  ${path}:\n    source: rtsp://127.0.0.1:1/${path}\n`);
    const text = `rtspAddress: 127.0.0.1:0\nprotocols: [tcp]\npaths:\n${sources.join("")}`;
    const config = parseConfig(text, SOURCES);
    const paths = new PathManager({
      logger,
      clock: systemClock,
      memory,
      config,
      sourceKind: ({ source }) => clipSource(memory, clips.get(source.split("/").at(-1)!)!),
    });
    const ignoredPackets = { datagrams: 0, packets: 0 };
    const door = new Door({
      clock: systemClock,
      limiter: new LoginLimiter(),
      authorizer: new Authorizer(systemClock, logger),
      rules: paths,
    });
    const rtsp = await startRtspServer({
      logger,
      clock: systemClock,
      config: { ...config, address: config.rtspAddress },
      directory: new LocalDirectory(paths),
      memory,
      door,
      ignoredPackets,
    });
    return new UnitServer(memory, paths, rtsp, lines);
  }

  url(path: string): string {
    const port = this.lines
      .map((line) => /listener opened on 127\.0\.0\.1:(\d+)/.exec(line)?.[1])
      .find(Boolean);
    return `rtsp://127.0.0.1:${port}/${path}`;
  }

  /** Closes everything. @throws {Error} if memory was kept */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#rtsp.close();
    await this.#paths.close();
    const { blocksTaken } = this.#memory.state;
    if (blocksTaken !== 0) throw new Error(`${blocksTaken} blocks were kept`);
  }
}

/** From the beginning of one round of clips that play together to that of the next, s. */
export function roundOf(clips: readonly UnitClip[]): number {
  return Math.max(...clips.map(({ seconds }) => seconds));
}

function clipSource(memory: MediaMemory, clips: readonly UnitClip[]): SourceKind {
  return { type: "clip", label: "clip", start: (owner) => new ClipSource(memory, clips, owner) };
}

/** Plays clips, one a track. */
class ClipSource implements RunningSource {
  readonly #logs: readonly UnitLog[];
  readonly #writer: UnitWriter;
  readonly #input: UnitInput;
  readonly #clips: readonly UnitClip[];
  readonly #next: number[];
  /** Length of a round, the same for all tracks. */
  readonly #seconds: number;
  readonly #start = systemClock.now();
  #cancel: () => void = () => undefined;

  constructor(memory: MediaMemory, clips: readonly UnitClip[], owner: SourceOwner) {
    const formats = clips.map(({ codec }, i) => unitFormat(codec, i));
    const tracks = formats.map((format, i) => ({
      media: "h264 h265 av1 vp8 vp9 mpeg4Video mpeg12Video".split(" ").includes(clips[i]!.codec.codec)
        ? "video"
        : "audio",
      mid: undefined,
      formats: [format],
    }));
    const description = { title: "clip", tracks, fecGroups: [] };
    const stream = owner.ready(description, trackSetups(description));
    this.#clips = clips;
    this.#next = clips.map(() => 0);
    this.#seconds = roundOf(clips);
    this.#logs = formats.map((format) => UnitLog.open(memory, unitSetup(format, NO_SETS)!)!);
    this.#writer = UnitWriter.open(memory)!;
    this.#input = UnitInput.open(stream, this.#logs, formats);
    const wall = systemClock.wall();
    formats.forEach(({ clockRate }, i) => {
      this.#input.align(i, 1000 * clockRate, wall);
    });
    this.#tick();
  }

  #tick(): void {
    const elapsed = (systemClock.now() - this.#start) / 1000;
    this.#clips.forEach((_, track) => {
      while (this.#play(track, elapsed));
    });
    if (this.#input.pump() !== undefined) throw new Error("the units were not taken");
    this.#cancel = systemClock.after(TICK_MS, () => this.#tick());
  }

  /** Writes the next unit of a track if it is due. */
  #play(track: number, elapsed: number): boolean {
    const { units } = this.#clips[track]!;
    const number = this.#next[track]!;
    const { bytes, pts, dts, isKey } = units[number % units.length]!;
    const offset = Math.floor(number / units.length) * this.#seconds - units[0]!.dts;
    if (dts + offset > elapsed) return false;
    const rate = this.#logs[track]!.clockRate;
    const ticks = (time: number) => Math.round((time + offset + 1000) * rate);
    this.#writer.write(this.#logs[track]!, bytes, { pts: ticks(pts), dts: ticks(dts), isKey });
    this.#next[track] = number + 1;
    return true;
  }

  close(): void {
    this.#cancel();
    this.#input.close();
    this.#writer.close();
    for (const log of this.#logs) log.close();
  }
}
