import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { plainAddress, shownAddress } from "../../src/host/socket-address.ts";
import { listenTcp } from "../../src/host/tcp.ts";
import type { TcpConn, TcpSocket } from "../../src/host/tcp-connection.ts";
import { ProtocolError } from "../../src/lib/errors.ts";
import { testLog } from "../lib/test-log.ts";
import { takeFaults } from "../support/faults.ts";

/** An owner that does nothing. */
const SILENT: TcpConn = { data() {}, drain() {}, failed() {}, closed() {} };

/** A listener whose connections write down what happens to them. */
function recorder(react: (socket: TcpSocket, text: string) => void = () => {}) {
  const events: string[] = [];
  const { lines, logger } = testLog();
  const waiting: { text: string; resolve: () => void }[] = [];
  const sockets: TcpSocket[] = [];
  const add = (event: string) => {
    events.push(event);
    for (const { text, resolve } of waiting) if (events.includes(text)) resolve();
  };
  const listener = listenTcp(
    "127.0.0.1:0",
    (socket) => {
      sockets.push(socket);
      return {
        data: (chunk) => {
          const text = Buffer.from(chunk).toString();
          add(`data ${text}`);
          react(socket, text);
          add(`returned ${text}`);
        },
        drain: () => add("drain"),
        failed: (error) => {
          add(`failed ${error.message}`);
          socket.end();
        },
        closed: (error) => add(`closed ${error?.message}`),
      } satisfies TcpConn;
    },
    { logger },
  );
  const seen = (text: string) =>
    new Promise<void>((resolve) => {
      if (events.includes(text)) resolve();
      else waiting.push({ text, resolve });
    });
  return { events, lines, listener, seen, sockets };
}

async function dial(port: number, host = "127.0.0.1", allowHalfOpen = false) {
  const client = connect({ port, host, allowHalfOpen });
  await new Promise<void>((resolve, reject) => client.once("connect", resolve).once("error", reject));
  client.removeAllListeners("error");
  const errors: string[] = [];
  client.on("error", (error) => errors.push(error.message));
  return { client, errors };
}

function text(client: Socket): Promise<string> {
  let all = "";
  client.on("data", (chunk) => {
    all += chunk;
  });
  return new Promise((resolve) => client.once("end", () => resolve(all)));
}

test("a connection tells both its ends, IPv4 as IPv4 on a dual listener too", async () => {
  const sockets: TcpSocket[] = [];
  const opened = Promise.withResolvers<void>();
  const accept = (socket: TcpSocket) => {
    sockets.push(socket);
    opened.resolve();
    return SILENT;
  };
  const listener = listenTcp(":0", accept, testLog());
  expect(listener.address).toBe(`:${listener.port}`);
  const { client } = await dial(listener.port);
  await opened.promise;
  expect(sockets[0]?.remote).toBe(`127.0.0.1:${client.localPort}`);
  expect(sockets[0]?.remoteAddress).toBe("127.0.0.1");
  expect(sockets[0]?.local).toBe(`127.0.0.1:${listener.port}`);
  client.destroy();
  await listener.close();
});

test("the peer's end closes the connection once, without an error", async () => {
  const { listener, events, seen } = recorder((socket) => socket.write(Buffer.from("answer"), 0, 6));
  const { client } = await dial(listener.port, "127.0.0.1", true);
  const answer = text(client);
  client.end("hello");
  await seen("closed undefined");
  expect(await answer).toBe("answer");
  expect(events).toEqual(["data hello", "returned hello", "closed undefined"]);
  client.destroy();
  await listener.close();
});

test("end delivers what was written, also to a peer that is still sending", async () => {
  const { listener, events, seen } = recorder((socket) => {
    socket.write(Buffer.from("refused"), 0, 7);
    socket.end();
    expect(socket.write(Buffer.from("more"), 0, 4)).toBe(-1);
  });
  const { client, errors } = await dial(listener.port);
  const answer = text(client);
  client.write("a");
  client.write(Buffer.alloc(1_000_000));
  expect(await answer).toBe("refused");
  await seen("closed undefined");
  expect(errors).toEqual([]);
  expect(events.filter((event) => event.startsWith("closed"))).toHaveLength(1);
  client.destroy();
  await listener.close();
});

test("terminate resets the peer, and the owner learns it after its own call", async () => {
  const { listener, events, seen } = recorder((socket) => socket.terminate());
  const { client, errors } = await dial(listener.port);
  const gone = new Promise<void>((resolve) => client.once("close", () => resolve()));
  client.write("x");
  await seen("closed undefined");
  await gone;
  expect(events).toEqual(["data x", "returned x", "closed undefined"]);
  expect(errors.join()).toContain("ECONNRESET");
  await listener.close();
});

test("a reset by the peer is named as it usually is", async () => {
  const { listener, events, seen, sockets } = recorder();
  const { client } = await dial(listener.port);
  client.write("x");
  await seen("returned x");
  client.resetAndDestroy();
  const { local, remote } = sockets[0] as TcpSocket;
  const expected = `closed read tcp ${local}->${remote}: read: connection reset by peer`;
  await seen(expected);
  expect(events.filter((event) => event.startsWith("closed"))).toEqual([expected]);
  await listener.close();
});

test.each([
  ["a peer's mistake", new ProtocolError("boom"), 0],
  ["a fault of ours, reported with its stack", new TypeError("boom"), 1],
])("%s ends its connection alone", async (_, error, faults) => {
  const { listener, lines, seen } = recorder((_socket, received) => {
    if (received === "bad") throw error;
  });
  const good = (await dial(listener.port)).client;
  const bad = (await dial(listener.port)).client;
  const { localPort } = bad;
  bad.on("data", () => {}); // it sees the end
  bad.write("bad");
  await seen("failed boom");
  await seen("closed boom");
  expect(takeFaults()).toBe(faults);
  expect(lines.slice(0, 2)).toEqual(
    faults === 0 ? [] : [`ERR internal error: conn 127.0.0.1:${localPort}`, "ERR TypeError: boom"],
  );
  good.write("still here");
  await seen("returned still here");
  good.destroy();
  await listener.close();
});

test("a received chunk is the owner's during the call alone: a large one is empty afterwards", async () => {
  const chunks: Uint8Array[] = [];
  let copied = 0;
  const done = Promise.withResolvers<void>();
  const accept = () => ({
    ...SILENT,
    data: (chunk: Uint8Array) => {
      chunks.push(chunk);
      copied += chunk.slice().filter((byte) => byte === 7).length;
      if (copied === 200_000) done.resolve();
    },
  });
  const listener = listenTcp("127.0.0.1:0", accept, testLog());
  const { client } = await dial(listener.port);
  client.write(Buffer.alloc(200_000, 7));
  await done.promise;
  await Promise.resolve();
  expect(chunks.every(({ length }) => length < 4_096)).toBe(true);
  client.destroy();
  await listener.close();
});

test("an owner that fails while it closes is cut off", async () => {
  const { logger, lines } = testLog();
  const ended = Promise.withResolvers<void>();
  const accept = () => ({
    ...SILENT,
    data: () => {
      throw new ProtocolError("bad bytes");
    },
    failed: () => {
      throw new TypeError("boom");
    },
    closed: () => ended.resolve(),
  });
  const listener = listenTcp("127.0.0.1:0", accept, { logger });
  const { client } = await dial(listener.port);
  client.write("x");
  await ended.promise;
  expect(takeFaults()).toBe(1);
  expect(lines[1]).toBe("ERR TypeError: boom");
  await listener.close();
});

test("a connection that cannot be taken over is cut off", async () => {
  const { logger, lines } = testLog();
  const listener = listenTcp(
    "127.0.0.1:0",
    () => {
      throw new TypeError("boom");
    },
    { logger },
  );
  const { client } = await dial(listener.port);
  await new Promise<void>((resolve) => client.once("close", () => resolve()));
  expect(takeFaults()).toBe(1);
  expect(lines[1]).toBe("ERR TypeError: boom");
  await listener.close();
});

test("a connection that is refused while it is accepted still hears its end", async () => {
  const ended = Promise.withResolvers<void>();
  const accept = (socket: TcpSocket) => {
    socket.terminate();
    return { ...SILENT, closed: () => ended.resolve() };
  };
  const listener = listenTcp("127.0.0.1:0", accept, testLog());
  await dial(listener.port).catch(() => {});
  await ended.promise;
  await listener.close();
});

test("a full socket takes nothing until it drains", async () => {
  const { listener, seen, sockets, events } = recorder();
  const { client } = await dial(listener.port);
  client.pause();
  client.write("go");
  await seen("returned go");
  const bytes = new Uint8Array(1_000_000);
  let last = 1;
  for (let turn = 0; turn < 100 && last > 0; turn++) last = sockets[0]?.write(bytes, 0, bytes.length) ?? -1;
  expect(last).toBe(0);
  client.resume();
  await seen("drain");
  client.destroy();
  await seen("closed undefined").catch(() => events);
  await listener.close();
});

test("an address that is taken is named", async () => {
  const { listener } = recorder();
  const again = `127.0.0.1:${listener.port}`;
  expect(() => listenTcp(again, () => SILENT, testLog())).toThrow(
    `listen tcp ${again}: address already in use`,
  );
  await listener.close();
  const free = listenTcp(again, () => SILENT, testLog());
  expect(free.address).toBe(again);
  await free.close();
});

test("a listener opens again at once beside the connections of the one before", async () => {
  const { listener, sockets, seen } = recorder();
  const { client } = await dial(listener.port);
  client.write("a");
  await seen("returned a");
  await listener.close();
  const again = listenTcp(listener.address, () => SILENT, testLog());
  client.write("b");
  await seen("returned b");
  sockets[0]?.terminate();
  await seen("closed undefined");
  await again.close();
});

test("a thousand connections leave no descriptor behind", async () => {
  const ended = Promise.withResolvers<void>();
  let closed = 0;
  const accept = (socket: TcpSocket) => ({
    ...SILENT,
    data: () => socket.end(),
    closed: () => {
      if (++closed === 1000) ended.resolve();
    },
  });
  const listener = listenTcp("127.0.0.1:0", accept, testLog());
  const before = readdirSync("/proc/self/fd").length;
  for (let batch = 0; batch < 20; batch++) {
    const clients = await Promise.all(Array.from({ length: 50 }, () => dial(listener.port)));
    const gone = clients.map(({ client }) => new Promise((resolve) => client.once("close", resolve)));
    for (const { client } of clients) client.end("x").resume();
    await Promise.all(gone);
  }
  await ended.promise;
  expect(readdirSync("/proc/self/fd").length).toBeLessThanOrEqual(before + 2);
  await listener.close();
}, 20_000);

test("addresses are shown as people write them", () => {
  expect(plainAddress("::ffff:10.0.0.1")).toBe("10.0.0.1");
  expect(plainAddress("::1")).toBe("::1");
  expect(shownAddress(":0", 8554)).toBe(":8554");
  expect(shownAddress("[::1]:0", 8554)).toBe("[::1]:8554");
});

test("when descriptors run out newcomers are refused, and the process is not kept busy", async () => {
  const tcp = new URL("../../src/host/tcp.ts", import.meta.url).pathname;
  const code = `
    import { listenTcp } from ${JSON.stringify(tcp)};
    import { connect } from "node:net";
    let refusals = 0, open = 0;
    const logger = { error() { refusals++; } };
    const accept = () => (open++, { data() {}, drain() {}, failed() {}, closed() { open--; } });
    const listener = listenTcp("127.0.0.1:0", accept, { logger });
    console.log(listener.port);
    await new Promise((resolve) => process.stdin.once("data", resolve));
    const before = process.cpuUsage();
    await Bun.sleep(200);
    const { user, system } = process.cpuUsage(before);
    console.log(open, refusals, user + system);
    process.exit(0);`;
  const child = Bun.spawn(["sh", "-c", `ulimit -n 120; exec ${process.execPath} -e "$CODE"`], {
    env: { ...process.env, CODE: code },
    stdin: "pipe",
  });
  const output = child.stdout.getReader();
  const line = async () =>
    Buffer.from((await output.read()).value ?? [])
      .toString()
      .trim();
  const port = Number(await line());
  const clients = await Promise.all(Array.from({ length: 200 }, () => dial(port).catch(() => undefined)));
  child.stdin.write("now\n");
  child.stdin.flush();
  const [open = 0, refusals = 0, busyUs = 0] = (await line()).split(" ").map(Number);
  expect(open).toBeGreaterThan(20);
  expect(open).toBeLessThan(120 - 48);
  expect(refusals).toBeGreaterThanOrEqual(1);
  expect(refusals).toBeLessThan(5);
  expect(busyUs).toBeLessThan(100_000);
  for (const connected of clients) connected?.client.destroy();
  await child.exited;
}, 20_000);
