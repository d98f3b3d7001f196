import { expect, test } from "bun:test";
import { type ClientHttp2Session, connect } from "node:http2";
import { connect as connectTls } from "node:tls";
import { clip } from "../support/clips.ts";
import { TestServer } from "../support/server.ts";
import { Client, clientTest, ffmpegPublisher, has } from "../support/tools.ts";
import { Certificates } from "./certificates.ts";

const LIMIT_MS = 60_000;

function configOf({ keyFile, certFile }: Certificates): string {
  return `hlsEncryption: yes\nhlsServerKey: ${keyFile}\nhlsServerCert: ${certFile}\npaths:\n  all:\n`;
}

function httpsUrl(server: TestServer, file: string): string {
  return server.hls(file).replace("http:", "https:");
}

interface Answer {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly body: Buffer;
}

/** GET as one stream of an HTTP/2 connection. */
function get(
  session: ClientHttp2Session,
  path: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ":path": path, ...headers });
    const chunks: Buffer[] = [];
    let head: Record<string, unknown> = {};
    stream.on("response", (received) => {
      head = received;
    });
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () =>
      resolve({ status: Number(head[":status"]), headers: head, body: Buffer.concat(chunks) }),
    );
    stream.on("error", reject);
  });
}

function openSession(server: TestServer): Promise<ClientHttp2Session> {
  return new Promise((resolve, reject) => {
    const session = connect(httpsUrl(server, ""), { rejectUnauthorized: false });
    session.once("connect", () => resolve(session));
    session.once("error", reject);
  });
}

/** Common name of the certificate that a new connection is shown. */
function shownName(server: TestServer): Promise<string> {
  const port = Number(new URL(server.hls("")).port);
  return new Promise((resolve, reject) => {
    const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

clientTest(
  "HTTPS: playlists are held and parts downloaded by HTTP/2 on one connection; a new certificate drops nobody",
  ["ffmpeg", "openssl"],
  LIMIT_MS,
  async () => {
    using certificates = new Certificates("one");
    await using server = await TestServer.start({ config: configOf(certificates) });
    await using _ = ffmpegPublisher(await clip("av"), server.rtsp("cam"));
    await server.waitForLog(/is publishing to path 'cam'/);
    const session = await openSession(server);
    const index = await get(session, "/cam/index.m3u8");
    expect([index.status, index.headers["server"]]).toEqual([200, "mediamtx"]);
    const first = (await get(session, "/cam/stream.m3u8")).body.toString();
    const hint = /PRELOAD-HINT:TYPE=PART,URI="(.*?)"/.exec(first)?.[1] ?? "";
    const segment = Number(/_seg(\d+)\.mp4\n(?![\s\S]*_seg)/.exec(first)?.[1]) + 1;
    // held, on the same connection as what is answered at once
    const held = get(session, `/cam/${hint}`);
    const next = get(session, `/cam/stream.m3u8?_HLS_msn=${segment + 1}&_HLS_part=0`);
    expect(await shownName(server)).toBe("one");
    certificates.make("two");
    await server.waitForLog(/\[HLS\] certificate reloaded from/);
    expect(await shownName(server)).toBe("two");
    const [part, playlist] = await Promise.all([held, next]);
    expect([part.status, part.body.toString("latin1", 4, 8)]).toEqual([200, "moof"]);
    expect(playlist.body.toString()).toContain(`_seg${segment}.mp4`);
    // the old one takes no more (GOAWAY), as with any server that lets connections run out
    const other = await openSession(server);
    const stretch = await get(other, `/cam/${hint}`, { range: "bytes=4-7" });
    expect([stretch.status, stretch.body.toString()]).toEqual([206, "moof"]);
    other.close();
    session.close();
  },
);

clientTest("HTTPS: FFmpeg plays, and curl agrees on HTTP/2", ["ffmpeg", "openssl"], LIMIT_MS, async () => {
  using certificates = new Certificates("one");
  await using server = await TestServer.start({ config: `hlsVariant: fmp4\n${configOf(certificates)}` });
  await using _ = ffmpegPublisher(await clip("av"), server.rtsp("cam"));
  await server.waitForLog(/is publishing to path 'cam'/);
  const input = ["-tls_verify", "0", "-i", httpsUrl(server, "cam/index.m3u8"), "-t", "3"];
  await using reader = new Client(["ffmpeg", "-nostdin", "-v", "warning", ...input, "-f", "null", "-"]);
  const { stderr } = await reader.success();
  expect(stderr.replace(/^.*(Found duplicated MOOV|Skip|keepalive|repeated).*$/gm, "").trim()).toBe("");
  if (Bun.which("curl") === null) return;
  for (const [flag, version] of [
    ["--http2", "2"],
    ["--http1.1", "1.1"],
  ] as const) {
    const format = ["-w", "%{http_version} %{http_code}", "-o", "/dev/null"];
    const curl = new Client(["curl", "-sk", flag, ...format, httpsUrl(server, "cam/index.m3u8")]);
    expect(new TextDecoder().decode((await curl.success()).stdout)).toBe(`${version} 200`);
  }
});

test.skipIf(!has("openssl"))(
  "HTTPS: without a certificate the server does not start, and says why",
  async () => {
    const config = "hlsEncryption: yes\nhlsServerKey: /none.key\nhlsServerCert: /none.crt\n";
    await expect(TestServer.start({ config })).rejects.toThrow("open /none.key: no such file or directory");
  },
  LIMIT_MS,
);
