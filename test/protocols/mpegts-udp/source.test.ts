import { afterEach, describe, expect, test } from "bun:test";
import type { openUdp, UdpOptions, UdpSocket } from "../../../src/host/udp.ts";
import type { RunningSource, SourceOwner } from "../../../src/path/source.ts";
import { startUdpSource } from "../../../src/protocols/mpegts-udp/source.ts";
import { testLog } from "../../lib/test-log.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { StreamMaker } from "../../support/memory-stream.ts";
import { loadBuild } from "../../wasm/builds.ts";
import { checkReturned } from "../../wasm/compare.ts";
import { frame, picture } from "../../wasm/ts-samples.ts";
import { type MapRow, PacketTwin } from "../../wasm/twin/ts-packets.ts";

const memory = loadBuild("debug", 64);
afterEach(() => checkReturned(memory));

const READ_TIMEOUT = 10_000;
const HOUR_MS = 3_600_000;
const VIDEO: MapRow = { pid: 0x101, streamType: 0x1b };
const MP2: MapRow = { pid: 0x102, streamType: 0x03 };
const TICKS = 3_600;

/** A source with a socket that the test holds. */
class Scene implements Disposable {
  readonly clock = new FakeClock();
  readonly log = testLog("debug");
  readonly maker = new StreamMaker(this.clock, memory);
  readonly failures: string[] = [];
  readonly opened: { readonly address: string; readonly options: UdpOptions }[] = [];
  readonly source: RunningSource;
  /** Decides how the opening of the socket ends. */
  readonly opening = Promise.withResolvers<void>();
  socketsOpen = 0;
  ready = 0;

  constructor(url = "udp://127.0.0.1:1234") {
    const owner = {
      name: "cam",
      conf: { source: url },
      logger: this.log.logger,
      ready: (...parts: Parameters<StreamMaker["ready"]>) => {
        this.ready += 1;
        return this.maker.ready(...parts);
      },
      failed: (error: Error) => {
        this.failures.push(error.message);
        this.source.close();
      },
    } as unknown as SourceOwner;
    const open = (async (address: string, options: UdpOptions) => {
      this.opened.push({ address, options });
      await this.opening.promise;
      this.socketsOpen += 1;
      return { address, joinGroup: () => {}, close: () => this.socketsOpen-- } as unknown as UdpSocket;
    }) as typeof openUdp;
    this.source = startUdpSource(owner, { clock: this.clock, memory, readTimeout: READ_TIMEOUT, open });
  }

  /** The socket is there. */
  async listen(): Promise<void> {
    this.opening.resolve();
    await this.clock.advance(0);
  }

  /** A datagram comes. */
  receive(data: Uint8Array): void {
    this.opened[0]?.options.receive(data, 5_000, "127.0.0.1");
  }

  /** Packets come, seven in a datagram, in one turn. */
  receiveAll(packets: readonly Uint8Array[]): void {
    for (let i = 0; i < packets.length; i += 7) this.receive(Buffer.concat(packets.slice(i, i + 7)));
  }

  [Symbol.dispose](): void {
    this.source.close();
    this.maker[Symbol.dispose]();
  }
}

/** A sender of pictures and sound. */
class Sender {
  readonly #twin = new PacketTwin();
  #picture = 0;

  /** The packets of the next pictures, tables in front. */
  next(count: number, rows: readonly MapRow[] = [VIDEO, MP2], version = 0): Uint8Array[] {
    this.#twin.association({ 1: 0x100 });
    this.#twin.map(0x100, 1, rows, { version });
    for (let i = 0; i < count; i++, this.#picture++) {
      const dts = this.#picture * TICKS;
      const { stream } = picture(this.#picture, { isKey: this.#picture % 10 === 0 });
      this.#twin.pes(VIDEO.pid, 0xe0, stream, { pts: dts + TICKS, dts, isOpen: true });
      if (rows.includes(MP2)) this.#twin.pes(MP2.pid, 0xc0, frame(this.#picture), { pts: dts });
    }
    return this.#twin.take();
  }
}

describe("a UDP source", () => {
  test("makes a stream of the datagrams, published once in each turn", async () => {
    using scene = new Scene();
    const sender = new Sender();
    await scene.listen();
    scene.receiveAll(sender.next(5));
    expect(scene.ready).toBe(0);
    await scene.clock.advance(0);
    expect(scene.ready).toBe(1);
    const { stream } = scene.maker;
    expect(stream?.description.tracks.map(({ formats }) => formats[0]!.codec)).toEqual([
      "h264",
      "mpeg12Audio",
    ]);
    const before = stream!.bytesReceived;
    scene.receiveAll(sender.next(20));
    expect(stream!.bytesReceived).toBe(before);
    await scene.clock.advance(0);
    expect(stream!.bytesReceived - before).toBeGreaterThan(20 * 450);
    expect([scene.failures, scene.log.lines]).toEqual([[], ["DEB listening on 127.0.0.1:1234"]]);
  });

  test("ends when nothing comes for long, whatever the wall clock says", async () => {
    using scene = new Scene();
    const sender = new Sender();
    await scene.listen();
    for (const step of [0, HOUR_MS, -2 * HOUR_MS]) {
      scene.receiveAll(sender.next(5));
      scene.clock.step(step);
      await scene.clock.advance(READ_TIMEOUT - 500);
      expect(scene.failures).toEqual([]);
    }
    await scene.clock.advance(1_000);
    expect(scene.failures).toEqual(["read udp 127.0.0.1:1234: i/o timeout"]);
    expect(scene.socketsOpen).toBe(0);
    await scene.clock.advance(HOUR_MS);
    expect(scene.failures).toHaveLength(1);
  });

  test("ends when nothing has ever come, and when no track of what comes is known", async () => {
    using silent = new Scene();
    await silent.listen();
    await silent.clock.advance(READ_TIMEOUT + 500);
    expect(silent.failures).toEqual(["read udp 127.0.0.1:1234: i/o timeout"]);
    using unknown = new Scene();
    await unknown.listen();
    const sender = new Sender();
    for (let i = 0; i < 11; i++) {
      unknown.receiveAll(sender.next(0, [{ pid: 0x103, streamType: 0x90 }]));
      await unknown.clock.advance(1_000);
    }
    expect(unknown.failures).toEqual(["no supported tracks found"]);
  });

  test("ends when the tracks change", async () => {
    using scene = new Scene();
    const sender = new Sender();
    await scene.listen();
    scene.receiveAll(sender.next(5));
    await scene.clock.advance(40);
    scene.receiveAll(sender.next(5, [VIDEO], 1));
    await scene.clock.advance(40);
    expect([scene.failures, scene.socketsOpen]).toEqual([["the tracks have changed"], 0]);
    scene.receiveAll(sender.next(5));
    await scene.clock.advance(1_000);
    expect(scene.failures).toHaveLength(1);
  });

  test("says at most once a second what is wrong with what comes", async () => {
    using scene = new Scene();
    const sender = new Sender();
    await scene.listen();
    for (let i = 0; i < 20; i++) {
      scene.receive(new Uint8Array(100 + i));
      scene.receive(new Uint8Array(0));
      const packets = sender.next(3);
      packets.splice(4, 1);
      scene.receiveAll(packets);
      await scene.clock.advance(100);
    }
    const warnings = scene.log.lines.filter((line) => line.startsWith("WAR"));
    const ofSize = warnings.filter((line) =>
      /^WAR received packet with size \d+ not multiple of 188/.test(line),
    );
    const ofLoss = warnings.filter((line) => /^WAR continuity counter error/.test(line));
    expect(ofSize.length + ofLoss.length).toBe(warnings.length);
    for (const { length } of [ofSize, ofLoss]) {
      expect(length).toBeGreaterThanOrEqual(1);
      expect(length).toBeLessThanOrEqual(3);
    }
    expect([scene.ready, scene.failures]).toEqual([1, []]);
  });

  test("shares the port of a group, and no other", async () => {
    using group = new Scene("udp://239.1.2.3:1234");
    using one = new Scene("udp://127.0.0.1:1234");
    expect([group, one].map(({ opened }) => opened[0]!.options.reuse)).toEqual([true, false]);
    expect(group.opened[0]!.address).toBe("239.1.2.3:1234");
  });

  test("that cannot open its socket fails; one that is closed meanwhile closes it", async () => {
    using refused = new Scene();
    refused.opening.reject(new Error("listen udp 127.0.0.1:1234: address already in use"));
    await refused.clock.advance(0);
    expect(refused.failures).toEqual(["listen udp 127.0.0.1:1234: address already in use"]);
    using closed = new Scene();
    closed.source.close();
    await closed.listen();
    expect([closed.socketsOpen, closed.failures]).toEqual([0, []]);
    closed.receive(new Uint8Array(188));
    await closed.clock.advance(HOUR_MS);
    expect(closed.failures).toEqual([]);
  });

  test("does not begin without memory, and keeps nothing then", () => {
    const taken: number[] = [];
    for (let at = memory.take(100_000); at !== undefined; at = memory.take(100_000)) taken.push(at);
    for (let at = memory.take(1_000); at !== undefined; at = memory.take(1_000)) taken.push(at);
    expect(() => new Scene()).toThrow("the media memory is used up");
    for (const at of taken) memory.give(at);
  });
});
