import { afterAll, describe, expect, test } from "bun:test";
import type { CodecId } from "../../src/media/codec-parameters.ts";
import { CODECS } from "../../src/media/codecs.ts";
import { TestServer } from "../support/server.ts";
import { loadBuild } from "../wasm/builds.ts";
import { checkReturned } from "../wasm/compare.ts";
import { checkDistances, checkTrack } from "./compare.ts";
import { Heartbeat } from "./heartbeat.ts";
import type { Bench, Protocol } from "./protocol.ts";
import { PROTOCOLS } from "./protocols.ts";
import { SAMPLES, type Sample } from "./samples.ts";
import { streams } from "./streams.ts";

const TIMEOUT_MS = 60_000;
/** Debug lines tell the ports of sources. */
const CONFIG = "logLevel: debug\nreadTimeout: 60s\npaths:\n  all:\n";
const STREAMS = streams();
const memory = loadBuild("debug", 2_048);
const heartbeat = new Heartbeat();

/** Readers by the server that they need; those that need nothing of it are with the first. */
const READERS = PROTOCOLS.filter(({ read }) => read !== undefined);
const CONFIGS = [...new Set(READERS.flatMap(({ config }) => config ?? []))];
const GROUPS = CONFIGS.map((config, i) => ({
  config,
  readers: READERS.filter((reader) => (reader.config ?? (i === 0 ? config : undefined)) === config),
}));

test("every codec has a sample", () => {
  expect(new Set(SAMPLES.map(({ codec }) => codec))).toEqual(new Set(Object.keys(CODECS) as CodecId[]));
  expect(new Set(SAMPLES.map(({ name }) => name)).size).toBe(SAMPLES.length);
});

for (const { config, readers } of GROUPS) {
  let started: Promise<TestServer> | undefined;
  const bench = async (): Promise<Bench> => {
    started ??= TestServer.start({ config: `${config}${CONFIG}` });
    return { server: await started, memory };
  };

  describe(`read over ${readers.map(({ name }) => name).join(", ")}`, () => {
    afterAll(async () => {
      await (await started)?.stop();
    });

    for (const publisher of PROTOCOLS) {
      for (const samples of STREAMS.filter((stream) => canPublish(publisher, stream))) {
        test.concurrent(
          `${samples.map(({ name }) => name).join(" and ")}, published over ${publisher.name}`,
          async () => {
            await pass(await bench(), samples, publisher, readers);
          },
          TIMEOUT_MS,
        );
      }
    }
  });
}

afterAll(() => {
  heartbeat[Symbol.dispose]();
  checkReturned(memory);
});

let paths = 0;

function canPublish({ publish }: Protocol, samples: readonly Sample[]): boolean {
  if (publish === undefined) return false;
  return samples.every(
    ({ codec, isBare = false, rtpStart }) =>
      publish.codecs.includes(codec) &&
      (!isBare || publish.isDescribed === true) &&
      (rtpStart === undefined || publish.choosesTimes === true),
  );
}

/** Publishes a stream, and checks what all readers get. */
async function pass(
  bench: Bench,
  samples: readonly Sample[],
  publisher: Protocol,
  readers: readonly Protocol[],
): Promise<void> {
  const path = `conformance${paths++}`;
  const start = performance.now();
  await using publication = await publisher.publish!.open(bench, path, samples);
  const read = async (reader: Protocol) => {
    const { codecs, refuses = [], open, refused, leftOut } = reader.read!;
    const carried = samples.filter(({ codec }) => codecs.includes(codec));
    if (carried.length === 0 || samples.some(({ codec }) => refuses.includes(codec))) {
      await refused?.(bench, path);
      return;
    }
    const tracks = await open(bench, path, carried);
    expect(tracks.length).toBe(carried.length);
    const protocols = [publisher, reader];
    const isSteady = heartbeat.isSteadySince(start);
    const shifts = tracks.map((track, i) => {
      const sample = carried[i]!;
      return checkTrack(track, { sample, published: publication.units(sample), protocols, isSteady });
    });
    if (isSteady) checkDistances(shifts);
    for (const [i, sample] of samples.entries())
      if (!carried.includes(sample)) await leftOut?.(bench, path, i);
  };
  const outcomes = await Promise.allSettled(readers.map(read));
  const faults = outcomes.flatMap((outcome, i) =>
    outcome.status === "rejected" ? [`${readers[i]!.name}: ${outcome.reason.stack}`] : [],
  );
  if (faults.length > 0) throw new Error(faults.join("\n"));
}
