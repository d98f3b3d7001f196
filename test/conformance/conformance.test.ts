import { afterAll, describe, expect, test } from "bun:test";
import type { CodecId } from "../../src/media/codec-parameters.ts";
import { CODECS } from "../../src/media/codecs.ts";
import { TestServer } from "../support/server.ts";
import { loadBuild } from "../wasm/builds.ts";
import { checkReturned } from "../wasm/compare.ts";
import { checkTrack } from "./compare.ts";
import type { Bench, Protocol } from "./protocol.ts";
import { PROTOCOLS } from "./protocols.ts";
import { SAMPLES, type Sample, samplesOf } from "./samples.ts";

const TIMEOUT_MS = 60_000;
/** Debug lines tell the ports of sources. */
const CONFIG = "logLevel: debug\nreadTimeout: 60s\npaths:\n  all:\n";
const memory = loadBuild("debug", 2_048);

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
      for (const sample of samplesOf(publisher.publish?.codecs ?? [])) {
        test.concurrent(
          `${sample.name}, published over ${publisher.name}`,
          async () => {
            await pass(await bench(), sample, publisher, readers);
          },
          TIMEOUT_MS,
        );
      }
    }
  });
}

afterAll(() => checkReturned(memory));

let paths = 0;

/** Publishes a sample, and checks what all readers get. */
async function pass(
  bench: Bench,
  sample: Sample,
  publisher: Protocol,
  readers: readonly Protocol[],
): Promise<void> {
  const path = `conformance${paths++}`;
  await using publication = await publisher.publish!.open(bench, path, [sample]);
  const outcomes = await Promise.allSettled(
    readers.map(async (reader) => {
      if (!reader.read!.codecs.includes(sample.codec)) {
        await reader.read!.refused?.(bench, path, sample);
        return;
      }
      const [track] = await reader.read!.open(bench, path, [sample]);
      const published = publication.units(sample);
      checkTrack(track!, { sample, published, protocols: [publisher, reader] });
    }),
  );
  const faults = outcomes.flatMap((outcome, i) =>
    outcome.status === "rejected" ? [`${readers[i]!.name}: ${outcome.reason.stack}`] : [],
  );
  if (faults.length > 0) throw new Error(faults.join("\n"));
}
