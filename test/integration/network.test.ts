import { expect, test } from "bun:test";
import { join } from "node:path";
import { TestServer } from "../support/server.ts";
import { Client } from "../support/tools.ts";
import { Network, type Side } from "./network.ts";
import type { PeerReport } from "./peer.ts";

const LIMIT_MS = 90_000;
const PEER = join(import.meta.dir, "peer.ts");
/** The server is on host `a`; its ports are the usual ones, nobody else is there. */
const SERVER = { a: "127.0.0.1:8554", b: "10.99.0.1:8554", b6: "[fd99::1]:8554" };

/** Tests on two hosts; each has its own network. */
function networkTest(name: string, run: () => Promise<void>, available = Network.available): void {
  if (available) test.concurrent(name, run, LIMIT_MS);
  else test.skip(`${name} (no network namespaces here)`, run);
}

function startServer(
  network: Network,
  config = "",
  env: Readonly<Record<string, string>> = {},
): Promise<TestServer> {
  const ports = "rtspAddress: :8554\nrtpAddress: :8000\nrtcpAddress: :8001\n";
  return TestServer.start({
    prefix: network.on("a"),
    env,
    config: `${ports}readTimeout: 5s\n${config}paths:\n  all:\n`,
  });
}

/** Runs a peer on a host. */
function peer(network: Network, side: Side, ...args: string[]): Client {
  return new Client([...network.on(side), process.execPath, PEER, ...args]);
}

async function published(server: TestServer): Promise<void> {
  await server.waitForLog(/is publishing to path 'cam'/);
}

async function reportOf(client: Client): Promise<PeerReport> {
  return JSON.parse(new TextDecoder().decode((await client.success()).stdout)) as PeerReport;
}

for (const percent of [1, 5]) {
  networkTest(`${percent} % of loss: a reader by UDP loses that, the others nothing`, async () => {
    await using network = Network.open();
    await using server = await startServer(network);
    await using _ = peer(network, "a", "publish", "udp", `rtsp://${SERVER.a}/cam`);
    await published(server);
    network.lose("b", percent);
    await using far = peer(network, "b", "read", "udp", `rtsp://${SERVER.b}/cam`, "2000");
    await using farTcp = peer(network, "b", "read", "tcp", `rtsp://${SERVER.b}/cam`, "1000");
    await using near = peer(network, "a", "read", "udp", `rtsp://${SERVER.a}/cam`, "1000");
    const [lossy, ...whole] = await Promise.all([far, farTcp, near].map(reportOf));
    expect(lossy!.faults).toEqual([]);
    expect(lossy!.lost / (lossy!.lost + lossy!.packets)).toBeGreaterThan(percent / 300);
    expect(lossy!.lost / (lossy!.lost + lossy!.packets)).toBeLessThan(percent / 40);
    for (const report of whole) expect(report).toMatchObject({ lost: 0, faults: [] });
  });
}

networkTest("loss on the way of a publisher is counted, and ends nothing", async () => {
  await using network = Network.open();
  await using server = await startServer(network);
  network.lose("a", 5);
  await using _ = peer(network, "b", "publish", "udp", `rtsp://${SERVER.b}/cam`);
  await published(server);
  await using reader = peer(network, "a", "read", "tcp", `rtsp://${SERVER.a}/cam`, "1500");
  const report = await reportOf(reader);
  expect(report.faults).toEqual([]);
  expect(report.lost / (report.lost + report.packets)).toBeLessThan(0.1);
  await server.waitForLog(/WAR .*\d+ RTP packets? lost/);
});

for (const [name, url] of [
  ["IPv4", `rtsp://${SERVER.b}/cam`],
  ["IPv6", `rtsp://${SERVER.b6}/cam`],
] as const) {
  networkTest(`readers behind an MTU of 1280 get everything, by ${name}`, async () => {
    await using network = Network.open(1_280);
    await using server = await startServer(network);
    await using _ = peer(network, "a", "publish", "tcp", `rtsp://${SERVER.a}/cam`, "large");
    await published(server);
    await using far = peer(network, "b", "read", "udp", url, "1500", "large");
    await using near = peer(network, "a", "read", "udp", `rtsp://${SERVER.a}/cam`, "1500", "large");
    for (const report of await Promise.all([far, near].map(reportOf))) {
      expect(report).toMatchObject({ lost: 0, faults: [] });
    }
  });
}

networkTest("a host that is cut off does no harm to the others", async () => {
  await using network = Network.open();
  await using server = await startServer(network);
  await using _ = peer(network, "a", "publish", "udp", `rtsp://${SERVER.a}/cam`);
  await published(server);
  await using near = peer(network, "a", "read", "udp", `rtsp://${SERVER.a}/cam`, "1500");
  await using gone = peer(network, "b", "read", "udp", `rtsp://${SERVER.b}/cam`, "100000");
  await using goneTcp = peer(network, "b", "read", "tcp", `rtsp://${SERVER.b}/cam`, "100000");
  await server.waitForLog(/(?:is reading from path 'cam'(?:.|\n)*){3}/);
  network.cut();
  expect(await reportOf(near)).toMatchObject({ lost: 0, faults: [] });
  expect([gone.running, goneTcp.running]).toEqual([true, true]);
});

for (const [name, env] of [
  ["", {}],
  [", read directly", { MEDIAMTX_DIRECT: "always" }],
  [", without ffi", { MEDIAMTX_NO_FFI: "1" }],
] as const) {
  networkTest(`a peer that answers with ICMP errors does no harm to the others${name}`, async () => {
    await using network = Network.open();
    await using server = await startServer(network, "", env);
    await using _ = peer(network, "a", "publish", "udp", `rtsp://${SERVER.a}/cam`);
    await published(server);
    await using near = peer(network, "a", "read", "udp", `rtsp://${SERVER.a}/cam`, "2000");
    await using farTcp = peer(network, "b", "read", "tcp", `rtsp://${SERVER.b}/cam`, "2000");
    await using killed = peer(network, "b", "read", "udp", `rtsp://${SERVER.b}/cam`, "100000");
    await using refused = peer(network, "b", "read", "udp", `rtsp://${SERVER.b}/cam`, "100000");
    await server.waitForLog(/(?:is reading from path 'cam'(?:.|\n)*){4}/);
    killed.kill(); // its port is unreachable from now on
    network.refuse("b"); // and so are the others of its host
    for (const report of await Promise.all([near, farTcp].map(reportOf))) {
      expect(report).toMatchObject({ lost: 0, faults: [] });
    }
    expect(refused.running).toBe(true);
    expect(server.log).not.toMatch(/ (WAR|ERR) (?!.*receive buffer)/);
  });
}

networkTest(
  "where a fifth of the datagrams is late, publishers and sources are put in order again",
  async () => {
    await using network = Network.open();
    await using _link = await network.reordering(20);
    await using server = await startServer(network);
    await using _ = peer(network, "b", "publish", "udp", "rtsp://10.98.0.1:8554/cam");
    await published(server);
    await using pulling = await TestServer.start({
      prefix: network.on("b"),
      config: `rtspAddress: :8554
rtpAddress: :8000
rtcpAddress: :8001
paths:
  pulled:
    source: rtsp://10.98.0.1:8554/cam
    sourceProtocol: udp
`,
    });
    await pulling.waitForLog(/path pulled\] \[RTSP source\] ready/);
    await using near = peer(network, "a", "read", "tcp", `rtsp://${SERVER.a}/cam`, "1500");
    await using pulled = peer(network, "b", "read", "tcp", "rtsp://127.0.0.1:8554/pulled", "1500");
    await using far = peer(network, "b", "read", "udp", "rtsp://10.98.0.1:8554/cam", "1500");
    const [disordered, ...whole] = await Promise.all([far, near, pulled].map(reportOf));
    for (const report of whole) expect(report).toMatchObject({ lost: 0, faults: [] });
    expect(disordered!.faults).toEqual([]);
    expect(disordered!.lost).toBeGreaterThan(100); // who does not wait for late ones sees many gaps
    for (const { log } of [server, pulling]) expect(log).not.toMatch(/ lost/);
  },
  Network.canReorder,
);

networkTest(
  "readers by multicast share the groups of their stream, which are free after the last one",
  async () => {
    await using network = Network.open();
    await using server = await startServer(network, "multicastIPRange: 239.7.0.0/30\n"); // three addresses
    const read = (path: string, packets: string) =>
      peer(network, "b", "read", "multicast", `rtsp://${SERVER.b}/${path}`, packets);
    await using _ = peer(network, "a", "publish", "udp", `rtsp://${SERVER.a}/cam`);
    await published(server);
    await using __ = peer(network, "a", "publish", "tcp", `rtsp://${SERVER.a}/other`);
    await server.waitForLog(/is publishing to path 'other'/);
    await using long = read("cam", "1500");
    await server.waitForLog(/is reading from path 'cam', with UDP-multicast/);
    await using short = read("cam", "500");
    await using refused = read("other", "10");
    expect((await refused.ended).code).not.toBe(0);
    await server.waitForLog(/closed \(no multicast addresses are left\)/);
    const [first, second] = await Promise.all([long, short].map(reportOf));
    for (const report of [first, second]) expect(report).toMatchObject({ lost: 0, faults: [] });
    expect(first!.groups).toEqual(["239.7.0.1", "239.7.0.2"]);
    expect(second!.groups).toEqual(first!.groups);
    await using other = read("other", "500");
    const report = await reportOf(other);
    expect(report).toMatchObject({ lost: 0, faults: [] });
    expect(new Set(report.groups).size).toBe(2);
  },
);

networkTest("ten readers by multicast in turn get everything, and a sender report each", async () => {
  await using network = Network.open();
  await using server = await startServer(network);
  await using _ = peer(network, "a", "publish", "udp", `rtsp://${SERVER.a}/cam`);
  await published(server);
  await using all = peer(network, "b", "read", "multicast", `rtsp://${SERVER.b}/cam`, "100000");
  await server.waitForLog(/is reading from path 'cam', with UDP-multicast/);
  for (let i = 0; i < 10; i++) {
    await using reader = peer(network, "b", "read", "multicast", `rtsp://${SERVER.b}/cam`, "60");
    const report = await reportOf(reader);
    expect(report).toMatchObject({ lost: 0, faults: [] });
    // the others get theirs ten seconds apart
    expect(report.reports).toBeGreaterThanOrEqual(2);
  }
  expect(all.running).toBe(true);
});
