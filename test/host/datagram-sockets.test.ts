import { expect, test } from "bun:test";
import { DatagramSockets } from "../../src/host/datagram-sockets.ts";
import { openSocketCalls } from "../../src/host/sockets-libc.ts";
import { openUdp } from "../../src/host/udp.ts";
import { DatagramOutput, DatagramReader } from "../../src/stream/datagram-output.ts";
import { testLog } from "../lib/test-log.ts";
import { Scene } from "../stream/scene.ts";

/** SOL_SOCKET and SO_NO_CHECK of Linux: a socket without checksums cannot send segmented messages. */
const SOL_SOCKET = 1;
const SO_NO_CHECK = 11;
const calls = openSocketCalls();

test.skipIf(calls === undefined)(
  "a destination that takes no segmented messages gets every packet, those of the first flush too",
  async () => {
    const received: number[] = [];
    const arrived = Promise.withResolvers<void>();
    const { logger } = testLog();
    const peer = await openUdp("127.0.0.1:0", {
      logger,
      receive: (data: Uint8Array) => {
        received.push(((data[2] ?? 0) << 8) | (data[3] ?? 0));
        if (received.length === 42) arrived.resolve();
      },
    });
    const [rtp, rtcp] = [
      await openUdp("127.0.0.1:0", { logger, receive: () => {} }),
      await openUdp("127.0.0.1:0", { logger, receive: () => {} }),
    ];
    expect(calls?.setOption(rtp.descriptor ?? -1, SOL_SOCKET, SO_NO_CHECK, 1)).toBe(true);
    const scene = new Scene();
    const sockets = new DatagramSockets(scene.memory, rtp, rtcp);
    const to = { address: "127.0.0.1", port: peer.port };
    const ignored = { address: "127.0.0.1", port: rtcp.port };
    const pairs = [{ rtp: to, rtcp: ignored }, undefined];
    const reader = new DatagramReader(scene.stream.context, pairs, (error) => {
      throw error;
    });
    const output = DatagramOutput.of(scene.stream, sockets);
    output.add(reader);
    // sound between the pictures: each of them is a message of its own
    for (let i = 0; i < 10; i++) {
      scene.picture(4);
      scene.sound(i);
    }
    await scene.clock.advance(20);
    await arrived.promise;
    expect(received).toEqual(received.map((_, i) => ((received[0] ?? 0) + i) & 0xffff));
    expect(sockets.lost).toBe(0);
    output.remove(reader);
    sockets.close();
    scene.close();
    for (const socket of [peer, rtp, rtcp]) socket.close();
  },
);
