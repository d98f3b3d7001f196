import { expect, test } from "bun:test";
import { type JsonObject, type Listed, Registry } from "../../src/lib/registry.ts";
import { createMetrics } from "../../src/metrics/server.ts";
import { metricsText } from "../../src/metrics/text.ts";

function registry(name: string, ...items: JsonObject[]): Registry {
  const result = new Registry(name);
  for (const [index, item] of items.entries()) {
    result.add({ id: String(index), created: 0, describe: () => item, close: () => {} } satisfies Listed);
  }
  return result;
}

function registries(...all: Registry[]): Map<string, Registry> {
  return new Map(all.map((one) => [one.name, one]));
}

test("without items every metric is there, as 0; of the paths only their number", async () => {
  const running = registries(registry("rtspsessions"), registry("paths"), registry("rtspconns"));
  expect(await metricsText(running, [])).toBe(`paths 0
rtsp_conns 0
rtsp_conns_bytes_received 0
rtsp_conns_bytes_sent 0
rtsp_sessions 0
rtsp_sessions_bytes_received 0
rtsp_sessions_bytes_sent 0
`);
});

test("the lines of an item stand together, in the order of the items", async () => {
  const running = registries(
    registry(
      "paths",
      { name: "mypath", ready: true, bytesReceived: 1234 },
      { name: "other", ready: false, bytesReceived: 0 },
    ),
    registry("hlsmuxers", { path: "mypath", bytesSent: 187 }),
    registry("rtspconns", { id: "4b1f", bytesReceived: 1024, bytesSent: 512 }),
    registry("rtspsessions", { id: "77aa", state: "publish", bytesReceived: 1e15 + 1, bytesSent: 0 }),
  );
  expect(await metricsText(running, [])).toBe(`paths{name="mypath",state="ready"} 1
paths_bytes_received{name="mypath",state="ready"} 1234
paths{name="other",state="notReady"} 1
paths_bytes_received{name="other",state="notReady"} 0
hls_muxers{name="mypath"} 1
hls_muxers_bytes_sent{name="mypath"} 187
rtsp_conns{id="4b1f"} 1
rtsp_conns_bytes_received{id="4b1f"} 1024
rtsp_conns_bytes_sent{id="4b1f"} 512
rtsp_sessions{id="77aa",state="publish"} 1
rtsp_sessions_bytes_received{id="77aa",state="publish"} 1000000000000001
rtsp_sessions_bytes_sent{id="77aa",state="publish"} 0
`);
});

test("our own numbers follow, read at each scrape; scrapes may overlap", async () => {
  let value = 0;
  const read = () => ++value;
  const gauges = [{ name: "media_memory_blocks_taken", read }];
  const texts = await Promise.all([1, 2, 3].map(() => metricsText(registries(registry("paths")), gauges)));
  expect(texts).toEqual([1, 2, 3].map((n) => `paths 0\nmedia_memory_blocks_taken ${n}\n`));
});

test("only GET /metrics is served", async () => {
  const app = createMetrics({ registries: registries(registry("paths")), gauges: [] });
  const answer = await app.fetch(new Request("http://h/metrics"));
  expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "text/plain; charset=utf-8"]);
  expect((await app.fetch(new Request("http://h/metrics", { method: "POST" }))).status).toBe(404);
  expect(await (await app.fetch(new Request("http://h/"))).text()).toBe("404 page not found");
});
