import { expect, test } from "bun:test";
import { readDelivery, readRequest, repeatedQuery } from "../../../src/protocols/hls/requests.ts";

test.each([
  ["/cam/", { kind: "page", path: "cam" }],
  ["/a/b/", { kind: "page", path: "a/b" }],
  ["/cam", { kind: "pageElsewhere", path: "cam" }],
  ["/cam/index.m3u8", { kind: "file", path: "cam", file: "index.m3u8" }],
  ["/a%20b/c_part3.mp", { kind: "file", path: "a b", file: "c_part3.mp4" }],
  ["/cam/hls.min.js", { kind: "script" }],
  ["/cam/hls.min.js.map", { kind: "nothing" }],
  ["/", { kind: "nothing" }],
  ["/favicon.ico", { kind: "nothing" }],
  ["/%zz/index.m3u8", { kind: "nothing" }],
  ["/a%2fb/index.m3u8", { kind: "file", path: "a/b", file: "index.m3u8" }],
  ["/../x/index.m3u8", { kind: "file", path: "../x", file: "index.m3u8" }],
] as const)("%s", (pathname, expected) => {
  expect(readRequest(pathname)).toEqual(expected);
});

test("delivery directives", () => {
  const read = (text: string) => readDelivery(new URLSearchParams(text));
  expect(read("")).toEqual({ wanted: undefined, isDelta: false });
  expect(read("_HLS_msn=7")).toEqual({ wanted: { segment: 7, part: undefined }, isDelta: false });
  expect(read("_HLS_msn=7&_HLS_part=2&_HLS_skip=YES")).toEqual({
    wanted: { segment: 7, part: 2 },
    isDelta: true,
  });
  expect(read("_HLS_skip=v2")?.isDelta).toBe(true);
  for (const text of ["_HLS_part=1", "_HLS_msn=x", "_HLS_msn=-1", "_HLS_msn=1&_HLS_part=", "_HLS_msn=1e3"]) {
    expect(read(text)).toBeUndefined();
  }
});

test("the query that players without headers log in by is repeated, without the directives", () => {
  expect(repeatedQuery(new URLSearchParams("_HLS_msn=1&token=a%20b&x"))).toBe("?token=a+b&x=");
  expect(repeatedQuery(new URLSearchParams("_HLS_msn=1"))).toBe("");
});
