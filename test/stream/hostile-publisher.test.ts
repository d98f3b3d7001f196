import { afterEach, describe, expect, test } from "bun:test";
import { trackSetups } from "../../src/formats/rtp/track-setup.ts";
import { unitFormat } from "../../src/formats/rtp/unit-formats.ts";
import { BudgetError } from "../../src/lib/errors.ts";
import type { CodecParameters } from "../../src/media/codec-parameters.ts";
import type { StreamCursor } from "../../src/stream/cursor.ts";
import { FlushQueue } from "../../src/stream/flush.ts";
import { IngestReporter } from "../../src/stream/ingest.ts";
import { InterleavedOutput } from "../../src/stream/interleaved-output.ts";
import { Outbox } from "../../src/stream/outbox.ts";
import { Stream } from "../../src/stream/stream.ts";
import { UnitOutput, type UnitReader } from "../../src/stream/unit-output.ts";
import { testLog } from "../lib/test-log.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { loadBuild } from "../wasm/builds.ts";
import { checkReturned } from "../wasm/compare.ts";
import { writeFrame, writeRtp } from "../wasm/twin/packet.ts";
import { FakeSink } from "./scene.ts";

/** AAC-LC, 48 kHz, stereo. */
const SOUND: CodecParameters = { codec: "mpeg4Audio", config: new Uint8Array([0x11, 0x90]) };
const VIDEO: CodecParameters = { codec: "h264" };
/** 32 MB, of which a stream may have half. */
const BLOCKS = 256;
const CHANNELS = [{ rtp: 0, rtcp: 1 }];
/** What hostile publishers send in all, bytes: twice as much as there is. */
const FLOOD = 64 * 1024 * 1024;

function rethrow(error: unknown): never {
  throw error;
}

/** A stream of one track with its publisher. */
class Publisher {
  readonly stream: Stream;
  readonly reporter: IngestReporter;
  readonly lines: readonly string[];
  readonly #payloadType: number;
  #seq = 0;

  constructor(flushes: FlushQueue, clock: FakeClock, codec: CodecParameters) {
    const format = unitFormat(codec, 0);
    const tracks = [{ media: "video", mid: undefined, formats: [format] }];
    const description = { title: "", tracks, fecGroups: [] };
    const log = { tracks: trackSetups(description), lagPackets: 64, maxPacket: 1_460 };
    this.stream = new Stream({ memory, clock, flushes, description, log });
    this.stream.log.mapChannel(0, 0, false);
    const { logger, lines } = testLog();
    this.lines = lines;
    this.reporter = new IngestReporter(this.stream, {
      logger,
      clock,
      ignoredPackets: { datagrams: 0, packets: 0 },
    });
    this.#payloadType = format.payloadType;
  }

  /** @throws {BudgetError} when the stream can take no more */
  send(payload: Uint8Array, time: number, marker: boolean): void {
    const fields = { payloadType: this.#payloadType, marker, seq: this.#seq & 0xffff, time, ssrc: 7 };
    this.#seq += 1;
    const frame = writeFrame(0, writeRtp(fields, payload));
    expect(this.reporter.receive(frame, 0)).toBe(frame.length);
  }

  close(): void {
    this.reporter.close();
    this.stream.close();
  }
}

const memory = loadBuild("release", BLOCKS);
afterEach(() => checkReturned(memory));

/** Somebody who takes units, and gives back none. */
const HOARDER: UnitReader = { pump: () => undefined, needs: () => 0, failed: () => undefined };
/** Somebody who takes units, and is done with them. */
const DRAIN: UnitReader = { pump: () => undefined, needs: () => 0x7fff_ffff, failed: () => undefined };

/** One who publishes as he should, and his reader: what he has sent must arrive, to the last byte. */
class GoodNeighbour {
  readonly publisher: Publisher;
  readonly #sink = new FakeSink();
  readonly #outbox = new Outbox(memory, this.#sink);
  readonly #output: InterleavedOutput;
  readonly #cursor: StreamCursor;
  readonly #faults: Error[] = [];
  #pictures = 0;

  constructor(flushes: FlushQueue, clock: FakeClock) {
    this.publisher = new Publisher(flushes, clock, VIDEO);
    this.#output = InterleavedOutput.of(this.publisher.stream);
    this.#cursor = this.#output.add(this.#outbox, CHANNELS, (error) => this.#faults.push(error));
  }

  /** Sends a picture of 20 KB. */
  picture(now: number): void {
    const payload = new Uint8Array(1_000).fill(this.#pictures);
    payload[0] = 0x41;
    for (let i = 0; i < 20; i++) this.publisher.send(payload, this.#pictures * 3_000, i === 19);
    this.#pictures += 1;
    this.publisher.stream.flush(now);
  }

  check(): void {
    expect(this.#faults).toEqual([]);
    expect(this.#cursor.lostPackets).toBe(0);
    expect(this.#sink.packets(0)).toHaveLength(20 * this.#pictures);
  }

  close(): void {
    this.#output.remove(this.#cursor);
    this.#outbox.close();
    this.publisher.close();
  }
}

/** Lets a hostile publisher send what it likes beside a good one; returns what has stopped it. */
async function beside(
  codec: CodecParameters,
  reader: UnitReader,
  send: (publisher: Publisher, i: number) => void,
): Promise<{ lines: readonly string[]; error: Error | undefined; peak: number }> {
  const clock = new FakeClock();
  const flushes = new FlushQueue({ clock, memory, fault: rethrow });
  const good = new GoodNeighbour(flushes, clock);
  const bad = new Publisher(flushes, clock, codec);
  const units = UnitOutput.enter(bad.stream, reader, [0]);
  let error: Error | undefined;
  let peak = 0;
  for (let i = 0; i < FLOOD / 1_400; i++) {
    try {
      if (error === undefined) send(bad, i);
    } catch (fault) {
      error = fault as Error;
    }
    if (i % 20 !== 0) continue;
    bad.stream.flush(clock.now());
    good.picture(clock.now());
    peak = Math.max(peak, units.tracks[0]!.blocks);
    await clock.advance(10);
  }
  await clock.advance(1_000);
  good.check();
  units.remove(reader);
  bad.close();
  good.close();
  flushes.close();
  return { lines: bad.lines, error, peak };
}

describe("a publisher that wants all memory", () => {
  test("gets 64 KB for sound that never ends, and the log says so once a second", async () => {
    const piece = new Uint8Array([0, 16, 0xff, 0xf8, ...new Uint8Array(1_396)]);
    const { lines, error, peak } = await beside(SOUND, DRAIN, (publisher, i) => {
      publisher.send(piece, Math.floor(i / 100) * 1_024, false);
    });
    expect(error).toBeUndefined();
    expect(peak).toBeLessThanOrEqual(2);
    expect(new Set(lines)).toEqual(new Set(["WAR dropped a frame larger than 65536 bytes"]));
    // 24 s by the clock
    expect(lines.length).toBeGreaterThan(15);
    expect(lines.length).toBeLessThan(26);
  }, 30_000);

  test("is ended at its share when its units are kept; its neighbour loses nothing", async () => {
    const frame = new Uint8Array([0, 16, 0x2b, 0xa0, ...new Uint8Array(1_396)]);
    const { error, peak } = await beside(SOUND, HOARDER, (publisher, i) => {
      publisher.send(frame, i * 1_024, true);
    });
    expect(error).toBeInstanceOf(BudgetError);
    expect(error?.message).toBe("the stream has used up its share of the media memory");
    expect(peak).toBeGreaterThan(BLOCKS / 2 - 5);
    expect(peak).toBeLessThanOrEqual(BLOCKS / 2);
  }, 30_000);

  test("is ended at its share when pictures of no time pile up; its neighbour loses nothing", async () => {
    const { error } = await beside(VIDEO, HOARDER, (publisher) => {
      publisher.send(new Uint8Array(1_400).fill(0x41), 0, true);
    });
    expect(error).toBeInstanceOf(BudgetError);
  }, 30_000);

  test("moves its slow readers on before its share is used up", async () => {
    const clock = new FakeClock();
    const flushes = new FlushQueue({ clock, memory, fault: rethrow });
    const bad = new Publisher(flushes, clock, VIDEO);
    const sink = new FakeSink();
    const outbox = new Outbox(memory, sink);
    const faults: Error[] = [];
    const output = InterleavedOutput.of(bad.stream);
    const cursor = output.add(outbox, CHANNELS, (error) => faults.push(error));
    bad.stream.flush(clock.now());
    sink.room = 0;
    for (let i = 0; i < FLOOD / 1_400; i++) {
      bad.send(new Uint8Array(1_400).fill(0x41), i * 30, i % 20 === 19);
      if (i % 20 === 19) bad.stream.flush(clock.now());
      if (i % 1_000 === 0) await clock.advance(1);
    }
    expect(faults).toEqual([]);
    expect(cursor.lostPackets).toBeGreaterThan(10_000);
    output.remove(cursor);
    outbox.close();
    bad.close();
    flushes.close();
  }, 30_000);
});
