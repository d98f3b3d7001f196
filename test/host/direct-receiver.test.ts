import { afterAll, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { systemClock } from "../../src/host/clock.ts";
import { DirectReceiver } from "../../src/host/direct-receiver.ts";
import { openReceiveCalls } from "../../src/host/receive-libc.ts";
import { listenTcp, type TcpListener } from "../../src/host/tcp.ts";
import type { DirectTarget, TcpConn, TcpSocket } from "../../src/host/tcp-connection.ts";
import { openUdp } from "../../src/host/udp.ts";
import { testLog } from "../lib/test-log.ts";

const calls = openReceiveCalls();
const ALWAYS = { busy: 0, quiet: 0, active: 0, lookMs: 1 };
const NEVER = { ...ALWAYS, busy: 1e9, quiet: 1e9 };
const listeners: TcpListener[] = [];

afterAll(async () => {
  for (const listener of listeners) await listener.close();
});

/** Receives everything into a small memory, or as chunks where `room` is 0, and keeps it. */
class Owner implements TcpConn, DirectTarget {
  /** Of its own buffer: the bytes of a small array move when it is first cut. */
  readonly memory = new Uint8Array(new ArrayBuffer(64));
  readonly socket: TcpSocket;
  room = 16;
  inPlace = 0;
  text = "";
  readonly ended = Promise.withResolvers<string>();
  onText: (text: string) => void = () => {};

  constructor(socket: TcpSocket) {
    this.socket = socket;
    socket.receiveInto(this);
  }

  reserve(): number {
    return this.room === 0 ? 0 : 8;
  }

  received(size: number): void {
    this.inPlace += size;
    this.#add(this.memory.subarray(8, 8 + size));
  }

  data(chunk: Uint8Array): void {
    this.#add(chunk);
  }

  #add(bytes: Uint8Array): void {
    this.text += Buffer.from(bytes).toString();
    this.onText(this.text);
  }

  /** Resolves when the text is so long. */
  size(size: number): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (this.text.length >= size) resolve();
      };
      this.onText = look;
      look();
    });
  }

  drain(): void {}

  failed(error: Error): void {
    this.ended.resolve(`failed: ${error.message}`);
    this.socket.terminate();
  }

  closed(error: Error | undefined): void {
    this.ended.resolve(`closed: ${error?.message}`);
  }
}

async function pair(receiver: DirectReceiver, prepare: (owner: Owner) => void = () => {}) {
  const opened = Promise.withResolvers<Owner>();
  const accept = (socket: TcpSocket) => {
    const owner = new Owner(socket);
    prepare(owner);
    opened.resolve(owner);
    return owner;
  };
  const listener = listenTcp("127.0.0.1:0", accept, { ...testLog(), receiver });
  listeners.push(listener);
  const client: Socket = connect({ port: listener.port, host: "127.0.0.1" });
  client.on("error", () => {});
  return { owner: await opened.promise, client };
}

/** Waits until the receiver reads so many sockets. */
async function until(receiver: DirectReceiver, count: number): Promise<void> {
  while (receiver.direct !== count) await new Promise((resolve) => setImmediate(resolve));
}

const TEXT = Array.from({ length: 500 }, (_, i) => `${i},`).join("");

const direct = test.skipIf(calls === undefined);

direct("bytes are received in place, in order, and the peer's end is seen", async () => {
  const receiver = new DirectReceiver(systemClock, calls as never, ALWAYS);
  const { owner, client } = await pair(receiver);
  await until(receiver, 1);
  client.write(TEXT);
  await owner.size(TEXT.length);
  owner.room = 0;
  client.end(TEXT);
  expect(await owner.ended.promise).toBe("closed: undefined");
  expect(owner.text).toBe(TEXT + TEXT);
  expect(owner.inPlace).toBe(TEXT.length);
  expect(receiver.direct).toBe(0);
});

direct("sockets go back to the runtime when little arrives", async () => {
  const rates = { ...ALWAYS };
  const receiver = new DirectReceiver(systemClock, calls as never, rates);
  const { owner, client } = await pair(receiver);
  await until(receiver, 1);
  Object.assign(rates, NEVER);
  await until(receiver, 0);
  client.write(TEXT);
  await owner.size(TEXT.length);
  expect(owner.inPlace).toBe(0);
  Object.assign(rates, ALWAYS);
  await until(receiver, 1);
  client.end(TEXT);
  expect(await owner.ended.promise).toBe("closed: undefined");
  expect(owner.text).toBe(TEXT + TEXT);
  expect(owner.inPlace).toBe(TEXT.length);
});

direct("a socket that is paused is not read, and goes on when it is resumed", async () => {
  const receiver = new DirectReceiver(systemClock, calls as never, ALWAYS);
  const { owner, client } = await pair(receiver);
  await until(receiver, 1);
  owner.onText = (text) => {
    if (text.length === 16) owner.socket.pause();
  };
  client.write(TEXT);
  await until(receiver, 0);
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(owner.text.length).toBe(16);
  owner.socket.resume();
  await owner.size(TEXT.length);
  expect(owner.text).toBe(TEXT);
  client.end();
  expect(await owner.ended.promise).toBe("closed: undefined");
});

direct("a reset is told as the runtime tells it", async () => {
  const texts = await Promise.all(
    [ALWAYS, NEVER].map(async (rates) => {
      const receiver = new DirectReceiver(systemClock, calls as never, rates);
      const { owner, client } = await pair(receiver);
      if (rates === ALWAYS) await until(receiver, 1);
      client.write("a");
      await owner.size(1);
      client.resetAndDestroy();
      return (await owner.ended.promise).replace(/\d+\.\d+\.\d+\.\d+:\d+/g, "address");
    }),
  );
  expect(texts[0]).toBe("closed: read tcp address->address: read: connection reset by peer");
  expect(texts[1]).toBe(texts[0]);
});

direct("an owner that throws or ends the connection ends it alone", async () => {
  const receiver = new DirectReceiver(systemClock, calls as never, ALWAYS);
  const { owner: bad, client } = await pair(receiver);
  const { owner: ending, client: other } = await pair(receiver);
  const { owner: good, client: third } = await pair(receiver);
  await until(receiver, 3);
  bad.onText = () => {
    throw Object.assign(new Error("no"), { code: "EACCES" });
  };
  ending.onText = () => ending.socket.end();
  for (const each of [client, other, third]) each.write("text");
  expect(await bad.ended.promise).toBe("failed: no");
  other.end();
  expect(await ending.ended.promise).toBe("closed: undefined");
  await good.size(4);
  expect(good.text).toBe("text");
  expect(receiver.direct).toBe(1);
  third.end();
  await good.ended.promise;
  expect(receiver.direct).toBe(0);
});

direct("an owner that throws when asked for a place gets nothing more", async () => {
  const receiver = new DirectReceiver(systemClock, calls as never, ALWAYS);
  const { owner, client } = await pair(receiver);
  await until(receiver, 1);
  owner.reserve = () => {
    throw Object.assign(new Error("no"), { code: "EACCES" });
  };
  const failed = new Promise<string>((resolve) => {
    owner.failed = (error) => {
      owner.socket.end();
      resolve(error.message);
    };
  });
  client.write(TEXT);
  expect(await failed).toBe("no");
  client.end();
  expect(await owner.ended.promise).toBe("closed: no");
  expect(owner.text).toBe("");
  expect(receiver.direct).toBe(0);
});

direct("many sockets that close and open at once share nothing", async () => {
  const receiver = new DirectReceiver(systemClock, calls as never, ALWAYS);
  await Promise.all(
    Array.from({ length: 400 }, async (_, i) => {
      const { owner, client } = await pair(receiver);
      const text = `${i};`.repeat(200);
      client.write(text);
      await owner.size(i % 3 === 0 ? 1 : text.length);
      if (i % 3 === 0) owner.socket.terminate();
      else client.end();
      await owner.ended.promise;
      if (i % 3 !== 0) expect(owner.text).toBe(text);
    }),
  );
  expect(receiver.direct).toBe(0);
});

/** A socket that keeps what comes, and one that sends to it. */
async function datagrams(receiver: DirectReceiver, address: string) {
  const got: string[] = [];
  const waiting: { count: number; resolve: () => void }[] = [];
  const socket = await openUdp(`${address}:0`, {
    ...testLog(),
    receiver,
    receiveBuffer: 4 * 1024 * 1024,
    receive: (data, port, from) => {
      got.push(`${Buffer.from(data.subarray(0, 9))} of ${data.length} from ${from}:${port}`);
      for (const { count, resolve } of waiting) if (got.length >= count) resolve();
    },
  });
  const arrived = (count: number) =>
    new Promise<void>((resolve) => {
      waiting.push({ count, resolve });
      if (got.length >= count) resolve();
    });
  return { socket, got, arrived };
}

direct.each(["127.0.0.1", "[::1]", "[::]"])(
  "datagrams to %s are the same as those of the runtime",
  async (to) => {
    const rates = { ...NEVER };
    const receiver = new DirectReceiver(systemClock, calls as never, rates);
    const { socket, got, arrived } = await datagrams(receiver, to);
    const answers = Promise.withResolvers<string>();
    const host = to === "[::1]" ? "::1" : "127.0.0.1";
    const peer = await openUdp(`${to === "[::1]" ? to : host}:0`, {
      ...testLog(),
      receiver: undefined,
      receive: (data) => answers.resolve(Buffer.from(data).toString()),
    });
    const sizes = [1, 9, 1_400, 1_472, 9_000, 65_000, 20, 0];
    const sendAll = () => {
      for (const size of sizes) peer.send(Buffer.alloc(size, "datagram "), socket.port, host);
      for (let i = 0; i < 200; i++) peer.send(Buffer.from(`number ${i}`), socket.port, host);
    };
    const count = sizes.length + 200;
    sendAll();
    await arrived(count);
    const usual = got.splice(0);
    Object.assign(rates, ALWAYS);
    await until(receiver, 1);
    sendAll();
    await arrived(count);
    expect(got).toEqual(usual);
    socket.send(Buffer.from("answer"), peer.port, socket.peer(host));
    expect(await answers.promise).toBe("answer");
    got.length = 0;
    Object.assign(rates, NEVER);
    await until(receiver, 0);
    sendAll();
    await arrived(count);
    expect(got).toEqual(usual);
    socket.close();
    peer.close();
  },
);

direct("a socket that is closed at any moment leaves no descriptor", async () => {
  const count = () => readdirSync("/proc/self/fd").length;
  const rates = { ...ALWAYS };
  const receiver = new DirectReceiver(systemClock, calls as never, rates);
  const before = count();
  for (let i = 0; i < 20; i++) {
    Object.assign(rates, ALWAYS);
    const { socket } = await datagrams(receiver, "127.0.0.1");
    if (i % 3 > 0) await until(receiver, 1);
    Object.assign(rates, NEVER);
    if (i % 3 === 1) await until(receiver, 0);
    socket.close();
  }
  expect(receiver.direct).toBe(0);
  while (count() > before) await new Promise((resolve) => setImmediate(resolve));
  expect(count()).toBeLessThanOrEqual(before);
});
