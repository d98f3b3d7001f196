import { expect, test } from "bun:test";
import { findStart, isText } from "../../../src/protocols/rtsp/proto/frame-start.ts";

const bytes = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));
const isChannel = (channel: number) => channel < 2;

test.each(["RTSP/1.0 200 OK", "PLAY rtsp", "GET_PARAMETER", "OPTIONS", "T", "TEAR"])("%s is text", (text) =>
  expect(isText(bytes(text), 0)).toBe(true),
);

test.each(["Q\xf3\x1c\xe1\0", "$\0\0\x0c", "/abc", "hello"])("%j is no text", (text) =>
  expect(isText(bytes(text), 0)).toBe(false),
);

test.each([
  ["junk, then a frame", "Q\xf3\x1c\xe1\0,i$\0\0\x0c\x80", 7],
  ["a frame on an unknown channel", "x$\x07\0\x0c\x80..$\x01\0\x08\x80", 8],
  ["a frame that is too short", "x$\0\0\x07\x80$\0\0\x0c\x80", 6],
  ["a frame of another version", "x$\0\0\x0c\x40$\0\0\x0c\x80", 6],
  ["a message", "xyz RTSP/1.0", 4],
  ["the first byte of a frame at the end", "xyz$", 3],
  ["nothing", "xyzxyz", 6],
])("after %s", (_, text, at) => expect(findStart(bytes(text), 0, isChannel)).toBe(at));
