import { afterEach, expect, test } from "bun:test";
import { BLOCK_SIZE } from "../../assembly/abi.ts";
import { MpegtsInput } from "../../src/ingest/mpegts.ts";
import { testLog } from "../lib/test-log.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { StreamMaker } from "../support/memory-stream.ts";
import { loadBuild } from "../wasm/builds.ts";
import { checkReturned } from "../wasm/compare.ts";
import { picture } from "../wasm/ts-samples.ts";
import { PacketTwin } from "../wasm/twin/ts-packets.ts";

/** Blocks of one stream. */
const SHARE = 64;
const PIDS = [256, 257, 258, 259];
const memory = loadBuild("release", 384);
afterEach(() => checkReturned(memory));

/** A transport stream that is received, and the stream that is made of it. */
class Receiver implements Disposable {
  readonly clock = new FakeClock();
  readonly counts = new Map<string, number>();
  readonly maker = new StreamMaker(this.clock, memory);
  readonly input: MpegtsInput;

  constructor() {
    const { clock, maker } = this;
    const owner = { logger: testLog().logger, ready: maker.ready.bind(maker) };
    const count = (what: string, times: number) => void this.counts.set(what, times);
    this.input = new MpegtsInput({ owner, clock, memory, count });
  }

  [Symbol.dispose](): void {
    this.input.close();
    this.maker[Symbol.dispose]();
  }
}

/** A program of pictures in several streams. */
function begin(): PacketTwin {
  const twin = new PacketTwin();
  twin.association({ 1: 0x1000 });
  twin.map(
    0x1000,
    1,
    PIDS.map((pid) => ({ pid, streamType: 0x1b })),
  );
  return twin;
}

test("a source and its stream have one share of the memory, whatever comes in how many tracks", () => {
  memory.streamBytes = SHARE * BLOCK_SIZE;
  using receiver = new Receiver();
  const { input } = receiver;
  const twin = begin();
  for (const pid of PIDS) {
    for (const i of [0, 1]) {
      twin.pes(pid, 0xe0, picture(i, { isKey: i === 0 }).stream, { pts: i * 3_000, isOpen: true });
    }
  }
  input.push(twin.bytes);
  input.publish();
  const endless = new Uint8Array(5 * 1024 ** 2).fill(9);
  endless.set(picture(2).stream);
  const streams = PIDS.map((pid) => {
    const own = new PacketTwin();
    own.pes(pid, 0xe0, endless, { pts: 6_000, isOpen: true });
    return own.take();
  });
  let peak = 0;
  streams[0]!.forEach((_, i) => {
    for (const packets of streams) input.push(packets[i]!);
    peak = Math.max(peak, memory.state.blocksTaken);
  });
  // its share, and what small things need
  expect(peak).toBeGreaterThan(SHARE);
  expect(peak).toBeLessThan(SHARE + 8);
  input.publish();
  expect(receiver.maker.stream?.memory.account).toBeGreaterThan(0);
});

test("a picture that is too large is counted for the log", () => {
  memory.streamBytes = 1024 ** 3;
  using receiver = new Receiver();
  const { input, counts } = receiver;
  const twin = begin();
  const [pid] = PIDS as [number];
  const large = new Uint8Array(17 * 1024 ** 2).fill(9);
  large.set(picture(1).stream);
  twin.pes(pid, 0xe0, picture(0, { isKey: true }).stream, { pts: 0, isOpen: true });
  twin.pes(pid, 0xe0, large, { pts: 3_000, isOpen: true });
  twin.pes(pid, 0xe0, picture(2).stream, { pts: 6_000, isOpen: true });
  input.push(twin.bytes);
  input.tick(10_000);
  expect([...counts]).toEqual([["frame dropped: too large", 1]]);
}, 20_000);
