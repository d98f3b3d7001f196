import { expect, test } from "bun:test";
import { Histogram } from "../../src/lib/histogram.ts";
import type { MetricValue } from "../../src/lib/metric-value.ts";
import { type JsonObject, type Listed, type Listing, Registry } from "../../src/lib/registry.ts";
import { createMetrics } from "../../src/metrics/server.ts";
import { metricsText } from "../../src/metrics/text.ts";
import { SECTIONS } from "../support/declared.ts";

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

const soon = (call: () => void) => void setImmediate(call);
const textOf = (running: ReadonlyMap<string, Listing>, values: MetricValue[] = []) =>
  metricsText({ sections: SECTIONS, registries: running, values, soon });

/** The lines that say a value. */
async function valuesOf(running: ReadonlyMap<string, Listing>, only: RegExp = /./): Promise<string[]> {
  return (await textOf(running)).split("\n").filter((line) => /^[a-z]/.test(line) && only.test(line));
}

/** Names that v1.0.3 has. */
const OLD = /^[a-z_]*(paths|muxers|conns|sessions)(_bytes_(received|sent))?[ {]/;

test("without items every metric of a release is there, as 0; of v1.0.3's for paths only their number", async () => {
  const running = registries(registry("rtspsessions"), registry("paths"), registry("rtspconns"));
  expect(await valuesOf(running)).toEqual([
    "paths 0",
    "paths_readers 0",
    "paths_inbound_bytes 0",
    "paths_outbound_bytes 0",
    "paths_bytes_sent 0",
    "rtsp_conns 0",
    "rtsp_conns_bytes_received 0",
    "rtsp_conns_bytes_sent 0",
    "rtsp_conns_inbound_bytes 0",
    "rtsp_conns_outbound_bytes 0",
    "rtsp_sessions 0",
    "rtsp_sessions_bytes_received 0",
    "rtsp_sessions_bytes_sent 0",
    "rtsp_sessions_inbound_bytes 0",
    "rtsp_sessions_outbound_bytes 0",
    "rtsp_sessions_inbound_rtp_packets 0",
    "rtsp_sessions_inbound_rtp_packets_lost 0",
    "rtsp_sessions_outbound_rtp_packets_discarded 0",
  ]);
});

test("the lines of v1.0.3, word for word, in the order of its sections and of the items", async () => {
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
  expect(await valuesOf(running, OLD)).toEqual([
    'paths{name="mypath",state="ready"} 1',
    'paths{name="other",state="notReady"} 1',
    'paths_bytes_received{name="mypath",state="ready"} 1234',
    'paths_bytes_received{name="other",state="notReady"} 0',
    'hls_muxers{name="mypath"} 1',
    'hls_muxers_bytes_sent{name="mypath"} 187',
    'rtsp_conns{id="4b1f"} 1',
    'rtsp_conns_bytes_received{id="4b1f"} 1024',
    'rtsp_conns_bytes_sent{id="4b1f"} 512',
    'rtsp_sessions{id="77aa",state="publish"} 1',
    'rtsp_sessions_bytes_received{id="77aa",state="publish"} 1000000000000001',
    'rtsp_sessions_bytes_sent{id="77aa",state="publish"} 0',
  ]);
});

test("newer names have the newer labels, and readers are counted by type", async () => {
  const readers = ["rtspSession", "hlsMuxer", "rtspSession"].map((type) => ({ type, id: "" }));
  const live = { packetsReceived: 9, packetsLost: 2 };
  const session = { id: "1", path: "p", remoteAddr: "[::1]:5", bytesReceived: 7, bytesSent: 8, live };
  const running = registries(
    registry("paths", { name: "p", ready: true, readers }, { name: "q", ready: false, readers: [] }),
    registry("rtspsessions", { ...session, state: "publish" }, { ...session, id: "2", state: "read" }),
  );
  const wanted = /readers|inbound_bytes\{id|packets/;
  expect(await valuesOf(running, wanted)).toEqual([
    'paths_readers{name="p",readerType="rtspSession",state="ready"} 2',
    'paths_readers{name="p",readerType="hlsMuxer",state="ready"} 1',
    'paths_readers{name="q",readerType="",state="notReady"} 0',
    'rtsp_sessions_inbound_bytes{id="1",path="p",remoteAddr="[::1]:5",state="publish"} 7',
    'rtsp_sessions_inbound_bytes{id="2",path="p",remoteAddr="[::1]:5",state="read"} 7',
    'rtsp_sessions_inbound_rtp_packets{id="1",path="p",remoteAddr="[::1]:5",state="publish"} 9',
    'rtsp_sessions_inbound_rtp_packets{id="2",path="p",remoteAddr="[::1]:5",state="read"} 0',
    'rtsp_sessions_inbound_rtp_packets_lost{id="1",path="p",remoteAddr="[::1]:5",state="publish"} 2',
    'rtsp_sessions_inbound_rtp_packets_lost{id="2",path="p",remoteAddr="[::1]:5",state="read"} 0',
    'rtsp_sessions_outbound_rtp_packets_discarded{id="1",path="p",remoteAddr="[::1]:5",state="publish"} 0',
    'rtsp_sessions_outbound_rtp_packets_discarded{id="2",path="p",remoteAddr="[::1]:5",state="read"} 2',
    'rtsp_sessions_packets_lost{id="1",path="p",remoteAddr="[::1]:5",state="publish"} 2',
    'rtsp_sessions_packets_lost{id="2",path="p",remoteAddr="[::1]:5",state="read"} 2',
  ]);
});

test("sources: what is not known has no line, a transport and an error are labels; without sources there is nothing", async () => {
  const of = (path: string, rest: JsonObject) => ({ path, type: "rtspSource", attempts: 1, ...rest });
  const live = { packetsLost: 4, jitterMs: 2, roundTripMs: 30, lastPacketAgeMs: 1500 };
  const ready = of("a", { state: "ready", transport: "UDP", bytesReceived: 7, lastError: null, live });
  const failing = of("b", { state: "retrying", transport: null, bytesReceived: 0, lastError: 'bad "x"' });
  expect(await valuesOf(registries(registry("sources", ready, failing)))).toEqual([
    'sources{path="a",type="rtspSource",state="ready"} 1',
    'sources{path="b",type="rtspSource",state="retrying"} 1',
    'sources_attempts{path="a",type="rtspSource",state="ready"} 1',
    'sources_attempts{path="b",type="rtspSource",state="retrying"} 1',
    'sources_bytes_received{path="a",type="rtspSource",state="ready"} 7',
    'sources_bytes_received{path="b",type="rtspSource",state="retrying"} 0',
    'sources_packets_lost{path="a",type="rtspSource",state="ready"} 4',
    'sources_jitter_seconds{path="a",type="rtspSource",state="ready"} 0.002',
    'sources_round_trip_seconds{path="a",type="rtspSource",state="ready"} 0.03',
    'sources_last_packet_age_seconds{path="a",type="rtspSource",state="ready"} 1.5',
    'sources_transport{path="a",state="ready",transport="UDP",type="rtspSource"} 1',
    'sources_last_error{error="bad \\"x\\"",path="b",state="retrying",type="rtspSource"} 1',
  ]);
  expect(await valuesOf(registries(registry("sources")))).toEqual([]);
});

test("live stats are there where they are known, times in seconds", async () => {
  const live = { bitrateIn: 8000, frameRate: 29.97, keyFrameAgeMs: 1500, lagMs: 20 };
  const running = registries(
    registry("paths", { name: "p", ready: true, live }, { name: "q", ready: false, live: { bitrateIn: 0 } }),
  );
  expect(await valuesOf(running, /bitrate|rate|width|age|lag/)).toEqual([
    'paths_bitrate_in{name="p",state="ready"} 8000',
    'paths_bitrate_in{name="q",state="notReady"} 0',
    'paths_frame_rate{name="p",state="ready"} 29.97',
    'paths_key_frame_age_seconds{name="p",state="ready"} 1.5',
    'paths_lag_seconds{name="p",state="ready"} 0.02',
  ]);
});

test("things that are elsewhere are waited for, in the order of the sections", async () => {
  const paths = registry("paths", { name: "p", ready: true });
  const list = () => new Promise<void>(setImmediate).then(() => paths.list());
  const elsewhere: Listing = { name: "paths", list, find: (id) => paths.find(id) };
  const running = new Map<string, Listing>([
    ["paths", elsewhere],
    ["rtspconns", registry("rtspconns")],
  ]);
  expect(await valuesOf(running, /^(paths|rtsp_conns)[ {]/)).toEqual([
    'paths{name="p",state="ready"} 1',
    "rtsp_conns 0",
  ]);
});

test("our own numbers follow, read at each scrape; scrapes may overlap", async () => {
  let value = 0;
  const read = () => ++value;
  const values: MetricValue[] = [{ kind: "gauge", name: "media_memory_blocks_taken", help: "blocks", read }];
  const texts = await Promise.all([1, 2, 3].map(() => textOf(registries(), values)));
  const head = "# HELP media_memory_blocks_taken blocks\n# TYPE media_memory_blocks_taken gauge\n";
  expect(texts).toEqual([1, 2, 3].map((n) => `${head}media_memory_blocks_taken ${n}\n`));
});

test("a distribution has its buckets, sum and count", async () => {
  const histogram = new Histogram([0.5, 1]);
  for (const value of [0.25, 0.5, 0.75, 4]) histogram.observe(value);
  const values: MetricValue[] = [{ kind: "histogram", name: "flush_seconds", help: "time", histogram }];
  expect(await textOf(registries(), values)).toBe(`# HELP flush_seconds time
# TYPE flush_seconds histogram
flush_seconds_bucket{le="0.5"} 2
flush_seconds_bucket{le="1"} 3
flush_seconds_bucket{le="+Inf"} 4
flush_seconds_sum 5.5
flush_seconds_count 4
`);
});

test("only GET /metrics is served", async () => {
  const app = createMetrics({
    sections: SECTIONS,
    registries: registries(registry("paths")),
    values: [],
    soon,
  });
  const answer = await app.fetch(new Request("http://h/metrics"));
  expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "text/plain; charset=utf-8"]);
  expect((await app.fetch(new Request("http://h/metrics", { method: "POST" }))).status).toBe(404);
  expect(await (await app.fetch(new Request("http://h/"))).text()).toBe("404 page not found");
});
