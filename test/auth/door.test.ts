import { describe, expect, test } from "bun:test";
import type { Credentials } from "../../src/auth/access.ts";
import { Authorizer } from "../../src/auth/authorizer.ts";
import { type Admission, type AdmissionRequest, Door } from "../../src/auth/door.ts";
import { ENTRANCES, type Entrance } from "../../src/auth/entrances.ts";
import { LoginLimiter } from "../../src/auth/login-limiter.ts";
import type { Newcomer, Visitor } from "../../src/auth/newcomer.ts";
import type { Config } from "../../src/config/load.ts";
import { pathNameProblem } from "../../src/config/path-name.ts";
import { RefusedError } from "../../src/lib/errors.ts";
import { testLog } from "../lib/test-log.ts";
import { AuthServer, only } from "../support/auth-server.ts";
import { parseConfig } from "../support/config.ts";
import { FakeClock, settle } from "../support/fake-clock.ts";

const GUARDED = "paths:\n  cam: {readUser: me, readPass: right}\n  open:\n  near: {readIPs: [10.0.0.0/8]}\n";
const NONE: Credentials = { kind: "none" };
const plain = (pass: string): Credentials => ({ kind: "plain", user: "me", pass });
const [RIGHT, WRONG] = [plain("right"), plain("wrong")];

/** An answer, and when it came. */
interface Told {
  /** `in`, `401` for a challenge, `no`, or `no, end`; or the text of what was thrown. */
  readonly answer: string;
  /** ms after the beginning. */
  readonly at: number;
}

/** A door with a fake clock. */
class TestDoor {
  readonly clock = new FakeClock();
  readonly limiter = new LoginLimiter();
  readonly authorizer = new Authorizer(this.clock, testLog().logger);
  readonly log: string[] = [];
  readonly door: Door;

  constructor(text = GUARDED) {
    const config: Config = parseConfig(text);
    const confOf = (path: string) => {
      if (pathNameProblem(path) !== undefined) throw new RefusedError("invalid path name");
      return config.paths.get(path);
    };
    const hasProtectedPaths =
      text.includes("external") || [...config.paths.values()].some(({ readUser }) => readUser !== "");
    const rules = { hasProtectedPaths, confOf };
    const { clock, limiter, authorizer } = this;
    this.door = new Door({ clock, limiter, authorizer, rules });
  }

  async ask(credentials: Credentials, request: Partial<AdmissionRequest> = {}): Promise<Told> {
    const log = (line: string) => void this.log.push(line);
    const asked: AdmissionRequest = {
      entrance: "hls",
      action: "read",
      path: "cam",
      query: "",
      id: null,
      visitor: visitor("10.0.0.1"),
      credentials,
      log,
      ...request,
    };
    const admission = await this.#admit(asked).catch((error: Error) => error);
    const at = this.clock.now();
    if (admission instanceof Error) return { answer: admission.message, at };
    if (admission.kind === "admitted") return { answer: "in", at };
    expect(admission.reason).toStartWith("authentication failed: ");
    const refusal = admission.challenges ? "401" : "no";
    return { answer: admission.ends ? `${refusal}, end` : refusal, at };
  }

  async #admit(request: AdmissionRequest): Promise<Admission> {
    return this.door.admit(request);
  }

  /** Answers to requests, after a minute. */
  async told(requests: Promise<Told>[]): Promise<Told[]> {
    await this.clock.advance(60_000);
    return Promise.all(requests);
  }
}

function visitor(ip: string): Visitor {
  return { ip, signal: new AbortController().signal };
}

/** Expected replies: without credentials, to consecutive wrong passwords on one connection, and when the queue is full. */
const ROWS: Readonly<Record<Entrance, { missing: Told; wrong: Told[]; full: Told; logged: boolean }>> = {
  rtsp: {
    missing: { answer: "401", at: 0 },
    wrong: [
      { answer: "401", at: 0 },
      { answer: "401", at: 0 },
      { answer: "401", at: 0 },
      { answer: "no, end", at: 2_000 },
      { answer: "no, end", at: 2_000 },
    ],
    full: { answer: "no, end", at: 2_000 },
    logged: false,
  },
  rtmp: {
    missing: { answer: "no, end", at: 2_000 },
    wrong: [{ answer: "no, end", at: 2_000 }],
    full: { answer: "no, end", at: 2_000 },
    logged: false,
  },
  srt: {
    missing: { answer: "no, end", at: 0 },
    wrong: [{ answer: "no, end", at: 0 }],
    full: { answer: "no, end", at: 0 },
    logged: false,
  },
  hls: {
    missing: { answer: "401", at: 0 },
    wrong: [
      { answer: "no", at: 2_000 },
      { answer: "no", at: 2_000 },
      { answer: "no", at: 2_000 },
      { answer: "no", at: 2_000 },
      { answer: "no", at: 2_000 },
    ],
    full: { answer: "no", at: 2_000 },
    logged: true,
  },
  webrtcPage: {
    missing: { answer: "401", at: 0 },
    wrong: [
      { answer: "no", at: 2_000 },
      { answer: "no", at: 2_000 },
    ],
    full: { answer: "no", at: 2_000 },
    logged: true,
  },
  webrtcSession: {
    missing: { answer: "no, end", at: 2_000 },
    wrong: [{ answer: "no, end", at: 2_000 }],
    full: { answer: "no, end", at: 2_000 },
    logged: false,
  },
};

describe.each(Object.keys(ENTRANCES) as Entrance[])("%s", (entrance) => {
  const { missing, wrong, full, logged } = ROWS[entrance];

  test("without credentials", async () => {
    const server = new TestDoor();
    expect(await server.told([server.ask(NONE, { entrance })])).toEqual([missing]);
    expect(server.log).toEqual([]);
    expect(server.limiter.delay("10.0.0.1", 0)).toBe(0);
  });

  test("wrong credentials, one after the other on a connection", async () => {
    for (const path of ["cam", "nowhere"]) {
      const server = new TestDoor();
      const newcomer = server.door.arrive("10.0.0.1");
      for (const { answer, at } of wrong) {
        const start = server.clock.now();
        const asked = server.ask(WRONG, { entrance, path, visitor: newcomer });
        await settle();
        const why = path === "cam" ? "invalid credentials" : "no such user";
        if (logged) expect(server.log.at(-1)).toBe(`failed to authenticate: ${why}`);
        const [told] = await server.told([asked]);
        expect(told).toEqual({ answer, at: start + at });
      }
      if (!logged) expect(server.log).toEqual([]);
    }
  });

  test("correct credentials, and an address that is not allowed", async () => {
    const server = new TestDoor();
    expect(await server.told([server.ask(RIGHT, { entrance })])).toEqual([{ answer: "in", at: 0 }]);
    expect(await server.told([server.ask(NONE, { entrance, path: "near" })])).toEqual([
      { answer: "in", at: 60_000 },
    ]);
    const far = visitor("11.0.0.1");
    const [told] = await server.told([server.ask(NONE, { entrance, path: "near", visitor: far })]);
    expect(told?.answer).toBe(missing.answer);
  });

  test("verdicts are 20 ms apart, also for correct credentials", async () => {
    const server = new TestDoor();
    const guesses = Array.from({ length: 200 }, () => server.ask(WRONG, { entrance }));
    const right = server.ask(RIGHT, { entrance });
    const pause = wrong[0]?.at ?? 0;
    const told = await server.told([...guesses, right]);
    expect(told.slice(0, -1).map(({ at }) => at)).toEqual(guesses.map((_, i) => Math.max(pause, 20 * i)));
    expect(told.at(-1)).toEqual({ answer: "in", at: 4_000 });
  });

  test("two concurrent floods get no more verdicts than one; beyond that, all are rejected alike", async () => {
    const server = new TestDoor();
    const floods = Array.from({ length: 1_200 }, (_, i) =>
      server.ask(WRONG, { entrance, path: i % 2 === 0 ? "cam" : "nowhere", visitor: visitor("10.0.0.1") }),
    );
    const late = [RIGHT, WRONG].map((credentials) => server.ask(credentials, { entrance }));
    const told = await server.told([...floods, ...late]);
    const pause = wrong[0]?.at ?? 0;
    expect(told.slice(0, 501).map(({ at }) => at)).toEqual(
      Array.from({ length: 501 }, (_, i) => Math.max(pause, 20 * i)),
    );
    expect(new Set(told.slice(501).map(({ answer, at }) => `${answer} ${at}`))).toEqual(
      new Set([`${full.answer} ${full.at}`]),
    );
    expect(await server.told([server.ask(RIGHT, { entrance, visitor: visitor("10.0.0.2") })])).toEqual([
      { answer: "in", at: 60_000 },
    ]);
  });

  test("a path that is not configured is reported only if no path is guarded", async () => {
    const server = new TestDoor("paths:\n  cam:\n");
    expect(await server.told([server.ask(WRONG, { entrance, path: "nowhere" })])).toEqual([
      { answer: "path 'nowhere' is not configured", at: 0 },
    ]);
    const guarded = new TestDoor();
    const known = await guarded.told([guarded.ask(NONE, { entrance })]);
    const other = new TestDoor();
    expect(await other.told([other.ask(NONE, { entrance, path: "nowhere" })])).toEqual(known);
    expect(await guarded.told([guarded.ask(RIGHT, { entrance, path: "../x" })])).toEqual([
      { answer: "invalid path name", at: 60_000 },
    ]);
  });

  test("the authentication server is asked, with the protocol's own name", async () => {
    await using auth = await AuthServer.start(only({ me: "right" }));
    const server = new TestDoor(`externalAuthenticationURL: ${auth.url}\npaths:\n  cam:\n`);
    await server.authorizer.configure({ externalAuthenticationURL: auth.url, readTimeout: 10_000 });
    const id = entrance === "hls" ? null : "some id";
    const right = await server.ask(RIGHT, { entrance, id, query: "a=b" });
    expect(right).toEqual({ answer: "in", at: 0 });
    const { protocol } = ENTRANCES[entrance];
    const { head: _, at: __, body: ___, ...question } = auth.questions[0]!;
    const { ip, user, password } = { ip: "10.0.0.1", user: "me", password: "right" };
    expect(question).toEqual({ ip, user, password, path: "cam", protocol, id, action: "read", query: "a=b" });
    const { answer } = await server.ask(RIGHT, { entrance, path: "nowhere" });
    expect(answer).toBe("path 'nowhere' is not configured");
    let told: Told | undefined;
    void server.ask(NONE, { entrance }).then((outcome) => {
      told = outcome;
    });
    while (auth.questions.length < 3) await Bun.sleep(1);
    while (told === undefined) {
      await Bun.sleep(1); // the answer comes over a socket
      await server.clock.advance(missing.at);
    }
    expect(told.answer).toBe(missing.answer);
    expect(server.limiter.delay("10.0.0.1", server.clock.now())).toBe(0);
    await server.authorizer.configure({ externalAuthenticationURL: "", readTimeout: 10_000 });
  });
});

test("a proof is rejected where an authentication server decides", async () => {
  await using auth = await AuthServer.start(only({}));
  const server = new TestDoor(`externalAuthenticationURL: ${auth.url}\npaths:\n  cam:\n`);
  expect(server.door.takesProofs).toBe(true);
  await server.authorizer.configure({ externalAuthenticationURL: auth.url, readTimeout: 10_000 });
  expect(server.door.takesProofs).toBe(false);
  const proof: Credentials = { kind: "proof", check: () => undefined };
  expect((await server.ask(proof, { entrance: "rtsp" })).answer).toBe("401");
  expect(auth.questions).toEqual([]);
  await server.authorizer.configure({ externalAuthenticationURL: "", readTimeout: 10_000 });
});

test("a client that disconnects stops waiting, and its attempt counts", async () => {
  const server = new TestDoor();
  const departure = new AbortController();
  let held = 0;
  const hold = () => {
    held += 1;
  };
  const asked = server.ask(WRONG, { visitor: { ip: "10.0.0.1", signal: departure.signal, hold } });
  await settle();
  expect(held).toBe(1);
  departure.abort();
  expect(await asked).toEqual({ answer: "the client has disconnected", at: 0 });
  expect(server.limiter.delay("10.0.0.1", 0)).toBe(20);
});

test("open paths need no admission", async () => {
  const { door, authorizer } = new TestDoor();
  const config = parseConfig(`${GUARDED}  pub: {publishUser: a, publishPass: b}\n`);
  const isOpen = (path: string) =>
    [door.isOpen("read", config.paths.get(path)!), door.isOpen("publish", config.paths.get(path)!)].join();
  expect(["cam", "open", "near", "pub"].map(isOpen)).toEqual([
    "false,true",
    "true,true",
    "false,true",
    "true,false",
  ]);
  await authorizer.configure({ externalAuthenticationURL: "http://127.0.0.1:1/", readTimeout: 10_000 });
  expect(isOpen("open")).toBe("false,false");
});

describe("unauthenticated connections", () => {
  const arrive = (server: TestDoor, count: number): Newcomer[] =>
    Array.from({ length: count }, () => server.door.arrive("10.0.0.1"));

  test("each address has at most 512, if any path is guarded", () => {
    const server = new TestDoor();
    const newcomers = arrive(server, 513);
    expect(newcomers.map(({ isAccepted }) => isAccepted).lastIndexOf(true)).toBe(511);
    newcomers.at(-1)?.leave();
    expect(server.door.arrive("10.0.0.1").isAccepted).toBe(false);
    newcomers[0]?.leave();
    newcomers[0]?.leave();
    expect(arrive(server, 2).map(({ isAccepted }) => isAccepted)).toEqual([true, false]);
    expect(arrive(new TestDoor("paths:\n  cam:\n"), 600).every(({ isAccepted }) => isAccepted)).toBe(true);
  });

  test("an admitted one does not count any more, a rejected one does", async () => {
    const server = new TestDoor();
    const [first] = arrive(server, 512);
    await server.told([server.ask(WRONG, { entrance: "rtsp", visitor: first! })]);
    expect(server.door.arrive("10.0.0.1").isAccepted).toBe(false);
    await server.told([server.ask(RIGHT, { entrance: "rtsp", visitor: first! })]);
    first?.leave();
    expect(arrive(server, 2).map(({ isAccepted }) => isAccepted)).toEqual([true, false]);
  });

  test("one that never authenticates is overdue after four times readTimeout", async () => {
    const server = new TestDoor();
    const [stranger, guest] = arrive(server, 2);
    await server.ask(RIGHT, { visitor: guest! });
    expect([stranger?.isOverdue(40_000, 10_000), stranger?.isOverdue(40_001, 10_000)]).toEqual([false, true]);
    expect(guest?.isOverdue(100_000, 10_000)).toBe(false);
  });

  test("closing one cancels its wait, also if it begins to wait later", async () => {
    const server = new TestDoor();
    const [waits, late] = arrive(server, 2);
    const asked = server.ask(WRONG, { visitor: waits! });
    await settle();
    waits?.leave();
    expect((await asked).answer).toBe("the client has disconnected");
    late?.leave();
    expect((await server.ask(WRONG, { visitor: late! })).answer).toBe("the client has disconnected");
  });
});
