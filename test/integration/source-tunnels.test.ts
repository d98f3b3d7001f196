import { describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket as NetSocket } from "node:net";
import type { Socket } from "bun";
import { TestServer } from "../support/server.ts";
import { Certificates } from "./certificates.ts";
import { TestPublisher } from "./publisher.ts";
import { TestReader } from "./reader.ts";

const LIMIT_MS = 60_000;
const CAM = "authMethods: [digest]\npaths:\n  cam:\n    readUser: viewer\n    readPass: a!b\n";

/** The same URL through a tunnel, with credentials. */
function through(tunnel: string, url: string): string {
  return url.replace("://", `+${tunnel}://viewer:a%21b@`);
}

async function expectWhole(edge: TestServer, origin: TestServer): Promise<void> {
  await using publisher = await TestPublisher.start(origin.rtsp("cam"));
  await edge.waitForLog(/INF \[path cam\] \[RTSP source\] ready: 2 tracks \(H264, Opus\)/);
  await using reader = await TestReader.start(edge.rtsp("cam"), publisher.tracks);
  await reader.more(300);
  expect(reader.faults).toEqual([]);
  expect(reader.checks.map((check) => check?.lost)).toEqual([0, 0]);
  const source = await edge.api<object>("/v2/sources/get/cam");
  expect(source).toMatchObject({ type: "rtspSource", state: "ready", transport: "TCP" });
}

describe("a source through a tunnel", () => {
  for (const tunnel of ["http", "ws"]) {
    test.concurrent(
      `over ${tunnel} brings every byte, with Digest`,
      async () => {
        await using origin = await TestServer.start({ config: CAM });
        const source = through(tunnel, origin.rtsp("cam"));
        await using edge = await TestServer.start({ config: `paths:\n  cam:\n    source: ${source}\n` });
        await expectWhole(edge, origin);
        await edge.stop();
        await origin.waitForLog(/destroyed/);
        expect(origin.log).not.toMatch(/ (WAR|ERR) /);
        expect(edge.log).not.toContain("a!b");
        expect(edge.log).not.toContain("a%21b");
      },
      LIMIT_MS,
    );

    test.concurrent(
      `over ${tunnel} and TLS`,
      async () => {
        using certificates = new Certificates("camera");
        const { certFile, keyFile } = certificates;
        const secure = `encryption: optional\nrtspsAddress: 127.0.0.1:0\nserverCert: ${certFile}\nserverKey: ${keyFile}\n`;
        await using origin = await TestServer.start({ config: secure + CAM });
        const { fingerprint256 } = new X509Certificate(readFileSync(certFile));
        const fingerprint = `sourceFingerprint: ${fingerprint256.replaceAll(":", "").toLowerCase()}`;
        const source = through(tunnel, origin.rtsps("cam"));
        await using edge = await TestServer.start({
          config: `paths:\n  cam:\n    source: ${source}\n    ${fingerprint}\n`,
        });
        await expectWhole(edge, origin);
      },
      LIMIT_MS,
    );
  }

  test.concurrent(
    "over another WebSocket server, that has an RTSP server behind it",
    async () => {
      await using origin = await TestServer.start({ config: CAM });
      using bridge = webSocketBridge(Number(new URL(origin.rtsp("cam")).port));
      const source = through("ws", `rtsp://127.0.0.1:${bridge.port}/cam`);
      await using edge = await TestServer.start({ config: `paths:\n  cam:\n    source: ${source}\n` });
      await expectWhole(edge, origin);
    },
    LIMIT_MS,
  );

  test.concurrent(
    "over HTTP with a provisional answer, in chunks",
    async () => {
      await using origin = await TestServer.start({ config: CAM });
      using bridge = chunkingBridge(Number(new URL(origin.rtsp("cam")).port));
      const source = through("http", `rtsp://127.0.0.1:${bridge.port}/cam`);
      await using edge = await TestServer.start({ config: `paths:\n  cam:\n    source: ${source}\n` });
      await expectWhole(edge, origin);
    },
    LIMIT_MS,
  );

  test.concurrent(
    "says why there is none, and tries again",
    async () => {
      using http = Bun.serve({
        port: 0,
        hostname: "127.0.0.1",
        fetch: (request) => {
          const { pathname } = new URL(request.url);
          if (pathname === "/secret") {
            return new Response("", { status: 401, headers: { "WWW-Authenticate": 'Basic realm="x"' } });
          }
          return new Response("nothing here", { status: 404 });
        },
      });
      using closing = listener((socket) => socket.end());
      using silent = listener(() => undefined);
      using rtsp = listener((socket) => socket.write("RTSP/1.0 400 Bad Request\r\n\r\n"));
      const wrong = listener((socket) =>
        socket.write("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: x\r\n\r\n"),
      );
      using _ = wrong;
      const sources: [name: string, url: string, reason: string][] = [
        [
          "gone",
          `rtsp+http://127.0.0.1:${http.port}/cam`,
          "the server opens no tunnel: bad status code: 404 \\(Not Found\\)",
        ],
        [
          "plain",
          `rtsp+ws://127.0.0.1:${http.port}/cam`,
          "the server opens no tunnel: bad status code: 404 \\(Not Found\\)",
        ],
        [
          "secret",
          `rtsp+http://u:p@127.0.0.1:${http.port}/secret`,
          "the server opens no tunnel: bad status code: 401 \\(Unauthorized\\)",
        ],
        ["closing", `rtsp+http://127.0.0.1:${closing.port}/cam`, "EOF"],
        ["silent", `rtsp+ws://127.0.0.1:${silent.port}/cam`, "i/o timeout: the tunnel is not opened"],
        ["rtsp", `rtsp+http://127.0.0.1:${rtsp.port}/cam`, "not an HTTP response: RTSP/1.0 400 Bad Request"],
        [
          "wrong",
          `rtsp+ws://127.0.0.1:${wrong.port}/cam`,
          "the server opens no tunnel: invalid Sec-WebSocket-Accept",
        ],
      ];
      const paths = sources.map(([name, url]) => `  ${name}:\n    source: ${url}\n`).join("");
      await using edge = await TestServer.start({ config: `readTimeout: 1s\npaths:\n${paths}` });
      await Promise.all(
        sources.map(([name, , reason]) =>
          edge.waitForLog(new RegExp(`ERR \\[path ${name}\\] \\[RTSP source\\] ${reason}`)),
        ),
      );
    },
    LIMIT_MS,
  );

  test.concurrent(
    "that ends at any point is opened again",
    async () => {
      await using origin = await TestServer.start({ config: CAM });
      const sources = ["http", "ws"].map(
        (tunnel) => `  ${tunnel}:\n    source: ${through(tunnel, origin.rtsp("cam"))}\n`,
      );
      await using edge = await TestServer.start({ config: `paths:\n${sources.join("")}` });
      for (let round = 0; round < 2; round++) {
        await using publisher = await TestPublisher.start(origin.rtsp("cam"));
        for (const path of ["http", "ws"]) {
          await edge.waitForLog(new RegExp(`(?:path ${path}\\] \\[RTSP source\\] ready[^]*){${round + 1}}`));
          await using reader = await TestReader.start(edge.rtsp(path), publisher.tracks);
          await reader.more(50);
          expect(reader.faults).toEqual([]);
        }
      }
    },
    LIMIT_MS,
  );
});

/** Accepts connections, and does one thing when the first bytes come. */
function listener(act: (socket: Socket) => void): { readonly port: number; [Symbol.dispose](): void } {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: (socket) => act(socket) } });
  return { port: server.port, [Symbol.dispose]: () => server.stop(true) };
}

/** An HTTP server in front of an RTSP server: answers the GET of a tunnel in chunks. */
function chunkingBridge(rtspPort: number): { readonly port: number; [Symbol.dispose](): void } {
  const rtsp = new Map<string, NetSocket>();
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.once("data", (first) => {
      const head = first.toString("latin1");
      const cookie = /x-sessioncookie: (\w+)/i.exec(head)?.[1] ?? "";
      const behind = rtsp.get(cookie) ?? connect(rtspPort, "127.0.0.1");
      rtsp.set(cookie, behind);
      socket.on("close", () => behind.destroy());
      if (head.startsWith("POST")) {
        const send = (text: string) => behind.write(Buffer.from(text, "base64"));
        const body = head.slice(head.indexOf("\r\n\r\n") + 4);
        if (body !== "") send(body);
        socket.on("data", (chunk) => send(chunk.toString("latin1")));
        return;
      }
      socket.write("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
      behind.on("error", () => behind.destroy());
      behind.on("close", () => socket.end("0\r\n\r\n"));
      behind.on("data", (chunk) => {
        socket.write(`${chunk.length.toString(16)};x=y\r\n`);
        socket.write(chunk);
        socket.write("\r\n");
      });
    });
  });
  server.listen(0, "127.0.0.1");
  return { port: (server.address() as AddressInfo).port, [Symbol.dispose]: () => void server.close() };
}

/** The runtime's WebSocket server in front of an RTSP server. */
function webSocketBridge(rtspPort: number): { readonly port: number; [Symbol.dispose](): void } {
  type Data = { rtsp?: Promise<Socket> };
  const server = Bun.serve<Data>({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request, self) =>
      self.upgrade(request, { data: {}, headers: { "Sec-WebSocket-Protocol": "rtsp.onvif.org" } })
        ? undefined
        : new Response("", { status: 400 }),
    websocket: {
      open(ws) {
        ws.data.rtsp = Bun.connect({
          hostname: "127.0.0.1",
          port: rtspPort,
          socket: {
            data: (_, chunk) => void ws.send(chunk),
            close: () => ws.close(),
          },
        });
        ws.ping("are you there");
      },
      message: async (ws, message) => void (await ws.data.rtsp)?.write(message),
      close: async (ws) => void (await ws.data.rtsp)?.end(),
    },
  });
  return { port: server.port as number, [Symbol.dispose]: () => void server.stop(true) };
}
