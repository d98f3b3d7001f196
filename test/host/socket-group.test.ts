import { afterAll, expect, test } from "bun:test";
import { SocketGroup } from "../../src/host/socket-group.ts";
import { listenTcp } from "../../src/host/tcp.ts";
import type { TcpSocket } from "../../src/host/tcp-connection.ts";
import { PlainSinkGroup, type SinkGroup } from "../../src/stream/sink-group.ts";
import { testLog } from "../lib/test-log.ts";

const LENGTH = 64 * 1024;
const BYTES = new Uint8Array(LENGTH).map((_, i) => (i * 31) & 0xff);
const closing: (() => void)[] = [];

afterAll(() => {
  for (const close of closing) close();
});

interface Pair {
  readonly socket: TcpSocket;
  readonly peer: { received: number; wrong: number };
  readonly pause: () => void;
  readonly resume: () => void;
  readonly drained: Promise<void>;
}

/** A server socket and its client, which checks every byte. */
async function connect(): Promise<Pair> {
  const drained = Promise.withResolvers<void>();
  const accepted = Promise.withResolvers<TcpSocket>();
  const accept = (socket: TcpSocket) => {
    accepted.resolve(socket);
    return { data() {}, drain: () => drained.resolve(), failed() {}, closed() {} };
  };
  const listener = listenTcp("127.0.0.1:0", accept, testLog());
  const peer = { received: 0, wrong: 0 };
  const client = await Bun.connect({
    hostname: "127.0.0.1",
    port: listener.port,
    socket: {
      data(_, chunk) {
        for (const byte of chunk) if (byte !== BYTES[peer.received++ % LENGTH]) peer.wrong++;
      },
    },
  });
  closing.push(() => {
    client.terminate();
    void listener.close();
  });
  const socket = await accepted.promise;
  return {
    socket,
    peer,
    drained: drained.promise,
    pause: () => client.pause(),
    resume: () => client.resume(),
  };
}

const GROUPS: readonly (readonly [string, () => SinkGroup])[] = [
  ["by libc where it is there", () => new SocketGroup()],
  ["by the runtime", () => new PlainSinkGroup()],
];

for (const [name, create] of GROUPS) {
  test(`a group writes the same to all, and a full socket says when it has room again (${name})`, async () => {
    const pairs = await Promise.all([connect(), connect(), connect()]);
    const [, full] = pairs;
    full?.pause();
    const group = create();
    for (const { socket } of pairs) group.push(socket);
    const taken = [0, 0, 0];
    let short = -1;
    for (let round = 0; round < 2000 && short < 0; round++) {
      group.write(BYTES, 0, LENGTH, (i, n) => {
        short = i;
        taken[i] = (taken[i] ?? 0) + n - LENGTH;
      });
      for (const i of taken.keys()) taken[i] = (taken[i] ?? 0) + LENGTH;
      await Bun.sleep(0); // lets the others read
    }
    expect(short).toBe(1);
    full?.resume();
    await full?.drained;
    for (const [i, { peer }] of pairs.entries()) {
      while (peer.received < (taken[i] ?? 0)) await Bun.sleep(1);
      expect(peer).toEqual({ received: taken[i] as number, wrong: 0 });
    }
  }, 20_000);

  test(`a closed socket is named, a removed one gets nothing (${name})`, async () => {
    const [first, second, third] = await Promise.all([connect(), connect(), connect()]);
    const group = create();
    for (const pair of [first, second, third]) group.push(pair.socket);
    group.remove(0); // the last one takes its place
    second.socket.terminate();
    const named: [number, number][] = [];
    group.write(BYTES, 0, 100, (i, n) => named.push([i, n]));
    expect(named).toEqual([[1, -1]]);
    while (third.peer.received < 100) await Bun.sleep(1);
    expect(first.peer.received).toBe(0);
  }, 20_000);
}
