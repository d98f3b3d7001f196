import { expect, test } from "bun:test";
import { existsSync, readFileSync, renameSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { RtspClient } from "../support/rtsp-client.ts";
import { Arena } from "./arena.ts";

const LIMIT_MS = 60_000;
const TIMEOUTS = "readTimeout: 5s\nwriteTimeout: 5s\n";
const LINE = /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d (DEB|INF|WAR|ERR) \S/;

test.concurrent(
  "every parameter of the log changes while the server runs, and nobody is dropped",
  async () => {
    await using arena = await Arena.start({ timeouts: "5s", errors: /dev.full/ });
    const { server } = arena;
    const file = (name: string) => join(server.folder, name);
    const text = (name: string) => (existsSync(file(name)) ? readFileSync(file(name), "utf8") : "");
    const reload = (config: string) => server.writeConfig(`${TIMEOUTS}${config}\npaths:\n  all:\n`);
    const visit = async () => {
      await using client = await RtspClient.connect(arena.url("nobody"));
      await client.request("DESCRIBE");
      return client.local;
    };
    const has = (name: string, line: string) => server.until(() => text(name).includes(line), line);

    reload("logDestinations: [stdout, file]\nlogFile: one.log");
    await server.until(() => existsSync(file("one.log")), "the file is there");
    await has("one.log", `[conn ${await visit()}] opened`);

    reload("logDestinations: [file, stdout]\nlogFile: two.log\nlogLevel: debug");
    await server.until(() => existsSync(file("two.log")), "the other file is there");
    await has("two.log", `[conn ${await visit()}] [c->s] DESCRIBE rtsp://`);
    expect(text("one.log")).not.toContain("DEB");

    renameSync(file("two.log"), file("two.log.1"));
    server.kill("SIGHUP");
    await server.until(() => existsSync(file("two.log")), "the file is there again");
    await has("two.log", `[conn ${await visit()}] opened`);

    reload("logDestinations: [stdout, file]\nlogFile: two.log\nlogStructured: yes");
    await server.until(async () => {
      await visit();
      return /^\{"timestamp"/m.test(server.log) && /^\{"timestamp"/m.test(text("two.log"));
    }, "lines are objects");

    reload("logDestinations: [file]\nlogFile: /dev/full");
    await server.until(async () => {
      await visit();
      return /ERR log file \/dev\/full: no space left on device; retrying/.test(server.log);
    }, "a full disk is told");
    reload("logDestinations: [stdout]\nlogLevel: warn");
    const from = server.log.length;
    await server.until(async () => (await visit()) !== "", "a visit");
    reload("logLevel: info");
    await server.until(async () => {
      await visit();
      return / INF \[RTSP\] \[conn/.test(server.log.slice(from));
    }, "info is logged again");
    await arena.settle();
  },
  LIMIT_MS,
);

test.concurrent(
  "a log file that cannot be opened does not keep the server from starting",
  async () => {
    await using arena = await Arena.start({
      config: "logDestinations: [file, stdout]\nlogFile: no/such/folder/log",
      errors: /log file no\/such/,
    });
    expect(arena.server.log).toMatch(/ERR log file no\/such\/folder\/log: no such file or directory/);
    await arena.settle();
  },
  LIMIT_MS,
);

/** Requests that would forge, flood or tell something. */
const FORGED = "2023/01/01 00:00:00 ERR forged";
const HOSTILE = [
  `DESCRIBE rtsp://h/a\u202e\u2028\x85${FORGED.replaceAll(" ", "")} RTSP/1.0\r\nCSeq: 1\r\n\r\n`,
  `OPTIONS rtsp://u:s3cr3t@h/a?token=s3cr3t&pass=s3cr3t RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: ${"x".repeat(2_000)}\r\n` +
    "Authorization: Basic czNjcjN0\r\nCookie: s3cr3t\r\nProxy-Authorization: Digest s3cr3t\r\n\r\n",
  "ANNOUNCE rtsp://h/a RTSP/1.0\r\nCSeq: 1\r\nContent-Type: application/sdp\r\nContent-Length: 51\r\n\r\n" +
    "v=0\r\nk=clear:s3cr3t\r\na=control:rtsp://u:s3cr3t@h/x\r\n",
  "SET_PARAMETER rtsp://h/a RTSP/1.0\r\nCSeq: 1\r\nContent-Type: text/parameters\r\nContent-Length: 16\r\n\r\npassword: s3cr3t",
  "Authorization: Basic s3cr3t\r\n\r\n",
  "DESCRIBE rtsp://h/a RTSP/1.0\r\nAuthorization Basic s3cr3t\r\nCSeq: 1\r\n\r\n",
  `\x1b[2J\x1b]0;owned\x07 ${FORGED}\r\n\r\n`,
  `DESCRIBE rtsp://h/${"p".repeat(2_000)} RTSP/1.0\r\nCSeq: 1\r\n\r\n`,
  "DESCRIBE rtsp://u:s3cr3t@h:99999999/ RTSP/1.0\r\nCSeq: 1\r\n\r\n",
];

/** Sends bytes and waits for the end of the connection, or for an answer. */
function send(port: number, text: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = createConnection(port, "127.0.0.1", () => socket.write(text));
    socket.on("data", () => socket.end());
    socket.on("error", () => {});
    socket.on("close", () => resolve());
  });
}

test.concurrent(
  "nothing that clients send forges or floods a line, or gets a credential into one, dumps of requests included",
  async () => {
    await using arena = await Arena.start({
      config:
        "logLevel: debug\npaths:\n  all:\n  cam:\n    source: rtsp://u:s3cr3t@127.0.0.1:1/x?token=s3cr3t\n" +
        "  web:\n    source: http://u:s3cr3t@127.0.0.1:1/x.m3u8?token=s3cr3t\n",
      errors: /path (cam|web)/,
    });
    const { server } = arena;
    for (const text of HOSTILE) await send(server.rtspPort, text);
    const url = server.hls("cam/index.m3u8?token=s3cr3t&user=s3cr3t&p%61ss=s3cr3t");
    const headers = { Authorization: "Basic czNjcjN0", Cookie: "s3cr3t", "User-Agent": "\u00a0\u0085agent" };
    await (await fetch(url, { headers })).text();
    await server.waitForLog(/\[HLS\] \[conn [^\]]+\] \[c->s\] GET \/cam\/index\.m3u8\?token=\*\*\*&/);
    await server.waitForLog(/\[path web\] \[HLS source\] .*refused/);
    for (const line of server.log.trimEnd().split("\n")) {
      expect(line).toMatch(LINE);
      expect(line.length).toBeLessThan(8_400);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there
      expect(line).not.toMatch(/[\x00-\x1f\x7f-\x9f\u2028\u202e]/);
    }
    expect(server.log).not.toMatch(/s3cr3t|czNjcjN0/);
    expect(server.log).not.toMatch(/^\S+ \S+ ERR forged/m);
    expect(server.log).toContain(
      "[c->s] OPTIONS rtsp://***@h/a?token=***&pass=*** RTSP/1.0\\r\\nAuthorization: ***",
    );
    expect(server.log).toContain("(body of 16 bytes)");
    await arena.settle();
  },
  LIMIT_MS,
);
