import { expect, test } from "bun:test";
import { RtspClient } from "../support/rtsp-client.ts";
import { Arena, SHORT } from "./arena.ts";
import { TestPublisher } from "./publisher.ts";
import { TestReader } from "./reader.ts";

const LIMIT_MS = 60_000;

test.concurrent(
  "a reader may pause and play again, as often as it likes",
  async () => {
    await using arena = await Arena.start();
    {
      await using publisher = await TestPublisher.start(arena.url("cam"));
      await using reader = await TestReader.start(arena.url("cam"), publisher.tracks);
      for (let cycle = 0; cycle < 20; cycle++) {
        await reader.more(5);
        await reader.client.must("PAUSE", { url: "/" });
        const packets = reader.packets;
        await arena.witness.more(10);
        expect(reader.packets).toBe(packets);
        for (const check of reader.checks) check?.restart();
        await reader.play();
      }
      await reader.more();
      expect(reader.faults).toEqual([]);
    }
    await arena.settle();
  },
  LIMIT_MS,
);

test.concurrent(
  "a connection may be used again after TEARDOWN, for the other direction too",
  async () => {
    await using arena = await Arena.start();
    {
      await using publisher = await TestPublisher.start(arena.url("cam"));
      await using reader = await TestReader.start(arena.url("cam"), publisher.tracks);
      await reader.more();
      const { client } = reader;
      const torn = await client.must("TEARDOWN", { url: "/" });
      expect(torn.headers.get("Session")).toBeUndefined();
      await arena.logged(/destroyed \(torn down by 127\.0\.0\.1:\d+\)/);
      const packets = reader.packets;

      client.session = undefined;
      const headers = { "Content-Type": "application/sdp" };
      const body = "v=0\r\nm=audio 0 RTP/AVP 0\r\na=control:trackID=0\r\n";
      await client.must("ANNOUNCE", { url: "/back", headers, body });
      const transport = "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record";
      await client.must("SETUP", { url: "/back/trackID=0", headers: { Transport: transport } });
      await client.must("RECORD", { url: "/back" });
      await arena.logged(/is publishing to path 'cam\/back', 1 track \(G711\)/);
      await client.must("TEARDOWN", { url: "/back" });
      expect(reader.packets).toBe(packets);
      expect(reader.faults).toEqual([]);
    }
    await arena.settle();
  },
  LIMIT_MS,
);

test.concurrent(
  "a session id that is wrong, or somebody else's, is refused and hurts nobody",
  async () => {
    await using arena = await Arena.start();
    for (const [session, status] of [
      ["0123456789abcdef0123456789abcdef", 454],
      [arena.witness.client.session!, 400],
      ["", 454],
    ] as const) {
      for (const method of ["PLAY", "PAUSE", "TEARDOWN", "RECORD", "GET_PARAMETER", "SETUP"]) {
        await using client = await RtspClient.connect(arena.url("witness"));
        const headers = { Session: session, Transport: "RTP/AVP/TCP" };
        expect((await client.request(method, { url: "/trackID=0", headers })).status).toBe(status);
        await client.closed;
      }
    }
    await arena.logged(/closed \(session not found\)/);
    await arena.logged(/closed \(session is linked to another connection\)/);
    await arena.settle();
  },
  LIMIT_MS,
);

test.concurrent(
  "requests that need a session and name none are not implemented",
  async () => {
    await using arena = await Arena.start();
    {
      await using client = await RtspClient.connect(arena.url("witness"));
      for (const method of [
        "PLAY",
        "PAUSE",
        "TEARDOWN",
        "RECORD",
        "GET_PARAMETER",
        "SET_PARAMETER",
        "JUMP",
      ]) {
        expect((await client.request(method)).status).toBe(501);
      }
      expect((await client.request("OPTIONS")).status).toBe(200);
    }
    await arena.settle();
  },
  LIMIT_MS,
);

test.concurrent(
  "a publisher that pauses loses its readers, keeps its place, and may record again",
  async () => {
    await using arena = await Arena.start();
    {
      await using publisher = await TestPublisher.start(arena.url("cam"));
      await using reader = await TestReader.start(arena.url("cam"), publisher.tracks);
      await reader.more();
      publisher.fallSilent();
      await publisher.client.must("PAUSE", { url: "/" });
      await reader.client.closed;
      await arena.logged(/closed \(terminated\)/);
      expect(reader.faults).toEqual([]);
      await expect(TestReader.start(arena.url("cam"), publisher.tracks)).rejects.toThrow("404");
      for (let cycle = 0; cycle < 3; cycle++) {
        await publisher.record();
        await using again = await TestReader.start(arena.url("cam"), publisher.tracks);
        await again.more();
        expect(again.faults).toEqual([]);
        publisher.fallSilent();
        await publisher.client.must("PAUSE", { url: "/" });
      }
    }
    await arena.settle();
  },
  LIMIT_MS,
);

test.concurrent(
  "readers take one of two tracks, any channels, and tracks in any order",
  async () => {
    await using arena = await Arena.start();
    {
      await using publisher = await TestPublisher.start(arena.url("cam"));
      const { tracks } = publisher;
      await using early = await TestReader.start(arena.url("cam"), tracks);
      await early.more();
      const wishes = [
        { tracks: [0] },
        { tracks: [1] },
        { tracks: [1, 0] },
        { channels: [10, 20] },
        { tracks: [1, 0], channels: [0, 2] },
        { tracks: [0, 1], channels: [254, 0] },
      ];
      const readers = await Promise.all(
        wishes.map((wish) => TestReader.start(arena.url("cam"), tracks, wish)),
      );
      for (const [i, reader] of readers.entries()) {
        await reader.more(60);
        expect(reader.faults).toEqual([]);
        const wanted = wishes[i]!.tracks ?? [0, 1];
        for (const track of wanted) expect(reader.checks[track]!.packets).toBeGreaterThan(10);
        expect(reader.rtpInfo.length).toBe(wanted.length);
        await reader[Symbol.asyncDispose]();
      }
    }
    await arena.settle();
  },
  LIMIT_MS,
);

test.concurrent(
  "a sender report follows the first packet of each track and maps RTP time to the clock",
  async () => {
    await using arena = await Arena.start();
    {
      await using publisher = await TestPublisher.start(arena.url("cam"));
      await using early = await TestReader.start(arena.url("cam"), publisher.tracks);
      await early.more();
      await using reader = await TestReader.setUp(arena.url("cam"), publisher.tracks);
      const arrivals: { track: number; rtpTime: number; wall: number }[] = [];
      reader.onPacket = (track, packet) => {
        const rtpTime = new DataView(packet.buffer, packet.byteOffset).getUint32(4);
        arrivals.push({ track, rtpTime, wall: Date.now() });
      };
      const asked = Date.now();
      await reader.play();
      const answered = Date.now();
      await reader.more(40);
      for (const i of [0, 1]) expect(reader.order[reader.order.indexOf(`rtp${i}`) + 1]).toBe(`sr${i}`);
      reader.reports.forEach((report) => {
        const i = publisher.tracks.findIndex(({ ssrc }) => ssrc === report.ssrc);
        const track = publisher.tracks[i]!;
        const rate = track.options.ticksPerFrame * track.options.framesPerSecond;
        const delays = arrivals
          .filter((each) => each.track === i)
          .map(({ rtpTime, wall }) => wall - report.wall - (((rtpTime - report.rtpTime) | 0) / rate) * 1_000);
        // a busy machine lets packets come late, but not all of them, and none too early
        expect(Math.abs(Math.min(...delays))).toBeLessThan(250);
      });
      reader.rtpInfo.forEach(({ url, seq, rtpTime }, i) => {
        expect(url).toBe(`${reader.client.url}/trackID=${i}`);
        const { track, first } = reader.checks[i]!;
        const packet = new Uint8Array(2_000);
        track.write(packet, first);
        expect(seq).toBe((packet[2]! << 8) | packet[3]!);
        const rate = track.options.ticksPerFrame * track.options.framesPerSecond;
        const report = reader.reports.find(({ ssrc }) => ssrc === track.ssrc)!;
        const wall = report.wall + (((rtpTime! - report.rtpTime) | 0) / rate) * 1_000;
        expect(wall).toBeWithin(asked - 250, answered + 250);
      });
    }
    await arena.settle();
  },
  LIMIT_MS,
);

test.concurrent(
  "IPv6 works for publishers and readers",
  async () => {
    await using arena = await Arena.start({ config: "rtspAddress: ':0'" });
    const url = arena.url("cam").replace("127.0.0.1", "[::1]");
    {
      await using publisher = await TestPublisher.start(url);
      await using reader = await TestReader.start(url, publisher.tracks);
      await using mixed = await TestReader.start(arena.url("cam"), publisher.tracks);
      await reader.more();
      await mixed.more();
      expect([...reader.faults, ...mixed.faults]).toEqual([]);
      await arena.logged(new RegExp(`conn \\[::1\\]:${publisher.client.local.split(":").at(-1)}\\] opened`));
    }
    await arena.settle();
  },
  LIMIT_MS,
);

test.concurrent(
  "a publisher that goes silent is ended after readTimeout, and its readers with it",
  async () => {
    await using arena = await Arena.start({ timeouts: SHORT });
    {
      await using publisher = await TestPublisher.start(arena.url("cam"));
      await using reader = await TestReader.start(arena.url("cam"), publisher.tracks);
      await reader.more();
      publisher.fallSilent();
      await publisher.client.closed;
      await reader.client.closed;
      await arena.logged(/closed \(i\/o timeout: no packets from the publisher\)/);
      expect(reader.faults).toEqual([]);
    }
    await arena.settle();
  },
  LIMIT_MS,
);

test.concurrent(
  "a newcomer takes the place of a publisher; the readers of the old stream are disconnected",
  async () => {
    await using arena = await Arena.start();
    {
      await using old = await TestPublisher.start(arena.url("cam"));
      await using reader = await TestReader.start(arena.url("cam"), old.tracks);
      await reader.more();
      await using fresh = await TestPublisher.start(arena.url("cam"), { seed: 2 });
      await Promise.all([old.client.closed, reader.client.closed]);
      await using next = await TestReader.start(arena.url("cam"), fresh.tracks);
      await next.more();
      expect([...reader.faults, ...next.faults]).toEqual([]);
      await arena.logged(/\[path cam\] closing existing publisher/);
    }
    await arena.settle();
  },
  LIMIT_MS,
);
