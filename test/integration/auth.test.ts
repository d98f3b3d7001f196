import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { syntheticTracks } from "../support/media.ts";
import { RtspClient } from "../support/rtsp-client.ts";
import { Arena } from "./arena.ts";
import { TestPublisher } from "./publisher.ts";
import { TestReader } from "./reader.ts";

const LIMIT_MS = 40_000;
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
  "guesses over many connections get 50 verdicts a second, and the address can log in soon after",
  async () => {
    await using arena = await Arena.start({ config: PATHS, timeouts: "5s", peakMb: 300 });
    {
      const end = performance.now() + 4_000;
      let verdicts = 0;
      const guess = async (i: number) => {
        while (performance.now() < end) {
          try {
            await using client = await RtspClient.connect(arena.url("guarded"));
            for (let t = 0; t < 3; t++) {
              const headers = { Authorization: basic("reader", `guess ${i} ${t}`) };
              await client.request("DESCRIBE", { headers });
              if (performance.now() < end) verdicts += 1;
            }
          } catch {
            // refused: that many wait already
          }
        }
      };
      await Promise.all(Array.from({ length: 200 }, (_, i) => guess(i)));
      expect(verdicts).toBeLessThanOrEqual(4 * 50 + 5);
      expect(verdicts).toBeGreaterThan(100);
      expect(await describeAll(arena.url("guarded"), [basic("reader", "secret2")])).toEqual([404]);
    }
    await arena.settle();
  },
  LIMIT_MS,
);

test.concurrent(
  "an address holds at most 512 connections that never authenticated, none for long",
  async () => {
    await using arena = await Arena.start({ config: PATHS, timeouts: "2s", peakMb: 300 });
    {
      const dialled = await Promise.all(
        Array.from({ length: 700 }, () => RtspClient.connect(arena.url("guarded")).catch(() => undefined)),
      );
      const clients = dialled.filter((client) => client !== undefined);
      await arena.logged(/closed \(too many connections of this address have not authenticated\)/);
      const talk = setInterval(() => {
        for (const client of clients) if (!client.isClosed) client.request("OPTIONS").catch(() => {});
      }, 500);
      await Promise.all(clients.map(({ closed }) => closed));
      clearInterval(talk);
      await arena.logged(/closed \(i\/o timeout: never authenticated\)/);
    }
    await arena.settle();
  },
  LIMIT_MS,
);
