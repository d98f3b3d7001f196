import { expect, test } from "bun:test";
import {
  readFileName,
  readQuery,
  readRange,
  readRequest,
  splitUrl,
} from "../../../src/protocols/hls/requests.ts";

test.each([
  ["/cam/", { kind: "page", path: "cam" }],
  ["/a/b/", { kind: "page", path: "a/b" }],
  ["/cam", { kind: "pageElsewhere", path: "cam" }],
  ["/cam/index.m3u8", { kind: "file", path: "cam", file: "index.m3u8" }],
  ["/a%20b/c_part3.mp", { kind: "file", path: "a b", file: "c_part3.mp4" }],
  ["/cam/hls.min.js", { kind: "script" }],
  ["/cam/hls.min.js.map", { kind: "nothing" }],
  ["/", { kind: "root" }],
  ["/favicon.ico", { kind: "nothing" }],
  ["/%zz/index.m3u8", { kind: "nothing" }],
  ["/a%2fb/index.m3u8", { kind: "file", path: "a/b", file: "index.m3u8" }],
  ["/../x/index.m3u8", { kind: "file", path: "../x", file: "index.m3u8" }],
] as const)("%s", (pathname, expected) => {
  expect(readRequest(pathname)).toEqual(expected);
});

test("delivery directives", () => {
  const read = (text: string) => readQuery(text)?.delivery;
  expect(read("")).toEqual({ wanted: undefined, isDelta: false });
  expect(read("?_HLS_msn=7")).toEqual({ wanted: { segment: 7, part: undefined }, isDelta: false });
  expect(read("?_HLS_msn=7&_HLS_part=2&_HLS_skip=YES")).toEqual({
    wanted: { segment: 7, part: 2 },
    isDelta: true,
  });
  expect(read("?_HLS_skip=v2")?.isDelta).toBe(true);
  for (const text of ["_HLS_part=1", "_HLS_msn=x", "_HLS_msn=-1", "_HLS_msn=1&_HLS_part=", "_HLS_msn=1e3"]) {
    expect(read(`?${text}`)).toBeUndefined();
  }
});

test("the query that players without headers log in by is repeated, without the directives", () => {
  const read = (text: string) => readQuery(text)?.repeated;
  expect(read("?_HLS_msn=1&token=a%20b&x")).toBe("?token=a%20b&x");
  expect(read("?_HLS_msn=1")).toBe("");
  expect(read("?")).toBe("");
  expect(read('?a="b\n#EXT\u0001é')).toBe("?a=%22b%0A#EXT%01%C3%A9");
  expect(read(`?a=${"x".repeat(4_000)}`)).toHaveLength(4_003);
  expect(readQuery(`?a=${"x".repeat(5_000)}`)).toBeUndefined();
});

test("a URL is split where its path and its query begin", () => {
  expect(splitUrl("http://a:1/cam/index.m3u8?b?c")).toEqual({
    pathname: "/cam/index.m3u8",
    search: "?b?c",
  });
  expect(splitUrl("https://a")).toEqual({ pathname: "/", search: "" });
});

test.each([
  ["init.mp4", { kind: "init", number: 1 }],
  ["init2.mp4", { kind: "init", number: 2 }],
  ["init1.mp4", undefined],
  ["init.ts", undefined],
  ["seg7.mp4", { kind: "segment", number: 7, type: "video/mp4" }],
  ["seg0.ts", { kind: "segment", number: 0, type: "video/MP2T" }],
  ["part12.mp4", { kind: "part", number: 12, type: "video/mp4" }],
  ["part012.mp4", undefined],
  ["part.mp4", undefined],
  ["part1234567890123456.mp4", undefined],
  ["part-1.mp4", undefined],
] as const)("the file %s", (name, expected) => {
  expect(readFileName(name)).toEqual(expected);
});

test.each([
  [null, undefined],
  ["bytes=0-0", { first: 0, last: 0 }],
  ["bytes=2-5", { first: 2, last: 5 }],
  ["Bytes = 2 - 5", { first: 2, last: 5 }],
  ["bytes=5-", { first: 5, last: 19 }],
  ["bytes=5-99", { first: 5, last: 19 }],
  ["bytes=-3", { first: 17, last: 19 }],
  ["bytes=-99", { first: 0, last: 19 }],
  ["bytes=20-", null],
  ["bytes=-0", null],
  ["bytes=5-2", undefined],
  ["bytes=-", undefined],
  ["bytes=1-2,4-5", undefined],
  ["frames=1-2", undefined],
  ["bytes=1-x", undefined],
] as const)("the range %s of 20 bytes", (header, expected) => {
  expect(readRange(header, 20)).toEqual(expected);
});
