import { describe, expect, test } from "bun:test";
import { PlaylistFollower } from "../../../src/protocols/hls/proto/client.ts";
import type { MediaPlaylist } from "../../../src/protocols/hls/proto/playlist-reader.ts";

const READ_TIMEOUT = 10_000;

interface Shape {
  readonly ended?: boolean;
  readonly gaps?: readonly number[];
  readonly name?: (sequence: number) => string;
  /** Number of the first segment as the playlist says it. */
  readonly says?: number;
}

/** A playlist of the segments from `first` to `last`, two seconds each. */
function list(first: number, last: number, shape: Shape = {}): MediaPlaylist {
  const { ended = false, gaps = [], name = String, says = first } = shape;
  const segments = Array.from({ length: last - first + 1 }, (_, i) => ({
    uri: name(first + i),
    range: undefined,
    sequence: says + i,
    duration: 2,
    discontinuity: 0,
    map: undefined,
    isGap: gaps.includes(first + i),
  }));
  return { kind: "media", targetDuration: 2, segments, isEnded: ended };
}

/** What comes next: the URI of a segment, how long to wait, or the end. */
function next(follower: PlaylistFollower, now: number): string | number {
  const step = follower.step(now);
  if (step.kind === "segment") return step.segment.uri;
  return step.kind === "end" ? "end" : step.at - now;
}

function follow(...playlists: readonly MediaPlaylist[]): PlaylistFollower {
  const follower = new PlaylistFollower(READ_TIMEOUT);
  for (const playlist of playlists) follower.update(playlist, 0);
  return follower;
}

describe("a follower of a playlist", () => {
  test("begins with the third segment from the end, and looks again when the next one is due", () => {
    const follower = follow(list(10, 16));
    expect([next(follower, 0), next(follower, 0), next(follower, 0)]).toEqual(["14", "15", "16"]);
    expect(next(follower, 0)).toBe(2_000);
    follower.update(list(10, 16), 2_000);
    expect(next(follower, 2_000)).toBe(1_000);
    follower.update(list(11, 17), 3_000);
    expect([next(follower, 3_000), next(follower, 3_000)]).toEqual(["17", 2_000]);
  });

  test("begins with the first segment of what has ended, and tells the end", () => {
    const follower = follow(list(0, 1, { ended: true }));
    expect([next(follower, 0), next(follower, 0), next(follower, 0)]).toEqual(["0", "1", "end"]);
    expect(() => next(follow(list(0, -1, { ended: true })), 0)).toThrow("no segments found");
  });

  test("goes past gaps", () => {
    const follower = follow(list(0, 6, { gaps: [0, 1, 2, 5] }));
    expect([next(follower, 0), next(follower, 0), next(follower, 0)]).toEqual(["3", "4", "6"]);
  });

  test("waits for enough segments, but not for ever", () => {
    const follower = follow(list(0, 1));
    expect(next(follower, 0)).toBe(2_000);
    follower.update(list(0, 1), READ_TIMEOUT);
    expect(next(follower, READ_TIMEOUT)).toBe(1_000);
    follower.update(list(0, 1), READ_TIMEOUT + 1);
    expect(() => next(follower, READ_TIMEOUT + 1)).toThrow("there aren't enough segments to fill the buffer");
    follower.update(list(0, 2), READ_TIMEOUT + 1);
    expect(next(follower, READ_TIMEOUT + 1)).toBe("0");
  });

  test("gives up when no segment comes", () => {
    const follower = follow(list(0, 2));
    for (const uri of ["0", "1", "2"]) expect(next(follower, 0)).toBe(uri);
    follower.update(list(0, 2), READ_TIMEOUT);
    // what has not been looked at for long may have changed
    expect(next(follower, 2 * READ_TIMEOUT)).toBeLessThan(0);
    follower.update(list(0, 2), READ_TIMEOUT + 1);
    expect(() => next(follower, READ_TIMEOUT + 1)).toThrow("next segment not found or not ready yet");
  });

  test("gives up when it is more than five segments behind, or its segment has gone", () => {
    const follower = follow(list(0, 2));
    expect(next(follower, 0)).toBe("0");
    follower.update(list(0, 5), 1_000);
    expect(next(follower, 1_000)).toBe("1");
    follower.update(list(0, 8), 1_000);
    expect(() => next(follower, 1_000)).toThrow("playback is too late");
    follower.update(list(5, 9), 1_000);
    expect(() => next(follower, 1_000)).toThrow("playback is too late");
  });

  test("bears a cache that shows an older playlist, and gives up when it has begun anew", () => {
    const follower = follow(list(100, 106));
    for (const uri of ["104", "105", "106"]) expect(next(follower, 0)).toBe(uri);
    follower.update(list(98, 104), 1_000);
    expect(typeof next(follower, 1_000)).toBe("number");
    follower.update(list(0, 3), 2_000);
    expect(() => next(follower, 2_000)).toThrow("the playlist has restarted");
  });

  test("finds its place where segments leave without being counted", () => {
    const follower = follow(list(0, 5, { name: (i) => `all.m4s@${i}` }));
    for (const i of [3, 4, 5]) expect(next(follower, 0)).toBe(`all.m4s@${i}`);
    follower.update(list(2, 7, { name: (i) => `all.m4s@${i}`, says: 0 }), 1_000);
    expect([next(follower, 1_000), next(follower, 1_000)]).toEqual(["all.m4s@6", "all.m4s@7"]);
    follower.update(list(3, 8, { name: (i) => `all.m4s@${i}`, says: 0 }), 2_000);
    expect(next(follower, 2_000)).toBe("all.m4s@8");
  });

  test("is not misled by files that are listed again and again", () => {
    const follower = follow(list(0, 5, { name: () => "slate.ts" }));
    for (let i = 0; i < 3; i++) expect(next(follower, 0)).toBe("slate.ts");
    follower.update(list(1, 6, { name: () => "slate.ts" }), 1_000);
    expect([next(follower, 1_000), next(follower, 1_000)]).toEqual(["slate.ts", 2_000]);
  });
});
