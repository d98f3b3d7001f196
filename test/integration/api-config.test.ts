import { expect, test } from "bun:test";
import { RtspClient } from "../support/rtsp-client.ts";
import { TestServer } from "../support/server.ts";
import { TestPublisher } from "./publisher.ts";
import { TestReader } from "./reader.ts";

const TIMEOUT_MS = 60_000;

async function post(server: TestServer, path: string, body: object): Promise<number> {
  const response = await fetch(`${server.apiUrl}/v2/config/${path}`, {
    method: "POST",
    body: JSON.stringify(body),
  });
  return response.status;
}

async function describeStatus(server: TestServer, path: string): Promise<number> {
  await using client = await RtspClient.connect(server.rtsp(path));
  return (await client.request("DESCRIBE", { headers: { Accept: "application/sdp" } })).status;
}

test(
  "changes by the API are in force, in memory alone, and leave readers of other things alone",
  async () => {
    await using server = await TestServer.start({ config: "paths:\n  cam:\n  old:\n" });
    const file = await Bun.file(server.configPath).text();
    await using publisher = await TestPublisher.start(server.rtsp("cam"));
    await using reader = await TestReader.start(server.rtsp("cam"), publisher.tracks);
    expect(await describeStatus(server, "added")).toBe(400);
    expect(await post(server, "paths/add/added", { readUser: "u", readPass: "p" })).toBe(200);
    await server.until(async () => (await describeStatus(server, "added")) === 401, "the path is there");
    expect(await post(server, "paths/edit/added", { readUser: "", readPass: "" })).toBe(200);
    await server.until(async () => (await describeStatus(server, "added")) === 404, "it asks for nothing");
    expect(await post(server, "paths/remove/old", {})).toBe(200);
    await server.until(async () => (await describeStatus(server, "old")) === 400, "the path is gone");

    const [before, from] = [server.metricsUrl, server.log.length];
    expect(await post(server, "set", { metricsAddress: "localhost:0", logLevel: "debug" })).toBe(200);
    await server.waitForLog(/\[metrics\] listener opened/, from);
    expect(server.metricsUrl).not.toBe(before);
    expect((await fetch(server.metricsUrl)).status).toBe(200);
    await server.waitForLog(/DEB /);

    await reader.more();
    expect(reader.faults).toEqual([]);
    await server.waitForLog(/reloading configuration \(API request\)/);
    expect(server.log).not.toMatch(/destroyed \(terminated\)/);
    expect(await Bun.file(server.configPath).text()).toBe(file);
  },
  TIMEOUT_MS,
);

test(
  "the API moves itself: the request that does it is answered",
  async () => {
    await using server = await TestServer.start();
    const from = server.log.length;
    expect(await post(server, "set", { apiAddress: "localhost:0" })).toBe(200);
    await server.waitForLog(/\[API\] listener opened/, from);
    expect(await server.api<{ apiAddress: string }>("/v2/config/get")).toMatchObject({
      apiAddress: "localhost:0",
    });
    expect(await post(server, "set", { apiAddress: "nowhere" })).toBe(400);
    expect((await fetch(`${server.apiUrl}/v2/paths/list`)).status).toBe(200);
  },
  TIMEOUT_MS,
);
