import { afterEach, describe, expect, test } from "bun:test";
import { MpegtsInput } from "../../src/ingest/mpegts.ts";
import { testLog } from "../lib/test-log.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { StreamMaker } from "../support/memory-stream.ts";
import { Random } from "../support/random.ts";
import { loadBuild, SEED } from "../wasm/builds.ts";
import { checkReturned } from "../wasm/compare.ts";
import { frame, picture } from "../wasm/ts-samples.ts";
import { type MapRow, PacketTwin } from "../wasm/twin/ts-packets.ts";

const memory = loadBuild("debug", 64);
const VIDEO: MapRow = { pid: 0x101, streamType: 0x1b };
const MP2: MapRow = { pid: 0x102, streamType: 0x03 };
const SUBTITLES: MapRow = { pid: 0x103, streamType: 0x90 };
const TICKS = 3_600;

/** An input for a publisher that is no source, and what has become of it. */
class Scene implements Disposable {
  readonly clock = new FakeClock();
  readonly log = testLog("debug");
  readonly counts = new Map<string, number>();
  readonly maker = new StreamMaker(this.clock, memory);
  readonly input: MpegtsInput;

  constructor() {
    const owner = {
      logger: this.log.logger,
      ready: this.maker.ready.bind(this.maker),
    };
    this.input = new MpegtsInput({
      owner,
      clock: this.clock,
      memory,
      count: (what, times) => this.counts.set(what, (this.counts.get(what) ?? 0) + times),
    });
  }

  get codecs(): string[] | undefined {
    return this.maker.stream?.description.tracks.map(({ formats }) => formats[0]!.codec);
  }

  [Symbol.dispose](): void {
    this.input.close();
    this.maker[Symbol.dispose]();
  }
}

/** Pictures and sound of the same seconds. */
function content(rows: readonly MapRow[], count = 25): PacketTwin {
  const twin = new PacketTwin();
  twin.association({ 1: 0x100 });
  twin.map(0x100, 1, rows);
  for (let i = 0; i < count; i++) {
    const times = { pts: (i + 1) * TICKS, dts: i * TICKS, isOpen: true };
    twin.pes(VIDEO.pid, 0xe0, picture(i, { isKey: i % 10 === 0 }).stream, times);
    if (rows.includes(MP2)) twin.pes(MP2.pid, 0xc0, frame(i), { pts: i * TICKS });
  }
  return twin;
}

describe("a transport stream as it arrives", () => {
  afterEach(() => checkReturned(memory));

  test(`is published however its bytes are cut (seed ${SEED})`, () => {
    using scene = new Scene();
    const { bytes } = content([VIDEO, MP2]);
    const random = new Random(SEED);
    for (let at = 0; at < bytes.length; ) {
      const size = random.between(1, 1_500);
      scene.input.push(bytes.subarray(at, at + size));
      scene.input.publish();
      at += size;
    }
    expect(scene.codecs).toEqual(["h264", "mpeg12Audio"]);
    expect(scene.maker.stream!.log.tracks.every(({ packets }) => packets >= 20)).toBe(true);
    expect(scene.counts).toEqual(new Map());
  });

  test("waits for the track that is late, but not for ever; one line names what is left out", async () => {
    using scene = new Scene();
    const twin = content([VIDEO, MP2, SUBTITLES], 1);
    twin.take(); // the maps and the first units are not needed twice
    const silent = new PacketTwin();
    silent.association({ 1: 0x100 });
    silent.map(0x100, 1, [VIDEO, MP2, SUBTITLES]);
    for (let i = 0; i < 5; i++) {
      silent.pes(VIDEO.pid, 0xe0, picture(i, { isKey: i === 0 }).stream, { pts: i * TICKS, isOpen: true });
    }
    scene.input.push(silent.bytes);
    scene.input.publish();
    expect(scene.codecs).toBeUndefined();
    await scene.clock.advance(1_500);
    scene.input.tick(10_000);
    expect(scene.codecs).toEqual(["h264"]);
    expect(scene.log.lines).toEqual([
      "WAR skipping tracks: MPEG-1/2 Audio (no data received), stream type 0x90 (not supported, PID 259)",
    ]);
  });

  test("without a codec that is known ends after the time that is given", async () => {
    using scene = new Scene();
    const twin = new PacketTwin();
    twin.association({ 1: 0x100 });
    twin.map(0x100, 1, [SUBTITLES]);
    scene.input.push(twin.bytes);
    await scene.clock.advance(10_000);
    scene.input.tick(10_000);
    await scene.clock.advance(1);
    expect(() => scene.input.tick(10_000)).toThrow("no supported tracks found");
  });

  test("counts what is missing, and ends when it has other tracks", () => {
    using scene = new Scene();
    const packets = content([VIDEO, MP2]).take();
    packets.splice(30, 1);
    for (const packet of packets) scene.input.push(packet);
    scene.input.tick(10_000);
    expect(scene.counts).toEqual(new Map([["continuity counter error: packets lost", 1]]));
    const twin = new PacketTwin();
    twin.map(0x100, 1, [VIDEO], { version: 1 });
    scene.input.push(twin.bytes);
    expect(() => scene.input.publish()).toThrow("the tracks have changed");
  });
});
