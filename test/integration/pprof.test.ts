import { expect, test } from "bun:test";
import { Profile } from "pprof-format";
import { TestServer } from "../support/server.ts";
import { TestPublisher } from "./publisher.ts";
import { TestReader } from "./reader.ts";

const TIMEOUT_MS = 60_000;
const CONFIG = "pprof: yes\npprofAddress: 127.0.0.1:0\npaths:\n  all:\n";

async function fetchProfile(url: string): Promise<Profile> {
  const response = await fetch(url);
  if (response.status !== 200) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return Profile.decode(new Uint8Array(await response.arrayBuffer()));
}

test(
  "profiles of a server at work, which goes on meanwhile",
  async () => {
    await using server = await TestServer.start({ config: CONFIG });
    await using publisher = await TestPublisher.start(server.rtsp("cam"));
    await using reader = await TestReader.start(server.rtsp("cam"), publisher.tracks);
    const base = `${server.pprofUrl}/debug/pprof`;

    const activity = await (await fetch(`${base}/goroutine?debug=1`)).text();
    expect(activity).toMatch(/^1 paths > cam$/m);
    expect(activity).toMatch(/^1 rtspsessions > publish > cam$/m);
    expect(activity).toMatch(/^1 rtspsessions > read > cam$/m);
    expect(activity).toMatch(/^\d+ timers$/m);

    const before = reader.packets;
    const cpu = fetchProfile(`${base}/profile?seconds=2`);
    const busy = new AbortController();
    const ask = async () => {
      while (!busy.signal.aborted) await fetch(server.metricsUrl).then((answer) => answer.text());
    };
    const asking = ask();
    const profile = await cpu;
    busy.abort();
    await asking;
    const names = profile.function.map(({ name }) => profile.stringTable.strings[Number(name)]);
    expect(names).toContain("metricsText");
    expect(Number(profile.durationNanos)).toBeGreaterThan(1.9e9);
    expect(reader.packets).toBeGreaterThan(before);
    expect(reader.faults).toEqual([]);

    const heap = await fetchProfile(`${base}/heap`);
    const space = heap.sample.reduce((sum, { value }) => sum + Number(value[1]), 0);
    expect(space).toBeGreaterThan(1e6);
    expect(server.log).not.toContain("ERR");
  },
  TIMEOUT_MS,
);
