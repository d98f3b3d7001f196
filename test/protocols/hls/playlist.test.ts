import { describe, expect, test } from "bun:test";
import { ByteBudget } from "../../../src/protocols/hls/proto/budget.ts";
import { writeMedia, writeMultivariant } from "../../../src/protocols/hls/proto/playlist.ts";
import { PlaylistTexts } from "../../../src/protocols/hls/proto/texts.ts";
import { SegmentWindow } from "../../../src/protocols/hls/proto/window.ts";

const names = { prefix: "ab", query: "", time: (wall: number) => new Date(wall).toISOString() };

/** Segments of so many parts of 200 ms each. */
function filled(window: SegmentWindow, segments: readonly number[], isOpen = false): SegmentWindow {
  segments.forEach((parts, i) => {
    window.begin(1_000_000 + i * 1_000);
    for (let part = 0; part < parts; part++) window.addPart(new Blob(["part"]), 200, part === 0);
    if (!isOpen || i < segments.length - 1) window.end();
  });
  return window;
}

describe("a low-latency playlist", () => {
  test("begins with gaps; lists parts of the last segments and of the one in progress", () => {
    const window = filled(new SegmentWindow({ count: 7, gaps: 7 }), [5, 2], true);
    expect(writeMedia(window, "lowLatency", names).split("\n")).toEqual([
      "#EXTM3U",
      "#EXT-X-VERSION:9",
      "#EXT-X-TARGETDURATION:1",
      "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.60000,CAN-SKIP-UNTIL=6.00000",
      "#EXT-X-PART-INF:PART-TARGET=0.20000",
      "#EXT-X-MEDIA-SEQUENCE:1",
      '#EXT-X-MAP:URI="ab_init.mp4"',
      ...Array.from({ length: 6 }, () => ["#EXT-X-GAP", "#EXTINF:1.00000,", "gap.mp4"]).flat(),
      "#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:16:40.000Z",
      '#EXT-X-PART:DURATION=0.20000,URI="ab_part0.mp4",INDEPENDENT=YES',
      ...[1, 2, 3, 4].map((part) => `#EXT-X-PART:DURATION=0.20000,URI="ab_part${part}.mp4"`),
      "#EXTINF:1.00000,",
      "ab_seg7.mp4",
      '#EXT-X-PART:DURATION=0.20000,URI="ab_part5.mp4",INDEPENDENT=YES',
      '#EXT-X-PART:DURATION=0.20000,URI="ab_part6.mp4"',
      '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="ab_part7.mp4"',
      "",
    ]);
  });

  test("repeats the query on everything that is fetched", () => {
    const window = filled(new SegmentWindow({ count: 7, gaps: 7 }), [2, 1], true);
    const text = writeMedia(window, "lowLatency", { ...names, query: "?token=a" });
    const uris = [...text.matchAll(/\w+\.mp4(\S*?)["\n]/g)].map(([, query]) => query);
    expect(uris.length).toBe(12); // gaps too, where a server decides by the query
    expect(new Set(uris)).toEqual(new Set(["?token=a"]));
    expect(writeMultivariant({ codecs: ["avc1"] }, window, "lowLatency", "?token=a")).toContain(
      "\nstream.m3u8?token=a\n",
    );
  });

  test("as a delta leaves out what lies further back than it promises, and nothing else", () => {
    const window = filled(
      new SegmentWindow({ count: 20, gaps: 0 }),
      Array.from({ length: 12 }, () => 5),
    );
    const lines = writeMedia(window, "lowLatency", names, true).split("\n");
    expect(lines).toContain("#EXT-X-SKIP:SKIPPED-SEGMENTS=6");
    expect(lines).not.toContain('#EXT-X-MAP:URI="ab_init.mp4"');
    expect(lines.filter((line) => line.startsWith("ab_seg"))).toEqual(
      [6, 7, 8, 9, 10, 11].map((id) => `ab_seg${id}.mp4`),
    );
    const short = filled(new SegmentWindow({ count: 6, gaps: 7 }), [5]);
    expect(writeMedia(short, "lowLatency", names, true)).toContain("#EXT-X-MAP:");
  });
});

test("an fMP4 playlist has no parts, and dates for all segments", () => {
  const window = filled(new SegmentWindow({ count: 3, gaps: 0 }), [5, 5, 5, 5, 2], true);
  expect(writeMedia(window, "fmp4", names).split("\n")).toEqual([
    "#EXTM3U",
    "#EXT-X-VERSION:9",
    "#EXT-X-TARGETDURATION:1",
    "#EXT-X-MEDIA-SEQUENCE:1",
    '#EXT-X-MAP:URI="ab_init.mp4"',
    "#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:16:41.000Z",
    "#EXTINF:1.00000,",
    "ab_seg1.mp4",
    "#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:16:42.000Z",
    "#EXTINF:1.00000,",
    "ab_seg2.mp4",
    "#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:16:43.000Z",
    "#EXTINF:1.00000,",
    "ab_seg3.mp4",
    "",
  ]);
});

test("an MPEG-TS playlist has a date for every segment", () => {
  const window = filled(new SegmentWindow({ count: 3, gaps: 0 }), [5, 6]);
  expect(writeMedia(window, "mpegts", names).split("\n")).toEqual([
    "#EXTM3U",
    "#EXT-X-VERSION:3",
    "#EXT-X-ALLOW-CACHE:NO",
    "#EXT-X-TARGETDURATION:1",
    "#EXT-X-MEDIA-SEQUENCE:0",
    "#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:16:40.000Z",
    "#EXTINF:1.00000,",
    "ab_seg0.ts",
    "#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:16:41.000Z",
    "#EXTINF:1.20000,",
    "ab_seg1.ts",
    "",
  ]);
});

test("a multivariant playlist says what the stream is", () => {
  const window = filled(new SegmentWindow({ count: 3, gaps: 0 }), [5, 5]);
  const facts = { codecs: ["avc1.42c01e", "mp4a.40.2"], width: 640, height: 360, frameRate: 30 };
  expect(writeMultivariant(facts, window, "fmp4", "")).toBe(
    "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-INDEPENDENT-SEGMENTS\n\n" +
      '#EXT-X-STREAM-INF:BANDWIDTH=160,AVERAGE-BANDWIDTH=160,CODECS="avc1.42c01e,mp4a.40.2",RESOLUTION=640x360,FRAME-RATE=30.000\n' +
      "stream.m3u8\n",
  );
});

describe("a window", () => {
  test("keeps what it names, and for a moment what it named", async () => {
    const window = new SegmentWindow({ count: 3, gaps: 0 });
    for (let i = 0; i < 6; i++) {
      window.begin(i);
      window.addPart(new Blob([`a${i}`]), 100, true);
      window.addPart(new Blob([`b${i}`]), 100, false);
      window.end();
    }
    expect([0, 1, 5, 6].map((id) => window.segment(id)?.id)).toEqual([undefined, 1, 5, undefined]);
    expect(await window.segment(4)?.bytes?.text()).toBe("a4b4");
    expect(await window.part(9)?.bytes.text()).toBe("b4");
    expect([window.part(1), window.part(12), window.removed.entries]).toEqual([undefined, undefined, 3]);
  });

  test("says when it has a part: one beyond the last of a segment is the first of the next", () => {
    const window = filled(new SegmentWindow({ count: 7, gaps: 7 }), [5, 2], true);
    expect([window.has(7, undefined), window.has(7, 9)]).toEqual([true, true]);
    expect([window.has(8, 0), window.has(8, 1), window.has(8, 2), window.has(9, 0)]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});

describe("parameters that change in mid-stream", () => {
  /** Segments of one part, each with the init file of that number. */
  function described(count: number, inits: readonly number[]): SegmentWindow {
    const window = new SegmentWindow({ count, gaps: 0 });
    let newest = 0;
    for (const init of inits) {
      if (init !== newest) window.describe(new Uint8Array([init]));
      newest = init;
      window.begin(0);
      window.addPart(new Blob(["part"]), 1_000, true);
      window.end();
    }
    return window;
  }

  const marks = (window: SegmentWindow, variant: "fmp4" | "mpegts" = "fmp4") =>
    writeMedia(window, variant, names)
      .split("\n")
      .filter((line) => /MAP|DISCONT|^ab/.test(line));

  test("give the init file a new name, in front of the segments that need it", async () => {
    const window = described(4, [1, 1, 2, 3]);
    expect(marks(window)).toEqual([
      '#EXT-X-MAP:URI="ab_init.mp4"',
      ...["ab_seg0.mp4", "ab_seg1.mp4", "#EXT-X-DISCONTINUITY"],
      ...['#EXT-X-MAP:URI="ab_init2.mp4"', "ab_seg2.mp4", "#EXT-X-DISCONTINUITY"],
      ...['#EXT-X-MAP:URI="ab_init3.mp4"', "ab_seg3.mp4"],
    ]);
    expect(await window.init(2)?.bytes()).toEqual(new Uint8Array([2]));
    expect(marks(window, "mpegts").filter((line) => line.startsWith("#"))).toEqual([
      "#EXT-X-DISCONTINUITY",
      "#EXT-X-DISCONTINUITY",
    ]);
  });

  test("are counted when they leave the playlist; their file goes with the last segment that is kept", () => {
    const window = described(2, [1, 2, 2, 3]);
    expect(marks(window)).toEqual([
      "#EXT-X-DISCONTINUITY-SEQUENCE:1",
      '#EXT-X-MAP:URI="ab_init2.mp4"',
      ...["ab_seg2.mp4", "#EXT-X-DISCONTINUITY", '#EXT-X-MAP:URI="ab_init3.mp4"', "ab_seg3.mp4"],
    ]);
    expect(window.init(1)).toBeDefined();
    const later = described(2, [1, 2, 2, 3, 3]);
    expect(later.init(1)).toBeUndefined();
    expect(later.init(2)).toBeDefined();
    expect(marks(later)[0]).toBe("#EXT-X-DISCONTINUITY-SEQUENCE:1");
    expect(marks(later)[2]).toBe("#EXT-X-DISCONTINUITY");
  });

  test("in the segment in progress stand in front of its parts", () => {
    const window = described(7, [1, 1]);
    window.describe(new Uint8Array(1));
    window.begin(0);
    window.addPart(new Blob(["part"]), 200, true);
    expect(writeMedia(window, "lowLatency", names).split("\n").slice(-5, -2)).toEqual([
      "#EXT-X-DISCONTINUITY",
      '#EXT-X-MAP:URI="ab_init2.mp4"',
      '#EXT-X-PART:DURATION=0.20000,URI="ab_part2.mp4",INDEPENDENT=YES',
    ]);
  });
});

test("a budget knows what is kept, until it is forgotten, stored or closed", async () => {
  const budget = new ByteBudget(40);
  const window = new SegmentWindow({ count: 3, gaps: 0, budget });
  const used: number[] = [];
  for (let i = 0; i < 7; i++) {
    window.begin(i);
    window.addPart(new Blob(["four"]), 100, true);
    window.addPart(new Blob(["four"]), 100, false);
    window.end();
    used.push(budget.used);
  }
  expect(used).toEqual([8, 16, 24, 32, 40, 40, 40]);
  expect(budget.isSpent).toBe(true);
  window.stored(6, new Blob(["FOURfour"]));
  window.stored(6, new Blob(["FOURfour"]));
  expect([budget.used, budget.isSpent]).toEqual([32, false]);
  expect(await window.part(12)?.bytes.text()).toBe("FOUR");
  window.close();
  window.stored(6, new Blob(["FOURfour"]));
  expect(budget.used).toBe(0);
  expect([window.segment(6), window.part(12)]).toEqual([undefined, undefined]);
});

describe("texts", () => {
  const { query: _, ...plainNames } = names;

  test("are one Blob for all who ask for the same, until something changes", async () => {
    const window = filled(new SegmentWindow({ count: 7, gaps: 7 }), [5, 2], true);
    const texts = new PlaylistTexts(window, "lowLatency", plainNames);
    const first = texts.media("", false);
    expect(await first.text()).toBe(writeMedia(window, "lowLatency", names));
    expect(texts.media("", false)).toBe(first);
    expect(texts.media("", true)).not.toBe(first);
    const withQuery = texts.media("?a=b", false);
    expect(await withQuery.text()).toBe(writeMedia(window, "lowLatency", { ...names, query: "?a=b" }));
    expect(texts.media("?a=b", false)).toBe(withQuery);
    window.addPart(new Blob(["part"]), 200, false);
    expect(texts.media("", false)).not.toBe(first);
  });

  test("with ever new queries are not all kept", () => {
    const window = filled(new SegmentWindow({ count: 7, gaps: 7 }), [5, 2], true);
    const texts = new PlaylistTexts(window, "lowLatency", plainNames);
    const made = Array.from({ length: 200 }, (_, i) => texts.media(`?${i}`, false));
    const again = made.map((text, i) => texts.media(`?${i}`, false) === text);
    expect(again.filter((same) => same).length).toBe(100);
    const long = `?${"x".repeat(4_000)}`;
    expect(texts.media(long, true)).not.toBe(texts.media(long, true));
  });
});
