import { MediaMemory, type SharedCore } from "../../wasm/core.ts";
import { LogCursor } from "../../wasm/cursor.ts";

/** A thread that reads a log while another one writes it, and checks every byte. */
declare const self: Worker;

/** What it is told first. */
export interface WorkerStart {
  readonly kind: "start";
  readonly shared: SharedCore;
  readonly log: number;
  /** Number from `logJoin`. */
  readonly worker: number;
  readonly tracks: number;
  /** It stops after the packet with this count. */
  readonly last: number;
}

/** Then: from now on it may pass what it has read. */
export interface WorkerPass {
  readonly kind: "pass";
}

/** What it answers; `failed` ends it. */
export type WorkerAnswer =
  | { readonly kind: "ready" }
  | { readonly kind: "passing"; readonly seq: number }
  | { readonly kind: "done"; readonly plain: number; readonly copied: number; readonly waits: number }
  | { readonly kind: "failed"; readonly reason: string };

/** Room for a copy, bytes. */
const ROOM = 72 * 1024;

/** Byte `i` of the payload of packet number `count`. */
export function payloadByte(count: number, i: number): number {
  return (count * 31 + i * 7 + (i >> 8)) & 255;
}

let passing = false;

self.onmessage = ({ data }: MessageEvent<WorkerStart | WorkerPass>) => {
  if (data.kind === "pass") {
    passing = true;
    return;
  }
  read(data).then(answer, (error: unknown) => answer({ kind: "failed", reason: String(error) }));
};

function answer(message: WorkerAnswer): void {
  self.postMessage(message);
}

async function read({ shared, log, worker, tracks, last }: WorkerStart): Promise<WorkerAnswer> {
  const memory = MediaMemory.attach(shared);
  const channels = Array.from({ length: tracks }, (_, i) => 2 * i);
  const plain = LogCursor.open(memory, { log, tracks, channels }) as LogCursor;
  const copied = LogCursor.open(memory, { log, tracks, channels: channels.map((i) => i + 101) }) as LogCursor;
  const room = memory.take(ROOM) as number;
  const head = (log + memory.core.LOG_HEAD.value) >> 2;
  const checks = [new Check(0), new Check(101)] as const;
  let waits = 0;
  let told = false;
  answer({ kind: "ready" });
  while (Math.min(checks[0].count, checks[1].count) < last) {
    const before = Atomics.load(memory.i32, head);
    readPlain(memory, plain, checks[0]);
    for (let size = copied.fill(room, ROOM); size > 0; size = copied.fill(room, ROOM)) {
      checks[1].take(memory.u8.subarray(room, room + size));
    }
    if (passing) {
      const behind = (plain.seq - copied.seq) | 0;
      memory.core.logPass(log, worker, behind < 0 ? plain.seq : copied.seq);
      if (!told) answer({ kind: "passing", seq: plain.seq });
      told = true;
    }
    waits += 1;
    await wait(memory.i32, head, before, waits);
  }
  memory.give(room);
  plain.close();
  copied.close();
  return { kind: "done", plain: checks[0].count, copied: checks[1].count, waits };
}

/** Takes what there is; now and then a part of it, and the rest of the packet that was cut. */
function readPlain(memory: MediaMemory, cursor: LogCursor, check: Check): void {
  for (let span = cursor.span(); span > 0; span = cursor.span()) {
    memory.renew(); // the owner may have made it larger for what was just found
    const size = span > 3000 && check.count % 3 === 0 ? span - 1000 : span;
    check.take(memory.u8.subarray(cursor.position, cursor.position + size));
    const rest = cursor.move(size);
    if (rest > 0) check.take(memory.u8.subarray(cursor.rest, cursor.rest + rest));
  }
}

/** Waits until the head has moved, in one way or the other. */
async function wait(words: Int32Array, at: number, before: number, turn: number): Promise<void> {
  if (turn % 2 === 0) {
    Atomics.wait(words, at, before, 5);
    await Promise.resolve();
    return;
  }
  const { async, value } = Atomics.waitAsync(words, at, before, 5);
  if (async) await value;
}

/** Follows the packets of a reader: none missing, none twice, every byte as it was sent. */
class Check {
  readonly #channel: number;
  #left = new Uint8Array(0);
  count = 0;

  constructor(channel: number) {
    this.#channel = channel;
  }

  take(bytes: Uint8Array): void {
    const all = new Uint8Array(this.#left.length + bytes.length);
    all.set(this.#left);
    all.set(bytes, this.#left.length);
    let at = 0;
    while (at + 4 <= all.length) {
      const end = at + 4 + (((all[at + 2] as number) << 8) | (all[at + 3] as number));
      if (end > all.length) break;
      this.#packet(all.subarray(at, end));
      at = end;
    }
    this.#left = all.slice(at);
  }

  #packet(packet: Uint8Array): void {
    const count = new DataView(packet.buffer, packet.byteOffset, packet.length).getUint32(8);
    if (count !== this.count) throw new Error(`packet ${count} where ${this.count} was due`);
    if (packet[0] !== 0x24 || packet[1] !== this.#channel + 2 * (count % 2))
      throw new Error(`packet ${count} has channel ${packet[1]}`);
    for (let i = 16; i < packet.length; i++) {
      if (packet[i] !== payloadByte(count, i)) throw new Error(`byte ${i} of packet ${count} is wrong`);
    }
    this.count += 1;
  }
}
