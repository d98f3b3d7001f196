import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { syntheticTracks } from "../support/media.ts";
import { RtspClient } from "../support/rtsp-client.ts";
import { Arena } from "./arena.ts";
import { TestPublisher } from "./publisher.ts";
import { TestReader } from "./reader.ts";

const LIMIT_MS = 60_000;
const hashed = (text: string) => `sha256:${createHash("sha256").update(text).digest("base64")}`;
const PATHS = `paths:
  witness:
  guarded:
    publishUser: pub
    publishPass: secret1
    readUser: ${hashed("reader")}
    readPass: ${hashed("secret2")}
  local:
    readIPs: [127.0.0.0/8]
  remote:
    readIPs: [10.0.0.0/8]
    publishIPs: [127.0.0.1]
`;
const basic = (user: string, pass: string) => `Basic ${Buffer.from(`${user}:${pass}`).toString("base64")}`;

/** Statuses of one DESCRIBE after the other on one connection. */
async function describeAll(url: string, credentials: readonly (string | undefined)[]): Promise<number[]> {
  await using client = await RtspClient.connect(url);
  const statuses: number[] = [];
  for (const value of credentials) {
    const headers = value === undefined ? {} : { Authorization: value };
    statuses.push((await client.request("DESCRIBE", { headers })).status);
  }
  return statuses;
}

test.concurrent(
  "three tries are answered by a challenge, the fourth after two seconds without one, and the connection ends",
  async () => {
    await using arena = await Arena.start({ config: PATHS, timeouts: "5s" });
    {
      await using client = await RtspClient.connect(arena.url("guarded"));
      for (const value of [undefined, basic("reader", "wrong"), basic("nobody", "secret2")]) {
        const headers = value === undefined ? {} : { Authorization: value };
        const { status, headers: answer } = await client.request("DESCRIBE", { headers });
        expect([status, answer.get("WWW-Authenticate")]).toEqual([401, 'Basic realm="IPCAM"']);
      }
      const before = performance.now();
      const last = await client.request("DESCRIBE", { headers: { Authorization: basic("a", "b") } });
      expect([last.status, last.headers.get("WWW-Authenticate")]).toEqual([401, undefined as never]);
      expect(performance.now() - before).toBeGreaterThan(1_900);
      await client.closed;
      await arena.logged(/closed \(authentication failed: invalid credentials\)/);
      expect(arena.server.log).not.toContain("secret2");
      expect(await describeAll(arena.url("guarded"), [undefined, basic("reader", "secret2")])).toEqual([
        401, 404,
      ]);
    }
    await arena.settle();
  },
  LIMIT_MS,
);

test.concurrent(
  "without credentials nobody learns which paths there are, and which are live",
  async () => {
    await using arena = await Arena.start({ config: PATHS });
    {
      const answers = new Set<string>();
      for (const path of ["guarded", "nowhere", "also/nowhere"]) {
        await using client = await RtspClient.connect(arena.url(path));
        for (const method of ["DESCRIBE", "ANNOUNCE"]) {
          const headers = { "Content-Type": "application/sdp" };
          const { status, headers: answer } = await client.request(method, { headers, body: "v=0\r\n" });
          answers.add(`${status} ${answer.entries().filter(([name]) => name !== "CSeq")}`);
        }
      }
      expect([...answers]).toEqual(['401 Server,gortsplib,WWW-Authenticate,Basic realm="IPCAM"']);
      expect(await describeAll(arena.url("local"), [undefined])).toEqual([404]);
      expect(await describeAll(arena.url("remote"), [undefined])).toEqual([401]);
    }
    await arena.settle();
  },
  LIMIT_MS,
);

describe("publishing and reading with credentials", () => {
  for (const method of ["basic", "digest"] as const) {
    test.concurrent(
      method,
      async () => {
        const plain = PATHS.replace(hashed("reader"), "reader").replace(hashed("secret2"), "secret2");
        await using arena = await Arena.start({ config: `authMethods: [${method}]\n${plain}` });
        {
          const clip = syntheticTracks();
          await using publisher = await TestPublisher.start(withUser(arena.url("guarded"), "pub", "secret1"));
          await using reader = await TestReader.start(
            withUser(arena.url("guarded"), "reader", "secret2"),
            clip,
          );
          await reader.more(50);
          expect(reader.faults).toEqual([]);
          const wrong = TestReader.start(withUser(arena.url("guarded"), "reader", "secret1"), clip);
          await expect(wrong).rejects.toThrow("401");
          expect(publisher.client.isClosed).toBe(false);
          if (method === "digest") {
            const statuses = await describeAll(arena.url("guarded"), [basic("reader", "secret2")]);
            expect(statuses).toEqual([401]);
          }
        }
        await arena.settle();
      },
      LIMIT_MS,
    );
  }
});

function withUser(url: string, user: string, pass: string): string {
  return url.replace("//", `//${user}:${pass}@`);
}

test.concurrent(
  "without credentials nobody starts a source",
  async () => {
    const source =
      "    source: rtsp://127.0.0.1:1/none\n    sourceOnDemand: yes\n    readUser: a\n    readPass: b\n";
    await using arena = await Arena.start({ config: `${PATHS}  camera:\n${source}`, errors: /path camera/ });
    {
      const wrong = basic("a", "c");
      expect(await describeAll(arena.url("camera"), [undefined, wrong])).toEqual([401, 401]);
      await using client = await RtspClient.connect(arena.url("camera"));
      const headers = { Transport: "RTP/AVP/TCP;unicast" };
      expect((await client.request("SETUP", { url: "/trackID=0", headers })).status).toBe(401);
      expect(arena.server.log).not.toContain("[RTSP source]");
      const { items } = await arena.server.api<{ items: { name: string }[] }>("/v2/paths/list");
      expect(items.find(({ name }) => name === "camera")).toMatchObject({ ready: false });
      void client.request("DESCRIBE", { headers: { Authorization: basic("a", "b") } }).catch(() => {});
      await arena.logged(/\[path camera\] \[RTSP source\] started/);
      client.terminate();
    }
    await arena.settle();
  },
  LIMIT_MS,
);

/** The same server under another address of ours. */
const otherAddress = (url: string) => url.replace("127.0.0.1", "[::1]");
/** A server that listens under both. */
const BOTH = `rtspAddress: :0\n${PATHS}`;

test.concurrent(
  "guesses over many connections get 50 verdicts a second; other addresses notice nothing",
  async () => {
    await using arena = await Arena.start({ config: BOTH, timeouts: "5s", peakMb: 300 });
    {
      const start = performance.now();
      const verdicts: number[] = [];
      const wanted = 150;
      const guess = async (i: number) => {
        while (verdicts.length < wanted) {
          try {
            await using client = await RtspClient.connect(arena.url("guarded"));
            for (let t = 0; t < 3; t++) {
              const headers = { Authorization: basic("reader", `guess ${i} ${t}`) };
              await client.request("DESCRIBE", { headers });
              verdicts.push(performance.now());
            }
          } catch {
            // refused: that many wait already
          }
        }
      };
      const guesses = Array.from({ length: 200 }, (_, i) => guess(i));
      const waits: number[] = [];
      while (verdicts.length < wanted) {
        const before = performance.now();
        expect(await describeAll(otherAddress(arena.url("guarded")), [basic("reader", "secret2")])).toEqual([
          404,
        ]);
        waits.push(performance.now() - before);
        await arena.witness.more(5);
      }
      await Promise.all(guesses);
      for (const [i, at] of verdicts.entries())
        expect(i).toBeLessThanOrEqual((50 * (at - start)) / 1_000 + 5);
      expect(waits.sort((a, b) => a - b)[waits.length >> 1]).toBeLessThan(500);
      expect(await describeAll(arena.url("guarded"), [basic("reader", "secret2")])).toEqual([404]);
    }
    await arena.settle();
  },
  LIMIT_MS,
);

test.concurrent(
  "a client that guesses without waiting for verdicts gets none sooner, and the address can log in again within a minute",
  async () => {
    await using arena = await Arena.start({ config: BOTH, timeouts: "5s", peakMb: 300 });
    {
      const right = basic("reader", "secret2");
      const wrong = basic("reader", "secret1");
      const flood = () => Promise.all(Array.from({ length: 50 }, () => abandon(arena.url("guarded"), wrong)));
      // 50 a second get their verdict meanwhile, and 500 may wait
      const start = performance.now();
      for (let sent = 0; sent < 550 + (performance.now() - start) / 20; sent += 50) await flood();
      const full = performance.now();
      const [, ...answers] = await Promise.all([
        flood(),
        ...[right, wrong].map((value) => describe401(arena, value)),
      ]);
      for (const { status, challenge, ms } of answers) {
        expect([status, challenge]).toEqual([401, undefined]);
        expect(ms).toBeLessThan(8_000); // no verdict, and so before its turn
      }
      expect(await describeAll(otherAddress(arena.url("guarded")), [right])).toEqual([404]);
      // the path has no stream: that it is said tells a right password, and waits for its turn
      const login = await describe401(arena, right);
      expect(login.status).toBe(404);
      expect(login.ms).toBeGreaterThan(5_000);
      expect(performance.now() - full).toBeLessThan(60_000);
    }
    await arena.settle();
  },
  2 * LIMIT_MS,
);

/** Sends a guess and is gone. */
async function abandon(url: string, credentials: string): Promise<void> {
  const client = await RtspClient.connect(url);
  const answered = client.request("DESCRIBE", { headers: { Authorization: credentials } }).catch(() => {});
  await client.sent();
  client.halfClose();
  await Promise.race([answered, client.closed]);
}

async function describe401(arena: Arena, credentials: string) {
  const before = performance.now();
  await using client = await RtspClient.connect(arena.url("guarded"));
  const { status, headers } = await client.request("DESCRIBE", { headers: { Authorization: credentials } });
  return { status, challenge: headers.get("WWW-Authenticate"), ms: performance.now() - before };
}

test.concurrent(
  "an address holds at most 512 connections that never authenticated, none for long; others come in",
  async () => {
    await using arena = await Arena.start({ config: BOTH, timeouts: "5s", peakMb: 300 });
    {
      const start = performance.now();
      const dialled = await Promise.all(
        Array.from({ length: 700 }, () => RtspClient.connect(arena.url("guarded")).catch(() => undefined)),
      );
      const clients = dialled.filter((client) => client !== undefined);
      await arena.logged(/closed \(too many unauthenticated connections from this address\)/);
      const open = () => clients.filter(({ isClosed }) => !isClosed).length;
      await arena.server.until(() => open() <= 512, "no more than 512 are open");
      expect(open()).toBeGreaterThan(500);
      expect(await describeAll(otherAddress(arena.url("witness")), [undefined])).toEqual([200]);
      const talk = setInterval(() => {
        for (const client of clients) if (!client.isClosed) client.request("OPTIONS").catch(() => {});
      }, 500);
      await Promise.all(clients.map(({ closed }) => closed));
      clearInterval(talk);
      expect(performance.now() - start).toBeLessThan(25_000);
      await arena.logged(/closed \(i\/o timeout: not authenticated\)/);
      expect(await describeAll(arena.url("guarded"), [basic("reader", "secret2")])).toEqual([404]);
    }
    await arena.settle();
  },
  2 * LIMIT_MS,
);
