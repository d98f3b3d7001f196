import { expect, test } from "bun:test";
import { connect } from "node:net";
import { Hono } from "hono";
import { listenTcp } from "../../src/host/tcp.ts";
import { handleUnknownRoutes } from "../../src/http/middleware.ts";
import { type HttpEnvironment, type HttpServer, startHttp } from "../../src/http/server.ts";
import { testLog } from "../lib/test-log.ts";
import { takeFaults } from "../support/faults.ts";

function started(routes: (app: Hono) => void = () => {}) {
  const { logger, lines } = testLog();
  const app = new Hono();
  routes(app);
  handleUnknownRoutes(app, (method, path) => method === "GET" && path === "/known", {
    title: "Known",
    paragraphs: ["It is at /known."],
  });
  app.onError((fault) => {
    throw fault;
  });
  const server = startHttp({ address: "127.0.0.1:0", app, readTimeout: 10_000, logger: logger.child("API") });
  return { server, lines, url: `http://127.0.0.1:${server.port}` };
}

test("every response names the server, unknown routes are page not found", async () => {
  const { server, lines, url } = started((app) => app.get("/known", () => new Response("yes")));
  const known = await fetch(`${url}/known`);
  expect(known.headers.get("server")).toBe("mediamtx");
  for (const method of ["GET", "POST", "OPTIONS"]) {
    const unknown = await fetch(`${url}/none`, { method });
    expect(unknown.status).toBe(404);
    expect(unknown.headers.get("server")).toBe("mediamtx");
    expect(unknown.headers.get("content-type")).toBe("text/plain");
    expect(await unknown.text()).toBe("404 page not found");
  }
  await server.close();
  expect(lines).toContain(`INF [API] listener opened on 127.0.0.1:${server.port}`);
  expect(lines.at(-1)).toBe("INF [API] listener is closing");
});

test("a slash too many is redirected", async () => {
  const { server, url } = started((app) => app.get("/known", () => new Response("yes")));
  const answer = await fetch(`${url}/known/?a=1`, { redirect: "manual" });
  expect(answer.status).toBe(301);
  expect(answer.headers.get("location")).toBe("/known?a=1");
  expect((await fetch(`${url}/other/`, { redirect: "manual" })).status).toBe(404);
  await server.close();
});

test("a fault of a handler is a 500 and a log line, and the server goes on", async () => {
  const { server, lines, url } = started((app) =>
    app.get("/fault", () => {
      throw new Error("boom");
    }),
  );
  const answer = await fetch(`${url}/fault`);
  expect(answer.status).toBe(500);
  expect(await answer.json()).toEqual({ error: "internal error" });
  expect(lines.some((line) => line.startsWith("ERR [API] ") && line.includes("Error: boom"))).toBe(true);
  expect(takeFaults()).toBe(1);
  expect((await fetch(`${url}/none`)).status).toBe(404);
  await server.close();
});

/** What the server answers to some bytes, until either side closes; we do so after the first answer. */
function exchange(port: number, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let all = "";
    const client = connect(port, "127.0.0.1", () => client.write(bytes));
    client.on("data", (chunk) => {
      all += chunk;
      if (all.includes("\r\n\r\n")) client.end();
    });
    client.on("close", () => resolve(all));
    client.on("error", () => {});
  });
}

test("a request without a host, or with one that is none, is answered like any other", async () => {
  const { server, lines } = started((app) =>
    app.get("/known", (context) => new Response(`${context.req.path} ${context.req.query("a")}`)),
  );
  for (const rest of [
    "HTTP/1.0",
    "HTTP/1.1\r\nHost:",
    "HTTP/1.1\r\nHost: a b",
    "HTTP/1.1\r\nHost: a:99999",
  ]) {
    const answer = (target: string) => exchange(server.port, `GET ${target} ${rest}\r\n\r\n`);
    expect(await answer("/known?a=1")).toMatch(/^HTTP\/1.1 200 [\s\S]*\r\n\r\n\/known 1$/);
    expect(await answer("/known/?a=1")).toMatch(/^HTTP\/1.1 301 [\s\S]*\r\nLocation: \/known\?a=1\r\n/);
    expect(await answer("/none")).toMatch(/^HTTP\/1.1 404 [\s\S]*\r\n\r\n404 page not found$/);
  }
  expect(lines.filter((line) => line.startsWith("ERR"))).toEqual([]);
  await server.close();
});

test("junk is refused without harm", async () => {
  const { server, url } = started();
  const answer = await exchange(server.port, "GET nothing\r\n\r\n");
  expect(answer).toStartWith("HTTP/1.1 400");
  expect((await fetch(`${url}/none`)).status).toBe(404);
  await server.close();
});

test("closing waits for requests in progress, frees the port and is quick with idle connections", async () => {
  const entered = Promise.withResolvers<void>();
  const leave = Promise.withResolvers<void>();
  const { server, url } = started((app) =>
    app.get("/slow", async () => {
      entered.resolve();
      await leave.promise;
      return new Response("done");
    }),
  );
  await (await fetch(`${url}/none`)).text(); // leaves an idle connection behind
  const slow = fetch(`${url}/slow`).then((answer) => answer.text());
  await entered.promise;
  const closed = server.close();
  leave.resolve();
  expect(await slow).toBe("done");
  await closed;
  const again = startHttp({
    address: `127.0.0.1:${server.port}`,
    app: new Hono(),
    readTimeout: 1000,
    logger: testLog().logger,
  });
  await again.close();
});

test("two processes do not share an address", async () => {
  const script = `
    import { startHttp } from "${import.meta.dir}/../../src/http/server.ts";
    const logger = { info() {}, writes: () => false };
    const app = { fetch: () => new Response() };
    startHttp({ address: process.argv[1], app, readTimeout: 1000, logger });
    process.exit(0);`;
  const first = startHttp({
    address: "127.0.0.1:0",
    app: new Hono(),
    readTimeout: 1000,
    logger: testLog().logger,
  });
  const address = `127.0.0.1:${first.port}`;
  const second = Bun.spawn([process.execPath, "-e", script, address], { stdout: "ignore", stderr: "pipe" });
  const text = await new Response(second.stderr).text();
  expect([await second.exited, text]).toEqual([1, expect.stringContaining("address already in use")]);
  await first.close();
}, 20_000);

test("an address that is taken is named", async () => {
  // the other one is no HTTP server: inside a test the runtime would take a second server for a reload of the first
  const other = listenTcp(
    "127.0.0.1:0",
    () => ({ data() {}, drain() {}, failed() {}, closed() {} }),
    testLog(),
  );
  const address = other.address;
  const second = (): HttpServer =>
    startHttp({ address, app: new Hono(), readTimeout: 1000, logger: testLog().logger });
  expect(second).toThrow(`listen tcp ${address}: address already in use`);
  await other.close();
});

test("a slow client gets what it was allowed the time for; one that was held is not kept for ever", async () => {
  const { logger } = testLog();
  const body = new Blob([new Uint8Array(16 * 1024 * 1024)]);
  const app = {
    fetch(request: Request, incoming: HttpEnvironment): Response | Promise<Response> {
      if (request.url.endsWith("/large")) {
        incoming.allow(body.size);
        return new Response(body);
      }
      incoming.hold();
      return Bun.sleep(2_500).then(() => new Response("late"));
    },
  };
  // the idle timeout of the runtime knows steps of 4 s
  const server = startHttp({ address: "127.0.0.1:0", app, readTimeout: 1_000, logger });
  const ask = (path: string) => {
    const client = connect(server.port, "127.0.0.1", () =>
      client.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`),
    );
    client.on("error", () => {});
    return client;
  };
  const slow = new Promise<number>((resolve) => {
    const client = ask("/large");
    let size = 0;
    client.on("data", (chunk: Buffer) => {
      size += chunk.length;
      client.pause();
      setTimeout(() => client.resume(), chunk.length / 2_000); // 2 MB/s
      if (size > body.size) resolve(size);
    });
    client.on("close", () => resolve(size));
  });
  const held = new Promise<string>((resolve) => {
    const client = ask("/held");
    let all = "";
    client.on("data", (chunk) => {
      all += chunk;
    });
    client.on("close", () => resolve(all));
  });
  expect(await held).toEndWith("late");
  expect(await slow).toBeGreaterThan(body.size);
  await server.close();
}, 30_000);
