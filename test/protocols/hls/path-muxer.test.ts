import { afterEach, describe, expect, test } from "bun:test";
import { formatRfc3339 } from "../../../src/host/rfc3339.ts";
import { LocalDirectory } from "../../../src/path/directory.ts";
import { SlowDirectory } from "../../path/slow-directory.ts";
import { settle } from "../../support/fake-clock.ts";
import { loadBuild } from "../../wasm/builds.ts";
import { checkReturned } from "../../wasm/compare.ts";
import { ask, PathMuxerScene } from "./path-muxer-scene.ts";

const memory = loadBuild("debug", 256);
afterEach(() => checkReturned(memory));

const HOUR_MS = 3_600_000;

describe("a muxer nobody asks for", () => {
  test("ends after a minute", async () => {
    await using scene = new PathMuxerScene(memory);
    scene.publish();
    const { muxer, ends } = scene.start();
    await scene.clock.advance(30_000);
    muxer.requested();
    await scene.clock.advance(59_000);
    expect([ends.count, scene.paths.registry.get("cam")?.describe()["readers"]]).toMatchObject([0, [{}]]);
    await scene.clock.advance(2_000);
    expect([ends.count, scene.lines.at(-1)]).toEqual([1, "INF destroyed (not used anymore)"]);
    expect(scene.paths.registry.get("cam")?.describe()["readers"]).toEqual([]);
  });

  for (const step of [HOUR_MS, -HOUR_MS]) {
    test(`ends after a minute when the wall clock is set by ${step} ms`, async () => {
      await using scene = new PathMuxerScene(memory);
      scene.publish();
      const { ends } = scene.start();
      await scene.clock.advance(10_000);
      scene.clock.step(step);
      await scene.clock.advance(49_000);
      expect(ends.count).toBe(0);
      await scene.clock.advance(2_000);
      expect(ends.count).toBe(1);
    });
  }

  test("stays when it was made without a request", async () => {
    await using scene = new PathMuxerScene(memory);
    scene.publish();
    const { ends } = scene.start({}, { remoteAddress: undefined });
    await scene.clock.advance(10 * 60_000);
    expect(ends.count).toBe(0);
  });

  test("shows when it was asked last by the wall clock", async () => {
    await using scene = new PathMuxerScene(memory);
    scene.publish();
    const { muxer } = scene.start();
    const created = formatRfc3339(scene.clock.wall());
    await scene.clock.advance(10_000);
    scene.clock.step(HOUR_MS);
    muxer.requested();
    expect(muxer.describe()).toMatchObject({ created, lastRequest: formatRfc3339(scene.clock.wall()) });
  });
});

describe("requests that a muxer holds", () => {
  test("are answered in one pass, as soon as there is enough", async () => {
    await using scene = new PathMuxerScene(memory);
    const broadcast = scene.publish();
    const { muxer } = scene.start();
    const asked = [0, 1, 2].map(() => ask(muxer, ({ hasContent }) => hasContent));
    const later = ask(muxer, ({ window }) => window.has(9, 0));
    await broadcast.run(1_000);
    expect([...asked, later].map(({ status }) => status)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    await broadcast.run(200);
    expect([...asked, later].map(({ status }) => status)).toEqual([200, 200, 200, undefined]);
    await broadcast.run(2_000);
    expect(later.status).toBe(200);
  });

  test("keep a muxer that waits for more of its stream; without them it ends", async () => {
    await using scene = new PathMuxerScene(memory);
    const broadcast = scene.publish();
    const { muxer, ends } = scene.start();
    await broadcast.run(1_000);
    const giveUp = new AbortController();
    const asked = ask(muxer, () => false, giveUp.signal);
    await scene.clock.advance(5 * 60_000);
    expect([ends.count, asked.status]).toEqual([0, undefined]);
    giveUp.abort();
    await scene.clock.advance(2_000);
    expect([ends.count, asked.status]).toEqual([1, 404]);
  });

  test("are told when the stream ends, and when there is none", async () => {
    await using scene = new PathMuxerScene(memory);
    const broadcast = scene.publish();
    const { muxer, ends } = scene.start();
    const asked = ask(muxer, () => false);
    await broadcast.run(1_000);
    scene.unpublish();
    await scene.clock.advance(0);
    expect([asked.status, ends.count, scene.budget.used]).toEqual([404, 1, 0]);
    const late = scene.start();
    const askedLate = ask(late.muxer, () => false);
    await scene.clock.advance(0);
    expect([askedLate.status, late.ends.count]).toEqual([404, 1]);
    expect(scene.lines.at(-1)).toBe("INF destroyed (no one is publishing to path 'cam')");
    const afterwards = ask(muxer, () => true);
    await scene.clock.advance(0);
    expect(afterwards.status).toBe(404);
  });

  test("are so many at most", async () => {
    await using scene = new PathMuxerScene(memory);
    scene.publish();
    const { muxer } = scene.start();
    for (let i = 0; i < 9_999; i++) ask(muxer, () => false);
    expect(muxer.isFull).toBe(false);
    ask(muxer, () => false);
    expect(muxer.isFull).toBe(true);
  });
});

describe("a muxer that cannot go on", () => {
  const TOO_SMALL = { segmentMaxSize: 5_000 };
  const FAULT = "muxer error: reached maximum segment size";

  test("ends when somebody asked for it", async () => {
    await using scene = new PathMuxerScene(memory);
    const broadcast = scene.publish();
    const { muxer, ends } = scene.start(TOO_SMALL);
    const asked = ask(muxer, () => false);
    await broadcast.run(2_000);
    expect([asked.status, ends.count, scene.lines.at(-1)]).toEqual([404, 1, `INF destroyed (${FAULT})`]);
    expect(scene.budget.used).toBe(0);
  });

  test("tries again after a while when nobody did", async () => {
    await using scene = new PathMuxerScene(memory);
    const broadcast = scene.publish();
    const { muxer, ends } = scene.start(TOO_SMALL, { remoteAddress: undefined });
    const asked = ask(muxer, () => false);
    await broadcast.run(2_000);
    expect([asked.status, ends.count, scene.lines.at(-1)]).toEqual([404, 0, `ERR ${FAULT}`]);
    expect([muxer.playlist, scene.budget.used]).toEqual([undefined, 0]);
    const meanwhile = ask(muxer, () => true);
    await broadcast.run(1_000);
    expect(meanwhile.status).toBe(404);
    broadcast.pictureBytes = 20;
    broadcast.hasSound = false;
    await broadcast.run(10_000);
    expect(ends.count).toBe(0);
    expect(muxer.playlist?.window.wholeCount).toBeGreaterThan(0);
    scene.unpublish();
    expect(ends.count).toBe(1);
  });
});

describe("a track that sends nothing", () => {
  test("is left out of a playlist that is made anew: requests that wait get that one", async () => {
    await using scene = new PathMuxerScene(memory);
    const broadcast = scene.publish();
    broadcast.hasSound = false;
    const { muxer, ends } = scene.start();
    const asked = ask(muxer, ({ hasContent }) => hasContent);
    await broadcast.run(2_000);
    const first = muxer.playlist?.prefix;
    await broadcast.run(3_500);
    expect([asked.status, ends.count]).toEqual([200, 0]);
    expect(muxer.playlist?.prefix).not.toBe(first);
    expect(muxer.playlist?.tracks.map(({ codec }) => codec)).toEqual(["h264"]);
    expect(scene.lines).toContain("WAR skipping track 2 (MPEG-4 Audio): no data received");
    broadcast.hasSound = true;
    await broadcast.run(2_000);
    expect(muxer.playlist?.tracks.map(({ codec }) => codec)).toEqual(["h264", "mpeg4Audio"]);
  });
});

describe("files of a muxer", () => {
  /** Lets files be written until a muxer keeps no whole segment in memory. */
  async function written(scene: PathMuxerScene): Promise<void> {
    const window = scene.muxers.at(-1)?.playlist?.window;
    while (window?.whole.some(({ kept }) => kept > 0)) await new Promise(setImmediate);
  }

  test("are those of its playlist, and none is left when it ends", async () => {
    await using scene = new PathMuxerScene(memory);
    const broadcast = scene.publish();
    const { muxer } = scene.start({ variant: "fmp4", segmentCount: 3 }, { directory: scene.directory });
    await broadcast.run(8_200);
    await written(scene);
    const { prefix, window } = muxer.playlist!;
    const names = window.whole.map(({ id }) => `cam/${prefix}_seg${id}.mp4`);
    expect(names).toHaveLength(3);
    expect(scene.files).toEqual(expect.arrayContaining(["cam", ...names]));
    muxer.close(new Error("terminated"));
    await muxer.gone;
    expect(scene.files).toEqual([]);
  });

  test("go with the playlist that is made anew, and with the last one", async () => {
    await using scene = new PathMuxerScene(memory);
    const broadcast = scene.publish();
    broadcast.hasSound = false;
    const { muxer } = scene.start({}, { directory: scene.directory });
    await broadcast.run(2_800);
    await written(scene);
    const { prefix } = muxer.playlist!;
    expect(scene.files.filter((name) => name.includes(prefix)).length).toBeGreaterThan(0);
    await broadcast.run(3_000);
    await written(scene);
    await muxer.gone; // of the first playlist
    expect(scene.files.filter((name) => name.includes(prefix))).toEqual([]);
    expect(scene.files.filter((name) => name.includes(muxer.playlist!.prefix)).length).toBeGreaterThan(0);
    scene.unpublish();
    await muxer.gone;
    expect(scene.files).toEqual([]);
  });
});

describe("a muxer that is closed while it waits leaves no reader behind", () => {
  for (const step of ["open", "attach"] as const) {
    for (const isLate of [false, true]) {
      test(`for '${step}', ${isLate ? "before" : "after"} the step is taken`, async () => {
        await using scene = new PathMuxerScene(memory);
        scene.publish();
        const paths = new SlowDirectory(new LocalDirectory(scene.paths));
        paths.held.add(step);
        paths.isLate = isLate;
        const { muxer, ends } = scene.start({}, { paths });
        await settle();
        expect(paths.waiting).toBe(1);
        muxer.close(new Error("terminated"));
        await paths.letGo();
        expect(ends.count).toBe(1);
        expect(scene.paths.registry.get("cam")?.describe()["readers"]).toEqual([]);
        expect(muxer.playlist).toBeUndefined();
      });
    }
  }
});
