import { describe, expect, test } from "bun:test";
import { type Cut, fittingDuration, Segmenter } from "../../src/segments/segmenter.ts";

const LOW_LATENCY = { segmentDuration: 1_000, partDuration: 200, isAdjusting: true, hasVideo: true };

/** Cuts of frames with their times: `cut at ms`. */
function cuts(segmenter: Segmenter, frames: readonly (readonly [time: number, isKey: boolean])[]): string[] {
  return frames
    .map(([time, isKey]): [Cut, number] => [segmenter.next(time, isKey), time])
    .filter(([cut]) => cut !== "none")
    .map(([cut, time]) => `${cut} ${Math.round(time)}`);
}

function frames(count: number, distance: number, gop: number): [number, boolean][] {
  return Array.from({ length: count }, (_, i) => [i * distance, i % gop === 0]);
}

describe("segments", () => {
  test("begin at random access points, once they are long enough", () => {
    const segments = cuts(new Segmenter(LOW_LATENCY), frames(90, 40, 15)).filter(
      (cut) => !cut.startsWith("part"),
    );
    expect(segments).toEqual(["start 0", "segment 1200", "segment 2400"]);
  });

  test("nothing comes before the first random access point", () => {
    expect(
      cuts(new Segmenter(LOW_LATENCY), [
        [0, false],
        [40, false],
        [80, true],
      ]),
    ).toEqual(["start 80"]);
  });

  test("a change of parameters ends one at the next random access point", () => {
    const segmenter = new Segmenter(LOW_LATENCY);
    segmenter.next(0, true);
    expect(segmenter.next(100, false, true)).toBe("none");
    expect(segmenter.next(140, true, true)).toBe("segment");
  });

  test("of sound alone end by time", () => {
    const segmenter = new Segmenter({ ...LOW_LATENCY, hasVideo: false });
    const got = cuts(segmenter, frames(110, 1024 / 48, 1_000));
    expect(got.filter((cut) => cut.startsWith("segment"))).toEqual(["segment 1003", "segment 2005"]);
    expect(got.slice(1, 5)).toEqual(["part 213", "part 427", "part 640", "part 853"]);
  });
});

describe("parts", () => {
  test("end with a frame, and have the same length", () => {
    const parts = cuts(new Segmenter(LOW_LATENCY), frames(60, 1000 / 30, 30));
    expect(parts.slice(0, 7)).toEqual([
      "start 0",
      "part 200",
      "part 400",
      "part 600",
      "part 800",
      "segment 1000",
      "part 1200",
    ]);
  });

  test.each([
    [200, [40], 200],
    [200, [33], 200],
    [200, [1000 / 15], 200],
    [200, [250], 250],
    [200, [100, 33], 200],
    [200, [1_000], 1_000],
  ])("of %d ms and frames of %p ms get %d ms", (least, distances, expected) => {
    expect(fittingDuration(least, new Set(distances))).toBe(expected);
  });

  test("are never much shorter than the longest of them", () => {
    for (let distance = 5; distance < 500; distance++) {
      const duration = fittingDuration(200, new Set([distance]));
      const real = Math.ceil(duration / distance) * distance;
      expect(duration).toBeGreaterThan(0.85 * real);
      expect(real).toBeGreaterThanOrEqual(200);
    }
  });
});
