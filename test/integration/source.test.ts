import { describe, expect, test } from "bun:test";
import { createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { syntheticTracks } from "../support/media.ts";
import { RtspClient } from "../support/rtsp-client.ts";
import { TestServer } from "../support/server.ts";
import { TestCamera } from "./camera.ts";
import { Certificates } from "./certificates.ts";
import { TestPublisher } from "./publisher.ts";
import { TestReader } from "./reader.ts";
import { UdpPorts } from "./udp-ports.ts";

const LIMIT_MS = 60_000;
const ORIGIN = `authMethods: [digest]
paths:
  cam:
    readUser: viewer
    readPass: a!b
  open:
`;

interface Pair extends AsyncDisposable {
  readonly origin: TestServer;
  readonly edge: TestServer;
}

/** Two servers: the second fetches from the first. */
async function chain(paths: (origin: TestServer) => string, originConfig = ORIGIN): Promise<Pair> {
  const origin = await TestServer.start({ config: originConfig });
  const edge = await TestServer.start({ config: `readTimeout: 4s\npaths:\n${paths(origin)}` });
  return {
    origin,
    edge,
    async [Symbol.asyncDispose]() {
      await edge.stop();
      await origin.stop();
    },
  };
}

function withUser(url: string): string {
  return url.replace("//", "//viewer:a%21b@");
}

/** Reads until every packet sent so far has come, and expects none missing. */
async function expectWhole(reader: TestReader): Promise<void> {
  await reader.more(200);
  expect(reader.faults).toEqual([]);
  expect(reader.checks.map((check) => check?.lost)).toEqual([0, 0]);
}

/** The source of `cam` in API and metrics. */
async function expectListed(server: TestServer, transport = ""): Promise<void> {
  type Source = { attempts: number; bytesReceived: number; live: Record<string, number> };
  const source = await server.api<Source>("/v2/sources/get/cam");
  expect(source).toMatchObject({ path: "cam", type: "rtspSource", state: "ready", transport });
  expect(source.live["packetsReceived"]).toBeGreaterThan(0);
  expect(source.live["roundTripMs"]).toBeGreaterThanOrEqual(0);
  expect(source.live["lastPacketAgeMs"]).toBeLessThan(4_000);
  expect(source.live["jitterMs"] !== undefined).toBe(transport === "UDP");
  const metrics = await (await fetch(server.metricsUrl)).text();
  const labels = 'path="cam",type="rtspSource",state="ready"';
  expect(metrics).toContain(`sources_attempts{${labels}} ${source.attempts}\n`);
  expect(metrics).toContain(`transport="${transport}"`);
}

describe("a source", () => {
  for (const protocol of ["automatic", "udp", "tcp"]) {
    test.concurrent(
      `with sourceProtocol ${protocol} brings every byte, with Digest`,
      async () => {
        await using pair = await chain(
          (origin) =>
            `  cam:\n    source: ${withUser(origin.rtsp("cam"))}\n    sourceProtocol: ${protocol}\n`,
        );
        await using publisher = await TestPublisher.start(pair.origin.rtsp("cam"));
        await pair.edge.waitForLog(/INF \[path cam\] \[RTSP source\] ready: 2 tracks \(H264, Opus\)/);
        await using reader = await TestReader.start(pair.edge.rtsp("cam"), publisher.tracks);
        await expectWhole(reader);
        type Sessions = { items: { transport: string; state: string }[] };
        const { items } = await pair.origin.api<Sessions>("/v2/rtspsessions/list");
        const transport = items.find(({ state }) => state === "read")?.transport;
        expect(transport).toBe(protocol === "tcp" ? "TCP" : "UDP");
        expect(pair.edge.log).not.toContain("a!b");
        expect(pair.edge.log).not.toContain("a%21b");
        const shown = await pair.edge.api<{ source: unknown }>("/v2/paths/get/cam");
        expect(shown.source).toEqual({ type: "rtspSource", id: "" });
        expect((await publishTo(pair.edge, "cam")).status).toBe(400);
        await expectListed(pair.edge, transport);
      },
      LIMIT_MS,
    );
  }

  test.concurrent(
    "goes over to TCP where the server has no UDP, and says so",
    async () => {
      const config = `protocols: [tcp]\n${ORIGIN}`;
      await using pair = await chain((origin) => `  cam:\n    source: ${origin.rtsp("open")}\n`, config);
      await using publisher = await TestPublisher.start(pair.origin.rtsp("open"));
      await pair.edge.waitForLog(/WAR .*\[RTSP source\] switching to TCP because server requested it/);
      await using reader = await readerWhenReady(pair.edge, "cam", publisher);
      await expectWhole(reader);
    },
    LIMIT_MS,
  );

  test.concurrent(
    "goes over to TCP when no datagram comes, and says so",
    async () => {
      await using pair = await chain((origin) => `  cam:\n    source: ${origin.rtsp("open")}\n`);
      await using publisher = await TestPublisher.announce(pair.origin.rtsp("open"));
      await publisher.client.must("RECORD"); // it plays, but nothing comes
      await pair.edge.waitForLog(/WAR .*\[RTSP source\] no UDP packets received, switching to TCP/);
      expect(pair.edge.log).not.toContain("ready: "); // nobody reads what does not come
      publisher.resume();
      await using reader = await readerWhenReady(pair.edge, "cam", publisher);
      await expectWhole(reader);
    },
    LIMIT_MS,
  );

  test.concurrent(
    "that falls silent is given up and tried again, over TCP and over UDP",
    async () => {
      await using pair = await chain((origin) =>
        ["tcp", "udp"]
          .map((name) => `  ${name}:\n    source: ${origin.rtsp("open")}\n    sourceProtocol: ${name}\n`)
          .join(""),
      );
      await using publisher = await TestPublisher.start(pair.origin.rtsp("open"));
      for (const name of ["tcp", "udp"])
        await pair.edge.waitForLog(new RegExp(`path ${name}\\] .*ready: 2 tracks`));
      publisher.fallSilent();
      await pair.edge.waitForLog(/ERR \[path tcp\] \[RTSP source\] TCP timeout/);
      await pair.edge.waitForLog(/ERR \[path udp\] \[RTSP source\] UDP timeout/);
      const mark = pair.edge.log.length;
      publisher.resume();
      for (const name of ["tcp", "udp"]) {
        await pair.edge.waitForLog(new RegExp(`path ${name}\\] .*ready: 2 tracks`), mark);
        await using reader = await TestReader.start(pair.edge.rtsp(name), publisher.tracks);
        await expectWhole(reader);
      }
    },
    LIMIT_MS,
  );

  test.concurrent(
    "that answers what is asked, but sends nothing any more, is silent",
    async () => {
      await using camera = await TestCamera.open({ timeout: 1 });
      await using edge = await TestServer.start({
        config: `readTimeout: 3s\npaths:\n  cam:\n    source: ${camera.url}\n    sourceProtocol: tcp\n`,
      });
      await edge.waitForLog(/\[path cam\] \[RTSP source\] ready: 2 tracks/);
      for (let number = 0; number < 30; number++) camera.send(0, number);
      await edge.waitForLog(/ERR \[path cam\] \[RTSP source\] TCP timeout/);
      const [, ...after] = camera.methods.join(" ").split("PLAY");
      expect(after[0]).toMatch(/ OPTIONS OPTIONS/); // it was kept alive all the time
    },
    LIMIT_MS,
  );

  test.concurrent(
    "by UDP takes packets from the address and port that were agreed, of one source alone; others are counted",
    async () => {
      await using camera = await TestCamera.open();
      await using edge = await TestServer.start({
        config: `paths:\n  cam:\n    source: ${camera.url}\n    sourceProtocol: udp\n`,
      });
      await camera.playing;
      camera.send(1, 0);
      await edge.waitForLog(/\[path cam\] \[RTSP source\] ready: 2 tracks/);
      await using reader = await TestReader.start(edge.rtsp("cam"), camera.tracks, { tracks: [1] });
      const stranger = await UdpPorts.open();
      const afar = await UdpPorts.open("127.0.0.2");
      const foreign = camera.packet(1, 1_000);
      foreign.set([1, 2, 3, 4], 8);
      for (let number = 1; number <= 100; number++) {
        stranger.send(false, camera.packet(1, 1_000 + number), camera.clientPorts[1]!);
        afar.send(false, camera.packet(1, 2_000 + number), camera.clientPorts[1]!);
        afar.send(true, camera.packet(1, 2_000 + number), camera.clientPorts[1]! + 1);
        camera.send(1, 0, foreign);
        camera.send(1, number);
        if (number % 10 === 0) await reader.until(() => reader.checks[1]!.last === number, "the last one");
      }
      await reader.until(() => reader.checks[1]!.last === 100, "what the camera sent");
      expect([reader.faults, reader.checks[1]!.packets]).toEqual([[], 100]);
      const counts = async () => [
        await edge.metric("media_datagrams_ignored"),
        await edge.metric("media_packets_refused"),
      ];
      await edge.until(async () => String(await counts()) === "300,100", "all are counted");
      stranger.close();
      afar.close();
    },
    LIMIT_MS,
  );

  test.concurrent(
    "with sourceAnyPortEnable takes packets from any port of the camera's address, and from no other",
    async () => {
      await using camera = await TestCamera.open();
      const options = "sourceProtocol: udp\n    sourceAnyPortEnable: yes";
      await using edge = await TestServer.start({
        config: `paths:\n  cam:\n    source: ${camera.url}\n    ${options}\n`,
      });
      await camera.playing;
      const elsewhere = await UdpPorts.open();
      const afar = await UdpPorts.open("127.0.0.2");
      elsewhere.send(false, camera.packet(1, 0), camera.clientPorts[1]!);
      await edge.waitForLog(/\[path cam\] \[RTSP source\] ready: 2 tracks/);
      await using reader = await TestReader.start(edge.rtsp("cam"), camera.tracks, { tracks: [1] });
      for (let number = 1; number <= 100; number++) {
        afar.send(false, camera.packet(1, 1_000 + number), camera.clientPorts[1]!);
        elsewhere.send(number % 2 === 0, camera.packet(1, number), camera.clientPorts[1]!);
        if (number % 10 === 0) await reader.until(() => reader.checks[1]!.last === number, "the last one");
      }
      await reader.until(() => reader.checks[1]!.last === 100, "what the camera sent");
      expect([reader.faults, reader.checks[1]!.packets]).toEqual([[], 100]);
      await edge.until(async () => (await edge.metric("media_datagrams_ignored")) === 100, "all are counted");
      elsewhere.close();
      afar.close();
    },
    LIMIT_MS,
  );

  test.concurrent(
    "is redirected, and no further than five times",
    async () => {
      const config = (url: string) => `${ORIGIN}  away:\n    source: redirect\n    sourceRedirect: ${url}\n`;
      await using origin = await TestServer.start({ config: ORIGIN });
      origin.writeConfig(
        `${config(origin.rtsp("open"))}  loop:\n    source: redirect\n    sourceRedirect: ${origin.rtsp("loop")}\n`,
      );
      await origin.waitForLog(/reloading configuration/);
      await using publisher = await TestPublisher.start(origin.rtsp("open"));
      await using edge = await TestServer.start({
        config: `paths:\n  cam:\n    source: ${origin.rtsp("away")}\n  round:\n    source: ${origin.rtsp("loop")}\n`,
      });
      await using reader = await readerWhenReady(edge, "cam", publisher);
      await expectWhole(reader);
      await edge.waitForLog(/ERR \[path round\] \[RTSP source\] more than 5 redirects/);
      await using client = await RtspClient.connect(origin.rtsp("away"));
      const { status, headers } = await client.request("DESCRIBE");
      expect([status, headers.get("Location")]).toEqual([301, origin.rtsp("open")]);
    },
    LIMIT_MS,
  );

  test.concurrent(
    "is there on demand: requests wait for it, and it ends after its last reader",
    async () => {
      await using pair = await chain(
        (origin) =>
          `  cam:\n    source: ${origin.rtsp("open")}\n    sourceOnDemand: yes\n    sourceOnDemandCloseAfter: 1s\n` +
          `  dead:\n    source: rtsp://127.0.0.1:1/none\n    sourceOnDemand: yes\n    sourceOnDemandStartTimeout: 1s\n`,
      );
      await using publisher = await TestPublisher.start(pair.origin.rtsp("open"));
      expect(pair.edge.log).not.toContain("RTSP source] started");
      for (let round = 0; round < 2; round++) {
        const mark = pair.edge.log.length;
        const readers = await Promise.all(
          Array.from({ length: 5 }, () => TestReader.start(pair.edge.rtsp("cam"), publisher.tracks)),
        );
        for (const reader of readers) {
          await reader.more(50);
          expect(reader.faults).toEqual([]);
          await reader[Symbol.asyncDispose]();
        }
        await pair.edge.waitForLog(/path cam\] \[RTSP source\] stopped/, mark);
        expect(pair.edge.log.slice(mark).match(/RTSP source\] started/g)).toHaveLength(1);
      }
      await using client = await RtspClient.connect(pair.edge.rtsp("dead"));
      expect((await client.request("DESCRIBE")).status).toBe(400);
      await pair.edge.waitForLog(/closed \(source of path 'dead' has timed out\)/);
      await pair.edge.waitForLog(/path dead\] \[RTSP source\] dial tcp 127\.0\.0\.1:1: connection refused/);
    },
    LIMIT_MS,
  );

  test.concurrent(
    "survives restarts of the server it fetches from, by every transport: readers come back or wait, in a few lines",
    async () => {
      using certificates = Certificates.available ? new Certificates("origin") : undefined;
      const [port, securePort] = [await freePort(), await freePort()];
      const secure = certificates && {
        config: `encryption: optional\nrtspsAddress: 127.0.0.1:${securePort}\n${certificates.config}`,
        fingerprint: new X509Certificate(readFileSync(certificates.certFile)).fingerprint256.replaceAll(
          ":",
          "",
        ),
      };
      const config = `rtspAddress: 127.0.0.1:${port}\n${secure?.config ?? ""}paths:\n  open:\n`;
      const url = `rtsp://127.0.0.1:${port}/open`;
      const names = ["udp", "tcp", ...(secure ? ["rtsps"] : [])];
      const sources = names.map((name) =>
        name === "rtsps"
          ? `  rtsps:\n    source: rtsps://127.0.0.1:${securePort}/open\n    sourceFingerprint: ${secure?.fingerprint}\n`
          : `  ${name}:\n    source: ${url}\n    sourceProtocol: ${name}\n`,
      );
      // requests to the same sources on demand wait until the server is back
      const waiting = sources.map((source) =>
        source
          .replace(/^ {2}/, "  waiting/")
          .concat("    sourceOnDemand: yes\n    sourceOnDemandStartTimeout: 30s\n"),
      );
      await using edge = await TestServer.start({
        config: `readTimeout: 4s\npaths:\n${[...sources, ...waiting].join("")}`,
      });
      for (let round = 0; round < 4; round++) {
        const mark = edge.log.length;
        const held = names.map((name) => TestReader.start(edge.rtsp(`waiting/${name}`), syntheticTracks()));
        for (const name of names)
          await edge.waitForLog(new RegExp(`path waiting/${name}\\] .*connection refused`), mark);
        const origin = await TestServer.start({ config });
        const publisher = await TestPublisher.start(url);
        const readers = await Promise.all(
          names.map(async (name) => {
            await edge.waitForLog(new RegExp(`path ${name}\\] \\[RTSP source\\] ready`), mark, 20_000);
            return await TestReader.start(edge.rtsp(name), publisher.tracks);
          }),
        );
        readers.push(...(await Promise.all(held)));
        // long enough to have gone well, and to be fetched again soon
        await Promise.all(readers.map((reader) => reader.more(400)));
        for (const reader of readers) expect(reader.faults).toEqual([]);
        origin.kill("SIGKILL");
        // by UDP too, the end of the connection is the end of the stream
        for (const reader of readers) await reader.client.closed;
        await origin.stop();
        const story = edge.log.slice(mark).split("\n");
        for (const name of [...names, ...names.map((each) => `waiting/${each}`)]) {
          expect(story.filter((line) => line.includes(`[path ${name}]`)).length).toBeLessThan(12);
        }
      }
    },
    3 * LIMIT_MS,
  );

  test.concurrent(
    "over TLS takes the certificate whose fingerprint it knows, and no other",
    async () => {
      if (!Certificates.available) return;
      using certificates = new Certificates("origin");
      const { fingerprint256 } = new X509Certificate(readFileSync(certificates.certFile, "utf8"));
      const other = createHash("sha256").update("other").digest("hex");
      const secure = `encryption: optional\nrtspsAddress: 127.0.0.1:0\n${certificates.config}${ORIGIN}`;
      await using pair = await chain(
        (origin) =>
          [
            ["known", fingerprint256.replaceAll(":", "")],
            ["other", other],
            ["none", '""'],
          ]
            .map(
              ([name, print]) =>
                `  ${name}:\n    source: ${origin.rtsps("open")}\n    sourceFingerprint: ${print}\n`,
            )
            .join(""),
        secure,
      );
      await using publisher = await TestPublisher.start(pair.origin.rtsps("open"));
      await using reader = await readerWhenReady(pair.edge, "known", publisher);
      await expectWhole(reader);
      await pair.edge.waitForLog(
        new RegExp(`path other\\] .*source fingerprint does not match: expected ${other}, got `),
      );
      await pair.edge.waitForLog(/path none\] .*the certificate is not trusted/);
    },
    LIMIT_MS,
  );
});

async function publishTo(server: TestServer, path: string) {
  await using client = await RtspClient.connect(server.rtsp(path));
  const headers = { "Content-Type": "application/sdp" };
  return await client.request("ANNOUNCE", { headers, body: "v=0\r\nm=audio 0 RTP/AVP 0\r\n" });
}

async function readerWhenReady(
  server: TestServer,
  path: string,
  publisher: TestPublisher,
): Promise<TestReader> {
  await server.until(
    async () => (await server.api<{ ready: boolean }>(`/v2/paths/get/${path}`)).ready,
    `${path} is ready`,
    30_000,
  );
  return await TestReader.start(server.rtsp(path), publisher.tracks);
}

/** A port that was free a moment ago, for a server that has to come back on the same one. */
async function freePort(): Promise<number> {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}
