import { expect, test } from "bun:test";
import { Authorizer } from "../../../src/auth/authorizer.ts";
import { LoginLimiter } from "../../../src/auth/login-limiter.ts";
import { parseConfig } from "../../../src/config/load.ts";
import type { HttpEnvironment } from "../../../src/http/server.ts";
import { refusal } from "../../../src/protocols/hls/access.ts";
import { testLog } from "../../lib/test-log.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const CONFIG = parseConfig("paths:\n  cam:\n    readUser: viewer\n    readPass: right\n");
const ADDRESS = "10.0.0.1";

function from(remoteAddress: string): HttpEnvironment {
  return { remoteAddress, remotePort: 1, hold: () => {}, allow: () => {} };
}

/** Asks to read a path, and notes when the answer comes: status, or 200 when it may. */
class Door {
  readonly clock = new FakeClock();
  readonly loginLimiter = new LoginLimiter();
  readonly answers: [pass: string, status: number, at: number][] = [];

  ask(pass: string, path = "cam"): void {
    const authorization = `Basic ${Buffer.from(`viewer:${pass}`).toString("base64")}`;
    const request = new Request("http://host/", { headers: { Authorization: authorization } });
    const { clock, loginLimiter } = this;
    const { logger } = testLog();
    const incoming = from(ADDRESS);
    const visit = { request, incoming, path, search: "", conf: CONFIG.paths.get(path) };
    const authorizer = new Authorizer(clock, logger);
    void refusal(visit, { clock, loginLimiter, authorizer, logger, trustedProxies: [] }).then((response) =>
      this.answers.push([pass, response?.status ?? 200, clock.now()]),
    );
  }
}

test("the right password among wrong ones is answered in its turn, not before", async () => {
  const door = new Door();
  for (let i = 0; i < 200; i++) door.ask(`wrong ${i}`);
  door.ask("right");
  await door.clock.advance(3_900);
  expect(door.answers.map(([pass]) => pass)).not.toContain("right");
  await door.clock.advance(200);
  expect(door.answers.filter(([pass]) => pass === "right")).toEqual([["right", 200, 4_000]]);
});

test("when too many verdicts wait, the right password is refused like any other", async () => {
  const door = new Door();
  for (let i = 0; i < 600; i++) door.ask(`wrong ${i}`);
  door.ask("right");
  door.ask("wrong");
  door.ask("any", "unknown");
  await door.clock.advance(2_000);
  for (const pass of ["right", "wrong", "any"]) {
    expect(door.answers.filter(([asked]) => asked === pass)).toEqual([[pass, 401, 2_000]]);
  }
  await door.clock.advance(30_000);
  door.ask("right");
  await door.clock.advance(0);
  expect(door.answers.at(-1)).toEqual(["right", 200, 32_000]);
});
