import { describe, expect, test } from "bun:test";
import { KIND_PACKET, KIND_VP8 } from "../../assembly/abi.ts";
import type { MediaMemory } from "../../wasm/core.ts";
import { RtpLog } from "../../wasm/log.ts";
import { BUILDS, loadBuild } from "./builds.ts";
import { checkReturned } from "./compare.ts";
import { trackSetups } from "./generate.ts";
import { payloadByte, type WorkerAnswer, type WorkerPass, type WorkerStart } from "./log-worker.ts";
import { concat, writeFrame, writeRtp } from "./twin/packet.ts";

/** Packets written before the worker passes anything, and in all. */
const HELD = 18_000;
const ALL = 27_000;

for (const build of BUILDS) {
  describe(`a worker on a live log, ${build}`, () => {
    test("sees every byte; what it has not passed is kept, then given back", async () => {
      const memory = loadBuild(build, 256);
      const setups = trackSetups([KIND_VP8, KIND_PACKET]);
      const log = RtpLog.open(memory, { tracks: setups, lagPackets: 8, maxPacket: 1_460 }) as RtpLog;
      log.mapChannel(0, 0, false);
      log.mapChannel(2, 1, false);
      const worker = memory.core.logJoin(log.address);
      using thread = new Thread();
      thread.send({ kind: "start", shared: memory.shared, log: log.address, worker, tracks: 2, last: ALL });
      expect(await thread.answer()).toEqual({ kind: "ready" });

      let count = writePackets(memory, log, 0, HELD);
      const blocks = log.blocks;
      expect(blocks).toBeGreaterThan(64); // more than the memory had room for when the worker came
      log.trim(log.headSeq);
      expect(log.blocks).toBe(blocks);

      thread.send({ kind: "pass" });
      Atomics.notify(memory.i32, headOf(memory, log));
      expect(await thread.answer()).toMatchObject({ kind: "passing" });
      while (count < ALL) {
        if (memory.hasRoom) count = writePackets(memory, log, count, Math.min(ALL, count + 40));
        else await new Promise((resolve) => setImmediate(resolve));
        log.trim(log.headSeq);
      }
      expect(await thread.answer()).toMatchObject({ kind: "done", plain: ALL, copied: ALL });
      log.trim(log.headSeq);
      // a cursor at the very end of a block stands in it still
      expect(log.blocks).toBeLessThanOrEqual(2);
      memory.core.logLeave(log.address, worker);
      log.close();
      checkReturned(memory);
    }, 60_000);
  });
}

describe("workers of a log", () => {
  test("are four at most, and hold back only while they are there", () => {
    const memory = loadBuild("release", 64);
    const setups = trackSetups([KIND_VP8, KIND_PACKET]);
    const log = RtpLog.open(memory, { tracks: setups, lagPackets: 8, maxPacket: 1_460 }) as RtpLog;
    log.mapChannel(0, 0, false);
    log.mapChannel(2, 1, false);
    const { core } = memory;
    const workers = Array.from({ length: 5 }, () => core.logJoin(log.address));
    expect(workers).toEqual([0, 1, 2, 3, -1]);
    writePackets(memory, log, 0, 1_000);
    const blocks = log.blocks;
    for (const worker of [0, 1, 3]) core.logPass(log.address, worker, log.headSeq);
    log.trim(log.headSeq);
    expect(log.blocks).toBe(blocks);
    core.logLeave(log.address, 2);
    log.trim(log.headSeq);
    expect(log.blocks).toBe(1);
    expect(core.logJoin(log.address)).toBe(2);
    expect(() => core.logPass(log.address, 4, 0)).toThrow(WebAssembly.RuntimeError);
    log.close();
    checkReturned(memory);
  });
});

/** Writes packets `from` to `to` - 1, and wakes who waits; returns `to`. */
function writePackets(memory: MediaMemory, log: RtpLog, from: number, to: number): number {
  for (let at = from; at < to; at += 20) {
    const frames: Uint8Array[] = [];
    for (let count = at; count < Math.min(at + 20, to); count++) frames.push(packetOf(count));
    const bytes = concat(frames);
    if (log.receive(bytes, 0, at) !== bytes.length) throw new Error("the log is full");
    Atomics.notify(memory.i32, headOf(memory, log));
  }
  return to;
}

function headOf(memory: MediaMemory, log: RtpLog): number {
  return (log.address + memory.core.LOG_HEAD.value) >> 2;
}

/** Packet number `count`, of the two tracks in turn. */
function packetOf(count: number): Uint8Array {
  const track = count % 2;
  const payload = new Uint8Array(20 + ((count * 37) % 1_400));
  for (let i = 0; i < payload.length; i++) payload[i] = payloadByte(count, i + 16);
  const fields = {
    payloadType: 96 + track,
    marker: true,
    seq: (count >> 1) & 0xffff,
    time: count,
    ssrc: track,
  };
  return writeFrame(2 * track, writeRtp(fields, payload));
}

/** A worker thread whose answers can be awaited one by one. */
class Thread implements Disposable {
  readonly #worker = new Worker(new URL("./log-worker.ts", import.meta.url));
  readonly #answers: WorkerAnswer[] = [];
  #wake: () => void = () => {};

  constructor() {
    this.#worker.onmessage = ({ data }: MessageEvent<WorkerAnswer>) => this.#push(data);
    this.#worker.onerror = ({ message }) => this.#push({ kind: "failed", reason: message });
  }

  #push(answer: WorkerAnswer): void {
    this.#answers.push(answer);
    this.#wake();
  }

  send(message: WorkerStart | WorkerPass): void {
    this.#worker.postMessage(message);
  }

  async answer(): Promise<WorkerAnswer> {
    while (this.#answers.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#answers.shift() as WorkerAnswer;
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
  }
}
