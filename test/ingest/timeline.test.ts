import { describe, expect, test } from "bun:test";
import { type Lane, Timeline } from "../../src/ingest/timeline.ts";

function lane(): Lane {
  return { end: undefined };
}

describe("the time line of a source", () => {
  test("begins where the source is, and keeps gaps that are some", () => {
    const timeline = new Timeline();
    const video = lane();
    expect(timeline.place(video, 0, 1_000, 1_002)).toBe(0);
    expect(timeline.place(video, 0, 1_002, 1_004)).toBe(0);
    expect(timeline.place(video, 0, 1_007, 1_009)).toBe(0);
    expect(video.end).toBe(1_009);
  });

  test("goes on where a new one begins, alike for all renditions", () => {
    const timeline = new Timeline();
    const [video, audio] = [lane(), lane()];
    timeline.place(video, 4, 100, 102);
    timeline.place(audio, 4, 100, 101.9);
    expect(timeline.place(video, 5, 7, 9)).toBe(95);
    expect(timeline.place(audio, 5, 7.02, 9.1)).toBe(95);
    expect(timeline.place(video, 5, 9, 11)).toBe(95);
    expect(video.end).toBe(106);
  });

  test("goes on where times jump without a word, forwards and back", () => {
    const timeline = new Timeline();
    const video = lane();
    timeline.place(video, 0, 50, 52);
    expect(timeline.place(video, 0, 9_000, 9_002)).toBe(52 - 9_000);
    expect(timeline.place(video, 0, 9_002, 9_004)).toBe(52 - 9_000);
    expect(timeline.place(video, 0, 3, 5)).toBe(56 - 3);
    expect(timeline.place(video, 0, 5, 7)).toBe(56 - 3);
  });

  test("forgets what was long ago", () => {
    const timeline = new Timeline();
    const video = lane();
    for (let i = 0; i < 10_000; i++) expect(timeline.place(video, i, 0, 1)).toBe(i);
  });
});
