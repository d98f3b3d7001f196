import { expect, test } from "bun:test";
import { Authorizer } from "../../../src/auth/authorizer.ts";
import { Door } from "../../../src/auth/door.ts";
import { LoginLimiter } from "../../../src/auth/login-limiter.ts";
import type { HttpEnvironment } from "../../../src/http/server.ts";
import { refusal } from "../../../src/protocols/hls/access.ts";
import { testLog } from "../../lib/test-log.ts";
import { parseConfig } from "../../support/config.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const CONFIG = parseConfig("paths:\n  cam:\n    readUser: viewer\n    readPass: right\n");
const ADDRESS = "10.0.0.1";

function from(remoteAddress: string): HttpEnvironment {
  return { remoteAddress, remotePort: 1, hold: () => {}, allow: () => {} };
}

/** Asks to read a path, and notes when the answer comes: status, or 200 when it may. */
class Server {
  readonly clock = new FakeClock();
  readonly door = new Door({
    clock: this.clock,
    limiter: new LoginLimiter(),
    authorizer: new Authorizer(this.clock, testLog().logger),
    rules: { hasProtectedPaths: true, confOf: (path) => CONFIG.paths.get(path) },
  });
  readonly answers: [pass: string, status: number, at: number][] = [];

  ask(pass: string, path = "cam"): void {
    const authorization = `Basic ${Buffer.from(`viewer:${pass}`).toString("base64")}`;
    const request = new Request("http://host/", { headers: { Authorization: authorization } });
    const visit = { request, incoming: from(ADDRESS), path, search: "" };
    const options = { door: this.door, logger: testLog().logger, trustedProxies: [] };
    void refusal(visit, options).then((response) =>
      this.answers.push([pass, response?.status ?? 200, this.clock.now()]),
    );
  }
}

test("the right password among wrong ones is answered in its turn, not before", async () => {
  const server = new Server();
  for (let i = 0; i < 200; i++) server.ask(`wrong ${i}`);
  server.ask("right");
  await server.clock.advance(3_900);
  expect(server.answers.map(([pass]) => pass)).not.toContain("right");
  await server.clock.advance(200);
  expect(server.answers.filter(([pass]) => pass === "right")).toEqual([["right", 200, 4_000]]);
});

test("when too many verdicts wait, the right password is refused like any other", async () => {
  const server = new Server();
  for (let i = 0; i < 600; i++) server.ask(`wrong ${i}`);
  server.ask("right");
  server.ask("wrong");
  server.ask("any", "unknown");
  await server.clock.advance(2_000);
  for (const pass of ["right", "wrong", "any"]) {
    expect(server.answers.filter(([asked]) => asked === pass)).toEqual([[pass, 401, 2_000]]);
  }
  await server.clock.advance(30_000);
  server.ask("right");
  await server.clock.advance(0);
  expect(server.answers.at(-1)).toEqual(["right", 200, 32_000]);
});
