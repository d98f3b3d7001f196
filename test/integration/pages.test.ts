import { expect, test } from "bun:test";
import { TestServer } from "../support/server.ts";

const TIMEOUT_MS = 30_000;
const BROWSER = { headers: { Accept: "text/html,application/xhtml+xml,*/*;q=0.8" } };

/** A page that a person gets; it must load nothing from elsewhere. */
async function pageOf(url: string, init: RequestInit = BROWSER): Promise<{ status: number; text: string }> {
  const response = await fetch(url, { redirect: "manual", ...init });
  const text = await response.text();
  expect(response.headers.get("Content-Type")).toBe("text/html; charset=utf-8");
  expect(response.headers.get("Content-Security-Policy")).toStartWith("default-src 'none'");
  expect(text).not.toMatch(/<script|<link|<img|https?:/);
  expect(text).toContain("compatible with MediaMTX v1.0.3");
  return { status: response.status, text };
}

test(
  "whoever opens an address in a browser is told where they are and what to do next; programs are answered as before",
  async () => {
    await using server = await TestServer.start({
      config:
        "pprof: yes\npprofAddress: 127.0.0.1:0\npaths:\n  open:\n  closed:\n    readUser: u\n    readPass: p\n",
    });
    await using unprotected = await TestServer.start({ config: "paths:\n  open:\n" });
    const metrics = server.metricsUrl.replace(/\/metrics$/, "");
    const cases: readonly (readonly [string, string])[] = [
      [`${server.apiUrl}/`, 'href="/docs"'],
      [`${server.apiUrl}/v2/none`, 'href="/v2/paths/list"'],
      [`${metrics}/`, 'href="/metrics"'],
      [unprotected.hls("none/"), "There is no such path"],
      [server.hls("a%20b/"), "There is no such path"],
    ];
    for (const [url, text] of cases) {
      const page = await pageOf(url);
      expect([url, page.status]).toEqual([url, 404]);
      expect(page.text).toContain(text);
      expect(await (await fetch(url)).text()).not.toContain("<html");
    }
    for (const init of [BROWSER, {}]) {
      const root = await pageOf(server.hls(""), init);
      expect(root.status).toBe(404);
      expect(root.text).toContain("index.m3u8");
      expect(root.text).toContain("rtsp://localhost:8554/mystream");
    }
    const refused = await pageOf(server.hls("closed/"));
    expect([refused.status, refused.text.includes("user name and password")]).toEqual([401, true]);
    const challenge = await fetch(server.hls("closed/"), BROWSER);
    expect(challenge.headers.get("WWW-Authenticate")).toBe('Basic realm="mediamtx"');
    expect(await (await fetch(server.hls("open/"), BROWSER)).text()).toContain("<video");
  },
  TIMEOUT_MS,
);
