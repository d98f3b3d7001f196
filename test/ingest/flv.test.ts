import { afterEach, describe, expect, test } from "bun:test";
import { FLV_AUDIO, FLV_VIDEO } from "../../assembly/abi.ts";
import { FlvInput } from "../../src/ingest/flv.ts";
import { testLog } from "../lib/test-log.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { StreamMaker } from "../support/memory-stream.ts";
import { loadBuild } from "../wasm/builds.ts";
import { checkReturned } from "../wasm/compare.ts";
import { AAC_FRAME, AAC_HEADER, AVC_HEADER, avc, bytesOf } from "../wasm/flv-samples.ts";

const memory = loadBuild("debug", 64);
const PATIENCE_MS = 10_000;
const BOTH = new Map<string, unknown>([
  ["videocodecid", 7],
  ["audiocodecid", 10],
]);

function fail(error: Error): never {
  throw error;
}

/** Messages that are received, and the stream that is made of them. */
class Scene implements Disposable {
  readonly clock = new FakeClock();
  readonly log = testLog("debug");
  readonly counts = new Map<string, number>();
  readonly maker = new StreamMaker(this.clock, memory);
  readonly input: FlvInput;
  readonly #room = memory.take(4_096)!;

  constructor() {
    const owner = { logger: this.log.logger, ready: this.maker.ready.bind(this.maker), failed: fail };
    const count = (what: string, times: number) => void this.counts.set(what, times);
    this.input = new FlvInput({ owner, clock: this.clock, memory, count });
  }

  push(kind: 8 | 9, time: number, body: Uint8Array): void {
    memory.u8.set(body, this.#room);
    this.input.demuxer.push(kind, this.#room, body.length, time);
    this.input.publish();
  }

  /** Pictures and sound from a time to another, 40 ms apart. */
  frames(from: number, to: number): void {
    for (let time = from; time < to; time += 40) {
      this.push(FLV_VIDEO, time, avc(time % 400 === 0));
      this.push(FLV_AUDIO, time, AAC_FRAME);
    }
  }

  get codecs(): string[] | undefined {
    return this.maker.stream?.description.tracks.map(({ formats }) => formats[0]!.codec);
  }

  get packets(): number[] {
    return (this.maker.stream?.log.tracks ?? []).map(({ packets }) => packets);
  }

  [Symbol.dispose](): void {
    this.input.close();
    this.maker[Symbol.dispose]();
    memory.give(this.#room);
  }
}

describe("messages of RTMP as they arrive", () => {
  afterEach(() => checkReturned(memory));

  test("make a stream with the first frame once all announced tracks are known", () => {
    using scene = new Scene();
    scene.input.describe(BOTH);
    scene.push(FLV_VIDEO, 0, AVC_HEADER);
    scene.push(FLV_VIDEO, 0, avc(true));
    expect(scene.codecs).toBeUndefined();
    scene.push(FLV_AUDIO, 0, AAC_HEADER);
    expect(scene.codecs).toEqual(["h264", "mpeg4Audio"]);
    scene.frames(40, 400);
    expect(scene.packets.every((packets) => packets >= 9)).toBe(true);
    expect([scene.counts.size, scene.input.isPublished]).toEqual([0, true]);
  });

  test("make a stream of one track at once where no other is announced; a late one is left out by name", () => {
    using scene = new Scene();
    scene.input.describe(new Map([["videocodecid", "avc1"]]));
    scene.push(FLV_VIDEO, 0, AVC_HEADER);
    scene.push(FLV_VIDEO, 0, avc(true));
    expect(scene.codecs).toEqual(["h264"]);
    scene.push(FLV_AUDIO, 0, AAC_HEADER);
    scene.push(FLV_AUDIO, 0, AAC_FRAME);
    scene.push(FLV_VIDEO, 40, avc(false));
    expect(scene.packets).toHaveLength(1);
    expect(scene.log.lines.join()).toContain("skipping tracks: MPEG-4 Audio (too late)");
  });

  test("without metadata, are looked at for a second of their own time", () => {
    using scene = new Scene();
    scene.push(FLV_AUDIO, 5_000, bytesOf(0x72, 1, 2));
    scene.push(FLV_AUDIO, 5_960, bytesOf(0x72, 1, 2));
    expect(scene.codecs).toBeUndefined();
    scene.push(FLV_AUDIO, 6_000, bytesOf(0x72, 1, 2));
    expect(scene.codecs).toEqual(["g711"]);
    expect(scene.packets[0]).toBe(3);
  });

  test("are waited for by the clock where their time stands still", () => {
    using scene = new Scene();
    scene.input.describe(BOTH);
    scene.push(FLV_AUDIO, 0, AAC_HEADER);
    scene.push(FLV_AUDIO, 0, AAC_FRAME);
    scene.clock.stall(1_600);
    scene.input.tick(PATIENCE_MS);
    expect(scene.codecs).toEqual(["mpeg4Audio"]);
  });

  test("have every track of a multitrack publisher, video first", () => {
    using scene = new Scene();
    const opus = bytesOf("Opus");
    scene.push(FLV_AUDIO, 0, bytesOf(0x95, 0x00, opus, 1));
    scene.push(FLV_AUDIO, 0, AAC_HEADER);
    scene.push(FLV_VIDEO, 0, AVC_HEADER);
    scene.push(FLV_VIDEO, 0, bytesOf(0x96, 0x00, "vp09", 1));
    scene.push(FLV_AUDIO, 0, bytesOf(0x95, 0x01, "ec-3", 2, 1));
    scene.push(FLV_AUDIO, 0, AAC_FRAME);
    expect(scene.codecs).toEqual(["h264", "vp9", "opus", "mpeg4Audio"]);
  });

  test("end cleanly when the tracks change, and go on with new parameter sets", () => {
    using scene = new Scene();
    scene.push(FLV_VIDEO, 0, AVC_HEADER);
    scene.push(FLV_AUDIO, 0, AAC_HEADER);
    scene.frames(0, 80);
    const other = AVC_HEADER.slice();
    other[AVC_HEADER.length - 1] = 0x81;
    scene.push(FLV_VIDEO, 80, other);
    scene.frames(80, 800);
    expect(() => scene.push(FLV_AUDIO, 800, bytesOf(0x22, 1))).toThrow("the tracks have changed");
  });

  test("that bring nothing end with what was wrong", () => {
    for (const [kind, body, reason] of [
      [FLV_VIDEO, bytesOf(0x12, 1), "unsupported video codec: 2"],
      [FLV_AUDIO, bytesOf(0x91, "ec-3", 1), "unsupported audio codec: ec-3"],
      [FLV_VIDEO, avc(true), "no supported tracks found"],
    ] as const) {
      using scene = new Scene();
      scene.push(kind, 0, body);
      scene.clock.stall(PATIENCE_MS);
      scene.input.tick(PATIENCE_MS);
      scene.clock.stall(1);
      expect(() => scene.input.tick(PATIENCE_MS)).toThrow(reason);
    }
  });

  test("end by name when there is no memory for a track", () => {
    const small = loadBuild("debug", 2);
    {
      const room = small.take(256)!;
      using maker = new StreamMaker(new FakeClock(), small);
      const owner = { logger: testLog().logger, ready: maker.ready.bind(maker), failed: fail };
      const input = new FlvInput({ owner, clock: new FakeClock(), memory: small, count: () => undefined });
      small.u8.set(AVC_HEADER, room);
      input.demuxer.push(FLV_VIDEO, room, AVC_HEADER.length, 0);
      expect(() => input.publish()).toThrow("media memory");
      input.close();
      small.give(room);
    }
    checkReturned(small);
  });

  test("count what is wrong with them", () => {
    using scene = new Scene();
    scene.push(FLV_VIDEO, 0, bytesOf(0x91, "av"));
    scene.push(FLV_VIDEO, 0, bytesOf(0x98, "avc1"));
    scene.input.tick(PATIENCE_MS);
    expect([...scene.counts]).toEqual([
      ["malformed audio or video message", 1],
      ["audio or video message of an unknown type", 1],
    ]);
  });
});
