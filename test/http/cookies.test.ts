import { describe, expect, test } from "bun:test";
import { HttpClient } from "../../src/http/client.ts";
import { CookieJar } from "../../src/http/cookies.ts";

const NOW = 1_700_000_000_000;

/** What a jar sends to `to` after `from` has set these. */
function sent(from: string, to: string, ...cookies: string[]): string | undefined {
  const jar = new CookieJar();
  jar.take(new URL(from), cookies, NOW);
  return jar.headerFor(new URL(to), NOW).Cookie;
}

const HOST = "http://a.example.com/live/index.m3u8";

describe("cookies of a source", () => {
  test.each([
    ["its own host", "a=1", "http://a.example.com:81/live/x.ts", "a=1"],
    ["the folder of the URL that set it", "a=1", "http://a.example.com/other/x.ts", undefined],
    ["a path", "a=1; Path=/", "http://a.example.com/other/x.ts", "a=1"],
    ["a path below", "a=1; path=/o", "http://a.example.com/o/x", "a=1"],
    ["a path that only begins alike", "a=1; path=/o", "http://a.example.com/other", undefined],
    ["no other host", "a=1; Path=/", "http://b.example.com/", undefined],
    ["hosts of its domain", "a=1; Path=/; Domain=.Example.com", "http://b.example.com/", "a=1"],
    [
      "no host whose name only ends alike",
      "a=1; Path=/; Domain=example.com",
      "http://badexample.com/",
      undefined,
    ],
    ["no domain of others", "a=1; Path=/; Domain=b.example.com", "http://b.example.com/", undefined],
    ["no top-level domain", "a=1; Path=/; Domain=com", "http://a.example.com/", undefined],
    ["HTTPS alone", "a=1; Path=/; Secure", "http://a.example.com/", undefined],
    ["HTTPS", "a=1; Path=/; Secure; HttpOnly; SameSite=None", "https://a.example.com/", "a=1"],
    ["a time that is over", "a=1; Path=/; Max-Age=0", "http://a.example.com/", undefined],
    [
      "a time to come",
      "a=1; Path=/; Max-Age=5; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
      "http://a.example.com/",
      "a=1",
    ],
    [
      "a date that is over",
      "a=1; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
      "http://a.example.com/",
      undefined,
    ],
    ["a date that is none", "a=1; Path=/; Expires=soon", "http://a.example.com/", "a=1"],
    ["a value with equals signs", 'a="b=c=="; Path=/', "http://a.example.com/", 'a="b=c=="'],
    ["no name", "=1; Path=/", "http://a.example.com/", undefined],
    ["no pair", "a; Path=/", "http://a.example.com/", undefined],
    ["no line breaks", "a=1\nb; Path=/", "http://a.example.com/", undefined],
  ])("%s", (_, cookie, to, expected) => {
    expect(sent(HOST, to, cookie)).toBe(expected);
  });

  test("an address has no domain", () => {
    expect(sent("http://127.0.0.1/", "http://127.0.0.1/", "a=1; Domain=127.0.0.1")).toBe("a=1");
    expect(sent("http://127.0.0.1/", "http://127.0.0.1/", "a=1; Domain=0.0.1")).toBeUndefined();
  });

  test("the same one again takes its place; the longest path comes first", () => {
    const cookies = ["a=1; Path=/", "b=2; Path=/live", "a=3; Path=/"];
    expect(sent(HOST, "http://a.example.com/live/x", ...cookies)).toBe("b=2; a=3");
    expect(
      sent(HOST, "http://a.example.com/live/x", "a=1; Path=/", "a=; Path=/; Max-Age=-1"),
    ).toBeUndefined();
  });

  test("they are bounded", () => {
    const many = Array.from({ length: 200 }, (_, i) => `n${i}=${"x".repeat(1_000)}; Path=/`);
    const text = sent(HOST, HOST, ...many, `big=${"x".repeat(5_000)}; Path=/`) ?? "";
    expect(text.length).toBeLessThanOrEqual(8_192);
    expect(text).not.toContain("n0=");
    expect(text).not.toContain("big=");
  });
});

test("a client sends what it was told to by redirects and refusals, and nothing to others", async () => {
  const seen: string[] = [];
  using server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => {
      const { pathname } = new URL(request.url);
      seen.push(`${pathname} ${request.headers.get("Cookie") ?? ""}`);
      if (pathname === "/a") {
        const headers = new Headers({ Location: "/b" });
        headers.append("Set-Cookie", "one=1; Path=/");
        headers.append("Set-Cookie", "two=2; Path=/b");
        return new Response(null, { status: 302, headers });
      }
      return pathname === "/no"
        ? new Response("no", { status: 403, headers: { "Set-Cookie": "three=3; Path=/" } })
        : new Response("yes");
    },
  });
  const source = new URL("/a", server.url);
  const client = new HttpClient({ source, fingerprint: "", timeout: 10_000 });
  const { signal } = new AbortController();
  const get = (path: string, host = "127.0.0.1") => {
    const url = new URL(path, server.url);
    url.hostname = host;
    return client.bytes({ url, limit: 100, patience: 20_000, signal });
  };
  await get("/a");
  expect(get("/no")).rejects.toThrow("403");
  await get("/no").catch(() => {});
  await get("/c");
  expect(seen).toContain("/b two=2; one=1");
  expect(seen).toContain("/c one=1; three=3");
  await get("/d", "localhost");
  expect(seen).toContain("/d ");
  client.close();
});
