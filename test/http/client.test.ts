import { afterEach, describe, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { HttpClient, type HttpGet, resolveUrl } from "../../src/http/client.ts";
import { ProtocolError, SourceError } from "../../src/lib/errors.ts";
import { Certificates } from "../integration/certificates.ts";

const TIMEOUT_MS = 20_000;
const opened: { stop(): void }[] = [];

afterEach(() => {
  for (const server of opened.splice(0)) server.stop();
});

type Handler = (request: Request, server: Bun.Server<undefined>) => Response | Promise<Response>;

/** A server of the test; its URL. */
function serve(handler: Handler, options: object = {}): URL {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, ...options, fetch: handler });
  opened.push({ stop: () => void server.stop(true) });
  return new URL(server.url);
}

/** A server that sends these bytes over the connection, and nothing else. */
function raw(text: string, ends = false): URL {
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data: (socket) => {
        socket.write(text);
        if (ends) socket.end();
      },
    },
  });
  opened.push({ stop: () => listener.stop(true) });
  return new URL(`http://127.0.0.1:${listener.port}/`);
}

function get(url: URL, more: Partial<HttpGet> = {}): HttpGet {
  return { url, limit: 1_000, patience: 5_000, signal: new AbortController().signal, ...more };
}

function client(source: URL, fingerprint = "", timeout = 2_000): HttpClient {
  const made = new HttpClient({ source, fingerprint, timeout });
  opened.push({ stop: () => made.close() });
  return made;
}

async function body(source: URL, more: Partial<HttpGet> = {}): Promise<string> {
  const { body: bytes } = await client(source).bytes(get(resolveUrl(source.href, source), more));
  return new TextDecoder().decode(bytes);
}

describe("an outgoing request", () => {
  test("gets a body, over one connection for many", async () => {
    const ports = new Set<number | undefined>();
    const url = serve((request, self) => {
      ports.add(self.requestIP(request)?.port);
      return new Response("hello");
    });
    const server = client(url);
    for (let i = 0; i < 3; i++) {
      const { body: bytes } = await server.bytes(get(url));
      expect(new TextDecoder().decode(bytes)).toBe("hello");
    }
    expect(ports.size).toBe(1);
  });

  test.each([
    ["a fault of whoever takes it stays what it is", new TypeError("boom"), TypeError, /^boom$/],
    ["what is wrong with it is told with its URL", new ProtocolError("bad"), SourceError, /^http.*: bad$/],
  ])("gets a body, and %s", async (_, thrown, kind, text) => {
    const url = serve(() => new Response("hello"));
    const failing = client(url).get(get(url), () => {
      throw thrown;
    });
    const error = await failing.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(kind);
    expect((error as Error).message).toMatch(text);
  });

  test("says the credentials of the URL to its server, and to no other", async () => {
    const seen: (string | null)[] = [];
    const other = serve((request) => {
      seen.push(request.headers.get("Authorization"));
      return new Response("other");
    });
    const url = serve((request) => {
      seen.push(request.headers.get("Authorization"));
      const { pathname } = new URL(request.url);
      return pathname === "/away" ? Response.redirect(other.href) : new Response("own");
    });
    url.username = "user";
    url.password = "a%3Ab!";
    expect(await body(url)).toBe("own");
    url.pathname = "/away";
    expect(await body(url)).toBe("other");
    const basic = `Basic ${btoa("user:a:b!")}`;
    expect(seen).toEqual([basic, basic, null]);
    const away = new URL(other);
    away.username = "user";
    await client(url).bytes(get(away));
    expect(seen.at(-1)).toBeNull();
  });

  test("follows five redirects and no more", async () => {
    const url = serve((request) => {
      const left = Number(new URL(request.url).pathname.slice(1));
      return left === 0 ? new Response("there") : Response.redirect(`/${left - 1}`, 307);
    });
    expect(await body(new URL("/5", url))).toBe("there");
    await expect(body(new URL("/6", url))).rejects.toThrow("more than 5 redirects");
  });

  test("goes to HTTP alone", async () => {
    const url = serve(() => new Response(null, { status: 302, headers: { Location: "file:///etc/passwd" } }));
    await expect(body(url)).rejects.toThrow("unsupported URL scheme: file:");
  });

  test("asks for ranges, and is not content with less", async () => {
    const url = serve((request) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/all") return new Response("0123456789");
      const text = pathname === "/short" ? "23" : "2345";
      return new Response(text, { status: 206, headers: { "X-Range": request.headers.get("Range") ?? "" } });
    });
    const range = { offset: 2, length: 4 };
    expect(await body(url, { range })).toBe("2345");
    await expect(body(new URL("/short", url), { range })).rejects.toThrow("received 2 bytes instead of 4");
    const other = serve(
      () => new Response("2345", { status: 206, headers: { "Content-Range": "bytes 3-6/10" } }),
    );
    await expect(body(other, { range })).rejects.toThrow("the server sent a different byte range");
    await expect(body(new URL("/all", url), { range })).rejects.toThrow(
      "the server does not support byte ranges",
    );
    await expect(body(url, { range: { offset: 2, length: 3 } })).rejects.toThrow("larger than 3 bytes");
  });

  test.each([
    ["a status", () => new Response("", { status: 404 }), "bad status code: 404 (Not Found)"],
    ["a size that is said", () => new Response("x".repeat(1_001)), "the body is larger than 1000 bytes"],
    [
      "a size that is not",
      () => new Response(new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(400)) })),
      "the body is larger than 1000 bytes",
    ],
    [
      "compression",
      () => new Response("?", { headers: { "Content-Encoding": "compress" } }),
      "unsupported Content-Encoding: compress",
    ],
  ])("is refused because of %s, by an error without the query", async (_, handler, reason) => {
    const url = serve(handler);
    const error = await body(new URL("/a?token=secret", url)).catch((each: Error) => each);
    expect(error).toBeInstanceOf(SourceError);
    expect((error as Error).message).toBe(`${url.origin}/a: ${reason}`);
  });

  test("does not wait for ever: not for an answer, not for a body, not for one that trickles", async () => {
    const short = { limit: 1_000_000 };
    const silent = raw("");
    await expect(client(silent, "", 200).bytes(get(silent, short))).rejects.toThrow("i/o timeout");
    const stuck = raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab");
    await expect(client(stuck, "", 200).bytes(get(stuck, short))).rejects.toThrow("i/o timeout");
    const slow = serve(
      () =>
        new Response(
          new ReadableStream({
            pull: async (to) => {
              await Bun.sleep(50);
              to.enqueue(new Uint8Array(1));
            },
          }),
        ),
    );
    await expect(client(slow).bytes(get(slow, { ...short, patience: 400 }))).rejects.toThrow("i/o timeout");
  });

  test("survives servers that speak no HTTP, break off, or are not there", async () => {
    await expect(body(raw("<html>hello"))).rejects.toThrow(SourceError);
    await expect(body(raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab", true))).rejects.toThrow(
      SourceError,
    );
    await expect(body(raw(`HTTP/1.1 200 OK\r\nX: ${"a".repeat(500_000)}\r\n\r\n`))).rejects.toThrow(
      SourceError,
    );
    await expect(body(new URL("http://127.0.0.1:1/"))).rejects.toThrow("connection refused");
  });

  test("can be given up", async () => {
    const silent = raw("");
    const abort = new AbortController();
    const request = client(silent).bytes(get(silent, { signal: abort.signal }));
    abort.abort(new Error("enough"));
    await expect(request).rejects.toThrow();
  });

  const secure = Certificates.available ? test : test.skip;
  secure(
    "takes the certificate that is known, before it says anything",
    async () => {
      using certificates = new Certificates("origin");
      const { certFile, keyFile } = certificates;
      let requests = 0;
      const url = serve(
        () => {
          requests += 1;
          return new Response("secret");
        },
        { tls: { key: Bun.file(keyFile), cert: Bun.file(certFile) } },
      );
      const { fingerprint256 } = new X509Certificate(readFileSync(certFile));
      const known = await client(url, fingerprint256).bytes(get(url));
      expect(new TextDecoder().decode(known.body)).toBe("secret");
      await expect(client(url, "ab".repeat(32)).bytes(get(url))).rejects.toThrow(
        "fingerprint does not match",
      );
      await client(url, "ab".repeat(32))
        .bytes(get(url))
        .catch(() => undefined);
      await client(url)
        .bytes(get(url))
        .catch(() => undefined);
      expect(requests).toBe(1);
    },
    TIMEOUT_MS,
  );
});
