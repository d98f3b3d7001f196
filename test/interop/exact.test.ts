import { describe, expect, test } from "bun:test";
import { contiguousRun, evenTimes, parseFrames } from "../support/exact.ts";

const SOURCE = ["a", "b", "c", "d", "e"];

describe("a contiguous run", () => {
  test("may start anywhere and go round", () => {
    expect(contiguousRun(SOURCE, ["d", "e", "a", "b", "c", "d", "e", "a"])).toEqual({ first: 3, length: 8 });
  });

  test("is found where items repeat", () => {
    expect(contiguousRun(["a", "a", "b"], ["a", "b", "a", "a", "b"])).toEqual({ first: 1, length: 5 });
  });

  test("may have a strange item at each end when it is said so", () => {
    const received = ["?", "b", "c", "!"];
    expect(contiguousRun(SOURCE, received, { head: 1, tail: 1 })).toEqual({ first: 1, length: 2 });
    expect(() => contiguousRun(SOURCE, received, { tail: 1 })).toThrow("the first item received is not in");
  });

  test.each([
    ["a gap", ["a", "b", "d"], "item 2 received should be number 2 of the source, but is number 3"],
    ["a double", ["a", "b", "b"], "item 2 received should be number 2 of the source, but is number 1"],
    ["a swap", ["a", "c", "b"], "item 1 received should be number 1 of the source, but is number 2"],
    ["a change", ["a", "b", "x", "d"], "item 2 received should be number 2 of the source, but is unknown"],
    ["nothing", [], "nothing was received"],
  ])("is not %s", (_, received, message) => {
    expect(() => contiguousRun(SOURCE, received)).toThrow(message);
  });
});

test("frames of the first stream are listed with time and hash", () => {
  const listing = [
    "#format: frame checksums",
    "#tb 0: 1/25",
    "#tb 1: 1/48000",
    "0,          0,          0,        1,      100, aaaa",
    "1,          0,          0,     1024,      200, bbbb",
    "0,          5,          5,        1,      100, cccc, S=1,       16, dddd",
  ];
  expect(parseFrames(new TextEncoder().encode(listing.join("\n")))).toEqual([
    { time: 0, hash: "aaaa" },
    { time: 0.2, hash: "cccc" },
  ]);
});

test("times that stand still or leave something out are not even", () => {
  const frames = (times: number[]) => times.map((time) => ({ time, hash: "" }));
  expect(() => evenTimes(frames([0, 0.04, 0.08]), 25)).not.toThrow();
  expect(() => evenTimes(frames([0, 0.04, 0.04]), 25)).toThrow("frame 2 is not later than the one before");
  expect(() => evenTimes(frames([0, 0.04, 0.5]), 25)).toThrow("3 frames span 0.500 s instead of 0.080 s");
});
