import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Socket } from "node:net";
import { PostClient } from "../../src/http/post.ts";
import { AuthServer, reply } from "../support/auth-server.ts";

const LIMIT = 64 * 1024;
const poster = new PostClient();
let server: AuthServer;
beforeAll(async () => {
  server = await AuthServer.start(() => {});
});
afterAll(async () => {
  poster.close();
  await server[Symbol.asyncDispose]();
});

function post(answer: (socket: Socket) => void, timeout = 5_000, url = server.url) {
  server.answer = (_, socket) => answer(socket);
  return poster.post({
    url: new URL(url),
    body: '{"a":"b"}',
    contentType: "application/json",
    limit: LIMIT,
    timeout,
  });
}

test("a request is a POST with its type, and user information becomes Basic credentials", async () => {
  await post((socket) => reply(socket, 200), 5_000, server.url.replace("//", "//me:p%40ss@"));
  const { head, body } = server.questions.at(-1)!;
  expect(head).toMatch(/^POST \/auth HTTP\/1\.1\r\n/);
  expect(head).toMatch(/^content-type: application\/json$/im);
  expect(head).toContain(`Basic ${Buffer.from("me:p@ss").toString("base64")}`);
  expect(body).toBe('{"a":"b"}');
});

test("status and body are told, and connections are used again", async () => {
  expect(await post((socket) => reply(socket, 403, "not you"))).toEqual({ status: 403, text: "not you" });
  const before = server.connections;
  for (let i = 0; i < 20; i++) expect((await post((socket) => reply(socket, 204))).status).toBe(204);
  expect(server.connections).toBeLessThanOrEqual(before + 1);
});

test("a hang and a drip of the head end in time", async () => {
  for (const answer of [
    () => {},
    (socket: Socket) => drip(socket, "HTTP/1.1 200 OK\r\nX-Header: ".padEnd(4_000, "x")),
  ]) {
    const start = performance.now();
    await expect(post(answer, 300)).rejects.toThrow("i/o timeout");
    expect(performance.now() - start).toBeLessThan(1_500);
  }
});

test("a body that drips holds up a refusal to its limit of time, and no success at all", async () => {
  const start = performance.now();
  expect(await post((socket) => dripBody(socket, 200), 3_000)).toEqual({ status: 200, text: "" });
  expect(performance.now() - start).toBeLessThan(1_000);
  const { status, text } = await post((socket) => dripBody(socket, 401), 400);
  expect([status, /^no+$/.test(text)]).toEqual([401, true]);
  expect(performance.now() - start).toBeLessThan(2_500);
});

test("of a body without end the beginning is read, and the connection is closed", async () => {
  for (const status of [401, 200]) {
    const before = server.connections;
    const reached = Promise.withResolvers<number>();
    const result = await post((socket) => {
      flood(socket, status).then(reached.resolve, reached.reject);
    });
    expect([result.status, result.text.length]).toEqual([status, status === 200 ? 0 : LIMIT]);
    expect(await reached.promise).toBeLessThan(10 * 1024 * 1024);
    expect(server.connections).toBeLessThanOrEqual(before);
  }
});

test("a connection that closes without an answer is one more try, then an error; rubbish is an error", async () => {
  const before = server.questions.length;
  await expect(post((socket) => socket.destroy())).rejects.toThrow(/^http:\/\/127\.0\.0\.1:\d+: /);
  expect(server.questions.length - before).toBeLessThanOrEqual(2);
  let closed = false;
  const { status } = await post((socket) => {
    if (closed) reply(socket, 200);
    else socket.destroy();
    closed = true;
  });
  expect(status).toBe(200);
  await expect(post((socket) => socket.end("rubbish\r\n\r\n"))).rejects.toThrow();
  await expect(post(() => {}, 1_000, "http://127.0.0.1:1/secret")).rejects.toThrow(
    /^http:\/\/127\.0\.0\.1:1: connection refused$/,
  );
});

test("redirects that keep the method are followed within the scheme, others are answers", async () => {
  await using other = await AuthServer.start((_, socket) => reply(socket, 200));
  const to = (status: number, location: string) => (socket: Socket) =>
    void socket.write(`HTTP/1.1 ${status} X\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`);
  expect((await post(to(307, other.url), 5_000, server.url.replace("//", "//me:pass@"))).status).toBe(200);
  expect(other.questions[0]?.body).toBe('{"a":"b"}');
  expect(other.questions[0]?.head).not.toMatch(/authorization/i);
  for (const [status, location] of [
    [302, other.url],
    [303, other.url],
    [307, "https://127.0.0.1:1/"],
    [308, "file:///etc/passwd"],
    [307, "http://["],
  ] as const) {
    expect((await post(to(status, location))).status).toBe(status);
  }
  expect(other.questions).toHaveLength(1);
  await expect(post(to(307, server.url))).rejects.toThrow("more than 5 redirects");
});

test("four hundred requests that hang do not hold up one that is answered", async () => {
  await using hanging = await AuthServer.start(() => {});
  const hung = Array.from({ length: 400 }, () => post(() => {}, 4_000, hanging.url).catch(() => "hung"));
  while (hanging.questions.length < 400) await Bun.sleep(10);
  const start = performance.now();
  expect((await post((socket) => reply(socket, 200))).status).toBe(200);
  expect(performance.now() - start).toBeLessThan(1_000);
  expect(new Set(await Promise.all(hung))).toEqual(new Set(["hung"]));
}, 20_000);

function drip(socket: Socket, text: string): void {
  let at = 0;
  const timer = setInterval(() => {
    if (socket.destroyed) clearInterval(timer);
    else socket.write(text[at++] ?? "x");
  }, 20);
  socket.on("close", () => clearInterval(timer));
}

function dripBody(socket: Socket, status: number): void {
  socket.write(`HTTP/1.1 ${status} X\r\nContent-Length: 100000\r\n\r\nn`);
  drip(socket, "o".repeat(100_000));
}

/** Writes for ever, as fast as it goes. @returns bytes written until the other side closed */
function flood(socket: Socket, status: number): Promise<number> {
  socket.write(`HTTP/1.1 ${status} X\r\nTransfer-Encoding: chunked\r\n\r\n`);
  const chunk = `10000\r\n${"x".repeat(0x10000)}\r\n`;
  let size = 0;
  const { promise, resolve } = Promise.withResolvers<number>();
  const more = () => {
    if (socket.destroyed || size > 100 * 1024 * 1024) return resolve(size);
    size += chunk.length;
    if (socket.write(chunk)) setImmediate(more);
    else socket.once("drain", more);
  };
  socket.on("close", () => resolve(size));
  more();
  return promise;
}
