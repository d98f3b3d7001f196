import { describe, expect, test } from "bun:test";
import { Arena, SHORT } from "./arena.ts";
import { TestPublisher } from "./publisher.ts";
import { TestReader } from "./reader.ts";
import { UdpPorts } from "./udp-ports.ts";

const LIMIT_MS = 60_000;
/** What the log says of datagrams that a test made wrong on purpose. */
const STRANGE = /wrong SSRC|packets? lost/;

/** With the system's own calls, and with nothing but the runtime. */
for (const [name, env] of [
  ["", {}],
  [" read directly", { MEDIAMTX_DIRECT: "always" }],
  [" without ffi", { MEDIAMTX_NO_FFI: "1" }],
] as const) {
  test.concurrent(
    `publishers and readers by UDP and TCP in every pairing get every byte${name}`,
    async () => {
      await using arena = await Arena.start({ env });
      for (const udp of [true, false]) {
        const path = arena.url(udp ? "datagrams" : "interleaved");
        await using publisher = await TestPublisher.start(path, { seed: udp ? 5 : 6 }, udp);
        await using plain = await TestReader.start(path, publisher.tracks);
        await using first = await TestReader.start(path, publisher.tracks, { udp: true });
        await using audio = await TestReader.start(path, publisher.tracks, { udp: true, tracks: [1] });
        await Promise.all([plain.more(300), first.more(300), audio.more(80)]);
        publisher.fallSilent();
        for (const reader of [plain, first, audio]) {
          await reader.until(
            () =>
              reader.checks.every((check, i) => check === undefined || check.last === publisher.sent[i]! - 1),
            "every packet",
          );
          expect(reader.faults).toEqual([]);
          for (const check of reader.checks) expect(check?.lost ?? 0).toBe(0);
        }
        const transports = await sessions(arena, udp ? "datagrams" : "interleaved");
        expect(transports.sort()).toEqual(udp ? ["TCP", "UDP", "UDP", "UDP"] : ["TCP", "TCP", "UDP", "UDP"]);
      }
      await arena.settle();
    },
    LIMIT_MS,
  );
}

async function sessions(arena: Arena, path: string): Promise<(string | null)[]> {
  type List = { items: { path: string; transport: string | null }[] };
  const { items } = await arena.server.api<List>("/v2/rtspsessions/list");
  return items.filter((item) => item.path === path).map(({ transport }) => transport);
}

describe("a reader by UDP", () => {
  test.concurrent(
    "gets sender reports at its second port, the first ones soon, and what RTP-Info says",
    async () => {
      await using arena = await Arena.start();
      {
        await using publisher = await TestPublisher.start(arena.url("cam"));
        await using early = await TestReader.start(arena.url("cam"), publisher.tracks);
        await early.until(() => early.checks.every((check) => check!.packets > 0), "a packet of each track");
        await using reader = await TestReader.start(arena.url("cam"), publisher.tracks, { udp: true });
        await reader.more(100);
        await reader.until(() => reader.reports.length >= 2, "two sender reports");
        expect(reader.rtpInfo.map(({ seq }) => seq)).toEqual(
          reader.checks.map((check, i) => seqOf(publisher, i, check!.first)),
        );
        for (const { wall, arrival } of reader.reports) expect(Math.abs(wall - arrival)).toBeLessThan(2_000);
        expect(reader.client.session).toEndWith(";timeout=60");
      }
      await arena.settle();
    },
    LIMIT_MS,
  );

  test.concurrent(
    "goes on when its connection is lost, and ends by a request of another connection",
    async () => {
      await using arena = await Arena.start();
      {
        await using publisher = await TestPublisher.start(arena.url("cam"));
        await using reader = await TestReader.start(arena.url("cam"), publisher.tracks, { udp: true });
        const session = reader.client.session!.split(";")[0]!;
        await reader.more(20);
        reader.client.terminate();
        await reader.client.closed;
        const before = reader.packets;
        await arena.server.until(() => reader.packets > before + 50, "packets go on");
        await using other = await TestReader.setUp(arena.url("cam"), publisher.tracks, { tracks: [] });
        other.client.session = session;
        await other.client.must("GET_PARAMETER", { url: "/" });
        await other.client.must("TEARDOWN", { url: "/" });
        await arena.logged(/session \w+\] destroyed \(torn down by/);
        expect((await other.client.request("GET_PARAMETER", { url: "/" })).status).toBe(454);
        expect(reader.faults).toEqual([]);
      }
      await arena.settle();
    },
    LIMIT_MS,
  );

  test.concurrent(
    "that vanishes does no harm to the others, nor does one that never listened",
    async () => {
      await using arena = await Arena.start();
      {
        await using publisher = await TestPublisher.start(arena.url("cam"));
        await using reader = await TestReader.start(arena.url("cam"), publisher.tracks, { udp: true });
        const gone = await Promise.all(
          Array.from({ length: 10 }, () =>
            TestReader.start(arena.url("cam"), publisher.tracks, { udp: true }),
          ),
        );
        await reader.more();
        for (const other of gone) for (const ports of other.ports.splice(0)) ports.close();
        await reader.more(400);
        expect(reader.faults).toEqual([]);
        expect(reader.checks.map((check) => check?.lost)).toEqual([0, 0]);
        for (const other of gone) await other[Symbol.asyncDispose]();
      }
      await arena.settle();
    },
    LIMIT_MS,
  );

  test.concurrent(
    "may not have the ports of another one, nor none, nor a second transport",
    async () => {
      await using arena = await Arena.start();
      {
        await using publisher = await TestPublisher.start(arena.url("cam"));
        await using reader = await TestReader.start(arena.url("cam"), publisher.tracks, { udp: true });
        const range = reader.ports[0]!.range;
        const wrong: [transport: string, reason: RegExp][] = [
          [
            `RTP/AVP;unicast;client_port=${range}`,
            /UDP ports \d+ and \d+ are already assigned to another reader with the same IP/,
          ],
          ["RTP/AVP;unicast", /transport header does not contain client ports/],
          ["RTP/AVP;unicast;client_port=0-1", /invalid client ports: 0-1/],
          ["RTP/AVP;unicast;client_port=65536-65537", /invalid client ports: 65536/],
        ];
        for (const [transport, reason] of wrong) {
          await using other = await TestReader.setUp(arena.url("cam"), publisher.tracks, { tracks: [] });
          const headers = { Transport: transport };
          expect((await other.client.request("SETUP", { url: "/trackID=0", headers })).status).toBe(400);
          await arena.logged(reason);
        }
        await using mixed = await TestReader.setUp(arena.url("cam"), publisher.tracks, { tracks: [0] });
        const headers = { Transport: "RTP/AVP;unicast;client_port=40000-40001" };
        expect((await mixed.client.request("SETUP", { url: "/trackID=1", headers })).status).toBe(400);
        await arena.logged(/can't setup medias with different protocols/);
        await reader.more();
        expect(reader.faults).toEqual([]);
      }
      await arena.settle();
    },
    LIMIT_MS,
  );

  test.concurrent(
    "is refused where UDP is not among the protocols, and the next transport it offers is taken",
    async () => {
      await using arena = await Arena.start({ config: "protocols: [tcp]" });
      {
        await using publisher = await TestPublisher.start(arena.url("cam"));
        await using reader = await TestReader.setUp(arena.url("cam"), publisher.tracks, { tracks: [] });
        const setUp = (transport: string) =>
          reader.client.request("SETUP", { url: "/trackID=0", headers: { Transport: transport } });
        expect((await setUp("RTP/AVP;unicast;client_port=4000-4001")).status).toBe(461);
        expect((await setUp("RTP/AVP;multicast")).status).toBe(461);
        const both = await setUp("RTP/AVP;unicast;client_port=4000-4001,RTP/AVP/TCP;unicast;interleaved=0-1");
        expect(both.headers.get("Transport")).toStartWith("RTP/AVP/TCP;unicast;interleaved=0-1");
      }
      await arena.settle();
    },
    LIMIT_MS,
  );
});

describe("a publisher by UDP", () => {
  test.concurrent(
    "may send packets out of order and twice; what is missing is counted and said",
    async () => {
      await using arena = await Arena.start({ errors: STRANGE });
      {
        await using publisher = await TestPublisher.announce(arena.url("cam"), {}, true);
        await publisher.client.must("RECORD");
        const send = (...numbers: number[]) => {
          for (const number of numbers) publisher.sendDatagram(1, number);
        };
        send(0);
        await arena.server.until(async () => (await packets(arena)) > 0, "the first packet");
        await using reader = await TestReader.start(arena.url("cam"), publisher.tracks, { tracks: [1] });
        send(2, 1, 1, 4, 3, 6, 5, 5, 2);
        await reader.until(() => reader.checks[1]!.last === 6, "packets up to 6");
        expect(reader.faults).toEqual([]);
        expect([reader.checks[1]!.packets, reader.checks[1]!.lost]).toEqual([6, 0]);
        send(...Array.from({ length: 70 }, (_, i) => 8 + i)); // 7 never comes
        await arena.logged(/WAR .*1 RTP packet lost/);
      }
      await arena.settle();
    },
    LIMIT_MS,
  );

  test.concurrent(
    "is not disturbed by packets from another address, another port or another source",
    async () => {
      await using arena = await Arena.start({ errors: STRANGE });
      {
        await using publisher = await TestPublisher.start(arena.url("cam"), {}, true);
        await using reader = await TestReader.start(arena.url("cam"), publisher.tracks);
        await reader.more();
        const stranger = await UdpPorts.open();
        const afar = await UdpPorts.open("127.0.0.2");
        const forged = publisher.packet(0, 1_000_000);
        const foreign = forged.slice();
        foreign.set([1, 2, 3, 4], 8);
        const [before, refused] = [await ignored(arena), await refusedPackets(arena)];
        for (let i = 0; i < 100; i++) {
          stranger.send(false, forged, publisher.serverPort);
          afar.send(false, forged, publisher.serverPort);
          afar.send(true, forged, publisher.serverPort + 1);
          publisher.ports[0]!.send(true, forged, publisher.serverPort); // its own RTCP port is not its RTP port
          publisher.ports[0]!.send(false, foreign, publisher.serverPort);
          if (i % 10 === 9) await reader.more(1); // a small receive buffer takes that many
        }
        await arena.server.until(async () => (await ignored(arena)) >= before + 400, "400 datagrams ignored");
        await arena.server.until(async () => (await refusedPackets(arena)) >= refused + 100, "100 refused");
        await arena.logged(/WAR .*received packet with wrong SSRC 16909060, expected/);
        await reader.more(300);
        expect(reader.faults).toEqual([]);
        expect(reader.checks.map((check) => check?.lost)).toEqual([0, 0]);
        stranger.close();
        afar.close();
      }
      await arena.settle();
    },
    LIMIT_MS,
  );

  test.concurrent(
    "is kept while packets come, whatever its connection does, and ends when they do not",
    async () => {
      await using arena = await Arena.start({ timeouts: SHORT });
      {
        await using publisher = await TestPublisher.start(arena.url("cam"), {}, true);
        await using reader = await TestReader.start(arena.url("cam"), publisher.tracks);
        publisher.client.terminate();
        await publisher.client.closed;
        await reader.more(100);
        publisher.fallSilent();
        await reader.client.closed;
        await arena.logged(/session \w+\] destroyed \(session timed out\)/);
        expect(reader.faults).toEqual([]);
      }
      await arena.settle();
    },
    LIMIT_MS,
  );

  test.concurrent(
    "hostile datagrams leave it and the others as they are",
    async () => {
      await using arena = await Arena.start({ errors: /malformed|unknown format|wrong SSRC/ });
      {
        await using publisher = await TestPublisher.start(arena.url("cam"), {}, true);
        await using reader = await TestReader.start(arena.url("cam"), publisher.tracks);
        await reader.more();
        const ports = publisher.ports[0]!;
        for (let i = 0; i < 2_000; i++) {
          const junk = new Uint8Array(i % 50 === 0 ? 65_000 : i % 40).map((_, at) => (i * 31 + at * 7) & 255);
          ports.send(i % 2 === 0, junk, publisher.serverPort + (i % 2 === 0 ? 1 : 0));
        }
        await reader.more(300);
        expect(reader.faults).toEqual([]);
      }
      await arena.settle();
    },
    LIMIT_MS,
  );
});

/** Sequence number of packet `number` of a track. */
function seqOf(publisher: TestPublisher, track: number, number: number): number {
  const packet = publisher.packet(track, number);
  return (packet[2]! << 8) | packet[3]!;
}

/** RTP bytes of the path `cam`. */
async function packets(arena: Arena): Promise<number> {
  const { bytesReceived } = await arena.server.api<{ bytesReceived: number }>("/v2/paths/get/cam");
  return bytesReceived;
}

async function refusedPackets(arena: Arena): Promise<number> {
  return (await arena.server.metric("media_packets_refused")) ?? 0;
}

async function ignored(arena: Arena): Promise<number> {
  return (await arena.server.metric("media_datagrams_ignored")) ?? 0;
}
