import { expect, test } from "bun:test";
import type { Socket } from "node:net";
import { AuthServer, only, type Question, reply } from "../support/auth-server.ts";
import { RtspClient } from "../support/rtsp-client.ts";
import { ONCE } from "../support/server.ts";
import { Arena, type ArenaOptions, SHORT } from "./arena.ts";
import { TestPublisher } from "./publisher.ts";
import { TestReader } from "./reader.ts";

const LIMIT_MS = 60_000;
const basic = (user: string, pass: string) => `Basic ${Buffer.from(`${user}:${pass}`).toString("base64")}`;
const withUser = (url: string, user: string, pass: string) => url.replace("//", `//${user}:${pass}@`);

/** Answers for the witness of an arena, who brings no credentials; the others are for `answer`. */
function besideWitness(answer: (question: Question, socket: Socket) => void) {
  return (question: Question, socket: Socket) => {
    if (question.path === "witness") reply(socket, 200);
    else answer(question, socket);
  };
}

function startArena(auth: AuthServer, options: ArenaOptions = {}): Promise<Arena> {
  const { config = "paths:\n  all:\n", ...rest } = options;
  return Arena.start({
    ...rest,
    config: `externalAuthenticationURL: ${auth.url}\n${config}`,
  });
}

/** GET on a connection of its own. */
function get(url: string, authorization?: string): Promise<Response> {
  const headers = { ...ONCE.headers, ...(authorization !== undefined && { Authorization: authorization }) };
  return fetch(url, { ...ONCE, headers });
}

/** One DESCRIBE on a connection of its own. */
async function describe(url: string, authorization?: string) {
  await using client = await RtspClient.connect(url);
  const start = performance.now();
  const headers = authorization === undefined ? {} : { Authorization: authorization };
  const { status, headers: answer } = await client.request("DESCRIBE", { headers });
  return { status, challenge: answer.get("WWW-Authenticate"), ms: performance.now() - start };
}

test.concurrent(
  "the server is told of RTSP and HLS clients, key by key",
  async () => {
    await using auth = await AuthServer.start(besideWitness(only({ pub: "p1", viewer: "p'2\"" })));
    await using arena = await startArena(auth);
    {
      const before = auth.questions.length;
      await using publisher = await TestPublisher.start(
        withUser(`${arena.url("cam")}?a=b&c=%20`, "pub", "p1"),
      );
      const [first, second, ...more] = auth.questions.slice(before);
      const { items } = await arena.server.api<{ items: { id: string; remoteAddr: string }[] }>(
        "/v2/rtspconns/list",
      );
      const id = items.find(({ remoteAddr }) => remoteAddr === publisher.client.local)?.id;
      const body = { ip: "127.0.0.1", user: "", password: "", path: "cam", protocol: "rtsp" };
      expect(first?.body).toBe(JSON.stringify({ ...body, id, action: "publish", query: "a=b&c=%20" }));
      expect(second?.body).toBe(
        JSON.stringify({ ...body, user: "pub", password: "p1", id, action: "publish", query: "a=b&c=%20" }),
      );
      expect(more).toEqual([]);
      expect(first?.head).toMatch(/^content-type: application\/json$/im);
      expect(items.every((item) => item.id.length === 36)).toBe(true);

      const asked = auth.questions.length;
      const url = arena.server.hls("cam/?token=x&y");
      const refused = await get(url);
      expect([refused.status, refused.headers.get("WWW-Authenticate")]).toEqual([
        401,
        'Basic realm="mediamtx"',
      ]);
      const allowed = await get(url, basic("viewer", "p'2\""));
      expect(allowed.status).toBe(200);
      await allowed.text();
      expect(auth.questions.slice(asked).map(({ body }) => body)).toEqual(
        [
          ["", ""],
          ["viewer", "p'2\""],
        ].map(([user, password]) =>
          JSON.stringify({
            ip: "127.0.0.1",
            user,
            password,
            path: "cam",
            protocol: "hls",
            id: null,
            action: "read",
            query: "token=x&y",
          }),
        ),
      );
    }
    await arena.settle();
  },
  LIMIT_MS,
);

test.concurrent(
  "without credentials nobody learns which paths there are, and which are live; who may pass does",
  async () => {
    await using auth = await AuthServer.start(besideWitness(only({ me: "secret" })));
    await using arena = await startArena(auth, { config: "paths:\n  witness:\n  live:\n  idle:\n" });
    {
      await using publisher = await TestPublisher.start(withUser(arena.url("live"), "me", "secret"));
      const answers = new Set<string>();
      for (const path of ["live", "idle", "nowhere"]) {
        for (const value of [undefined, basic("me", "wrong")]) {
          const { status, challenge } = await describe(arena.url(path), value);
          answers.add(`${status} ${challenge}`);
        }
        const { status, headers } = await get(arena.server.hls(`${path}/index.m3u8`));
        answers.add(`${status} ${headers.get("WWW-Authenticate")?.replace("mediamtx", "IPCAM")}`);
      }
      expect([...answers]).toEqual(['401 Basic realm="IPCAM"']);
      const statuses = await Promise.all(
        ["live", "idle", "nowhere"].map(
          async (path) => (await describe(arena.url(path), basic("me", "secret"))).status,
        ),
      );
      expect(statuses).toEqual([200, 404, 400]);
      for (const file of ["nowhere/", "nowhere/index.m3u8", "idle/index.m3u8"]) {
        expect((await get(arena.server.hls(file), basic("me", "secret"))).status).toBe(404);
      }
      expect(publisher.client.isClosed).toBe(false);
    }
    await arena.settle();
  },
  LIMIT_MS,
);

/** Ways to answer that hurt. */
const HOSTILE: Readonly<Record<string, (socket: Socket) => void>> = {
  hangs: () => {},
  "answers 500": (socket) => reply(socket, 500, "out of order: \x1b[31m\n2023/01/01 00:00:00 ERR forged"),
  closes: (socket) => socket.destroy(),
  "answers 10 MB": (socket) => reply(socket, 403, "x".repeat(10 * 1024 * 1024)),
  "drips its head": (socket) => drip(socket, "HTTP/1.1 200 OK\r\nX: "),
  "drips its body": (socket) => drip(socket, "HTTP/1.1 403 No\r\nContent-Length: 99999\r\n\r\n"),
  "answers rubbish": (socket) => socket.end("\0\0\0 rubbish"),
  "sends elsewhere": (socket) =>
    void socket.write("HTTP/1.1 302 Found\r\nLocation: /auth\r\nContent-Length: 0\r\n\r\n"),
};

function drip(socket: Socket, text: string): void {
  socket.write(text);
  const timer = setInterval(() => (socket.destroyed ? clearInterval(timer) : socket.write("x")), 50);
  socket.on("close", () => clearInterval(timer));
}

for (const [name, hurt] of Object.entries(HOSTILE)) {
  test.concurrent(
    `an authentication server that ${name} refuses those it was asked about, and harms nobody else`,
    async () => {
      const answer = only({ good: "one" });
      await using auth = await AuthServer.start(
        besideWitness((question, socket) =>
          question.user === "bad" ? hurt(socket) : answer(question, socket),
        ),
      );
      await using arena = await startArena(auth, {
        timeouts: SHORT,
        peakMb: 300,
        errors: /failed to authenticate/,
      });
      {
        await using publisher = await TestPublisher.start(withUser(arena.url("cam"), "good", "one"));
        await using reader = await TestReader.start(
          withUser(arena.url("cam"), "good", "one"),
          publisher.tracks,
        );
        const start = performance.now();
        const bad = Promise.all(
          Array.from({ length: 15 }, () => describe(arena.url("cam"), basic("bad", "one"))),
        );
        const badHls = get(arena.server.hls("cam/index.m3u8"), basic("bad", "one"));
        const waits: number[] = [];
        for (let i = 0; i < 5; i++) {
          const { status, ms } = await describe(arena.url("cam"), basic("good", "one"));
          expect(status).toBe(200);
          waits.push(ms);
          await reader.more(10);
        }
        expect(waits.sort((a, b) => a - b)[2]).toBeLessThan(1_500);
        for (const { status, ms } of await bad) {
          expect(status).toBe(401);
          expect(ms).toBeLessThan(4_500);
        }
        expect((await badHls).status).toBe(401);
        expect(performance.now() - start).toBeLessThan(8_000);
        expect(reader.faults).toEqual([]);
        expect(arena.server.log).not.toMatch(/^\S+ \S+ ERR forged/m);
      }
      await arena.settle();
    },
    LIMIT_MS,
  );
}

test.concurrent(
  "a server that is not there refuses newcomers, is named in the log, and those who are in go on through reloads",
  async () => {
    await using auth = await AuthServer.start(besideWitness(only({ good: "one" })));
    await using arena = await startArena(auth);
    {
      const { server } = arena;
      await using publisher = await TestPublisher.start(withUser(arena.url("cam"), "good", "one"));
      const timeouts = "readTimeout: 10s\nwriteTimeout: 10s\n";
      server.writeConfig(
        `${timeouts}externalAuthenticationURL: http://127.0.0.1:1/secret-path\npaths:\n  all:\n`,
      );
      await server.waitForLog(/reloading configuration/);
      await server.until(
        async () => (await describe(arena.url("cam"), basic("good", "one"))).status === 401,
        "the new server is asked",
      );
      await server.waitForLog(
        /request to the authentication server failed: http:\/\/127\.0\.0\.1:1: connection refused/,
      );
      expect(server.log).not.toContain("secret-path");
      server.writeConfig(`${timeouts}paths:\n  all:\n`);
      await server.until(async () => (await describe(arena.url("cam"))).status === 200, "nobody is asked");
      expect(publisher.client.isClosed).toBe(false);
      expect((await get(server.hls("cam/"))).status).toBe(200);
    }
    await arena.settle();
  },
  LIMIT_MS,
);

test.concurrent(
  "guesses of one address reach the server at twenty a second; another address notices nothing",
  async () => {
    await using auth = await AuthServer.start(besideWitness(only({ good: "one" })));
    await using arena = await startArena(auth, {
      config: "rtspAddress: :0\npaths:\n  all:\n",
      timeouts: "4s",
      peakMb: 300,
    });
    {
      const start = performance.now();
      const tries = () => auth.questions.filter(({ password }) => password.startsWith("guess"));
      const isOver = () => tries().length >= 80;
      const guess = async (i: number) => {
        while (!isOver()) {
          try {
            await using client = await RtspClient.connect(arena.url("cam"));
            for (let t = 0; t < 3; t++) {
              await client.request("DESCRIBE", {
                headers: { Authorization: basic("good", `guess ${i} ${t}`) },
              });
            }
          } catch {
            // refused: that many wait already
          }
        }
      };
      const guesses = Array.from({ length: 200 }, (_, i) => guess(i));
      const waits: number[] = [];
      while (!isOver()) {
        const { status, ms } = await describe(
          arena.url("cam").replace("127.0.0.1", "[::1]"),
          basic("good", "one"),
        );
        expect(status).toBe(404);
        waits.push(ms);
        await arena.witness.more(5);
      }
      await Promise.all(guesses);
      for (const [i, { at }] of tries().entries())
        expect(i).toBeLessThanOrEqual(20 + (20 * (at - start)) / 1_000);
      expect(waits.sort((a, b) => a - b)[waits.length >> 1]).toBeLessThan(500);
    }
    await arena.settle();
  },
  LIMIT_MS,
);

test.concurrent(
  "a client that leaves before the answer leaves nothing behind",
  async () => {
    const waiting: Socket[] = [];
    await using auth = await AuthServer.start(besideWitness((_, socket) => void waiting.push(socket)));
    await using arena = await startArena(auth);
    {
      const clients = await Promise.all(
        Array.from({ length: 15 }, () => RtspClient.connect(arena.url("cam"))),
      );
      const sdp =
        "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n";
      const headers = { "Content-Type": "application/sdp", Authorization: basic("a", "b") };
      const asked = clients.map((client) =>
        client.request("ANNOUNCE", { headers, body: sdp }).catch(() => "gone"),
      );
      await arena.server.until(() => waiting.length === 15, "all are asked about");
      for (const client of clients) client.terminate();
      expect(new Set(await Promise.all(asked))).toEqual(new Set(["gone"]));
      const gone = () => [...arena.server.log.matchAll(/closed \(/g)].length;
      await arena.server.until(() => gone() >= 15, "all are gone");
      for (const socket of waiting) reply(socket, 200);
      await arena.witness.more(20);
      const { items } = await arena.server.api<{ items: unknown[] }>("/v2/rtspsessions/list");
      expect(items).toHaveLength(2);
      expect((await arena.server.api<{ items: { name: string }[] }>("/v2/paths/list")).items).toHaveLength(1);
    }
    await arena.settle();
  },
  LIMIT_MS,
);

test.concurrent(
  "the same question of many viewers is asked once at a time",
  async () => {
    const held: Socket[] = [];
    const answer = only({ good: "one" });
    let isHolding = false;
    await using auth = await AuthServer.start(
      besideWitness((question, socket) => {
        if (isHolding) held.push(socket);
        else answer(question, socket);
      }),
    );
    await using arena = await startArena(auth);
    {
      await using _publisher = await TestPublisher.start(withUser(arena.url("cam"), "good", "one"));
      isHolding = true;
      const ask = (user: string) => get(arena.server.hls("cam/"), basic(user, "one"));
      const same = Array.from({ length: 100 }, () => ask("good"));
      const others = [ask("other"), ask("third")];
      await arena.server.until(() => held.length === 3, "three questions");
      const before = performance.now();
      for (const socket of held) reply(socket, 200);
      isHolding = false;
      const statuses = (await Promise.all([...same, ...others])).map(({ status }) => status);
      expect(new Set(statuses)).toEqual(new Set([200]));
      expect(held).toHaveLength(3);
      expect(performance.now() - before).toBeLessThan(5_000);
    }
    await arena.settle();
  },
  LIMIT_MS,
);

test.concurrent(
  "an answer that repeats the question brings no credential into the log",
  async () => {
    await using auth = await AuthServer.start(
      besideWitness(({ body }, socket) =>
        reply(socket, 401, `denied ${body} ${Buffer.from("me:t0ps3cret").toString("base64")}`),
      ),
    );
    await using arena = await startArena(auth, { config: "logLevel: debug\npaths:\n  all:\n" });
    {
      await using client = await RtspClient.connect(`${arena.url("cam")}?code=qu3rys3cret`);
      for (let i = 0; i < 4; i++) {
        await client.request("DESCRIBE", { headers: { Authorization: basic("me", "t0ps3cret") } });
      }
      await arena.logged(
        /closed \(authentication failed: external authentication failed: server replied with code 401: denied/,
      );
      expect(arena.server.log).not.toContain("t0ps3cret");
      expect(
        arena.server.log
          .split("\n")
          .filter((line) => line.includes("closed ("))
          .join(),
      ).not.toContain("qu3rys3cret");
      expect(arena.server.log).not.toContain(Buffer.from("me:t0ps3cret").toString("base64"));
    }
    await arena.settle();
  },
  LIMIT_MS,
);

test.concurrent(
  "a client that brings a digest to a server that decides is asked for Basic",
  async () => {
    await using auth = await AuthServer.start(besideWitness(only({ good: "one" })));
    await using arena = await startArena(auth, { config: "authMethods: []\npaths:\n  all:\n" });
    const { status, challenge } = await describe(arena.url("cam"), 'Digest username="good", realm="IPCAM"');
    expect([status, challenge]).toEqual([401, 'Basic realm="IPCAM"']);
    expect(auth.questions.filter(({ path }) => path === "cam")).toEqual([]);
    await arena.settle();
  },
  LIMIT_MS,
);
