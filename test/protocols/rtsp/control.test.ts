import { expect, test } from "bun:test";
import { ProtocolError } from "../../../src/lib/errors.ts";
import { findPublisherTrack, parseReaderControl } from "../../../src/protocols/rtsp/proto/control.ts";
import { parseRtspUrl } from "../../../src/protocols/rtsp/proto/url.ts";

test.each([
  ["rtsp://h/p/trackID=0", "p", "", 0],
  ["rtsp://h/a/b/trackID=12", "a/b", "", 12],
  ["rtsp://h/p/", "p", "", 0],
  ["rtsp://h/p?k=a/b/trackID=1", "p", "k=a/b", 1],
  ["rtsp://h/p?k=v/", "p", "k=v", 0],
  ["rtsp://h/p/trackID=1?k=v", "p", "k=v", 1],
  ["rtsp://h/p/?vlcmulticast", "p", "vlcmulticast", 0],
  ["rtsp://h/trackID=2", "", "", 2],
])("reader's %s", (text, path, query, track) => {
  expect(parseReaderControl(parseRtspUrl(text))).toEqual({ path, query, track });
});

test.each([
  "rtsp://h/p",
  "rtsp://h/p?k=v",
  "rtsp://h/p/trackID=",
  "rtsp://h/p/trackID=x",
  "rtsp://h/p/trackID=1000",
])("reader's %s is refused", (text) => {
  const message =
    "path of a SETUP request must end with a slash. " +
    "This typically happens when VLC fails a request, and then switches to an unsupported RTSP dialect";
  expect(() => parseReaderControl(parseRtspUrl(text))).toThrow(new ProtocolError(message));
});

test.each([
  // FFmpeg, GStreamer
  ["rtsp://h/p/streamid=1", "rtsp://h/p", ["streamid=0", "streamid=1"], 1],
  ["rtsp://h/p?k=a/b/streamid=0", "rtsp://h/p?k=a/b", ["streamid=0", "streamid=1"], 0],
  ["rtsp://h/g711/stream=0?token=1", "rtsp://h/g711?token=1", ["stream=1", "stream=0"], 1],
  ["rtsp://h/p/streamid=0", "rtsp://h/p/", ["streamid=0"], 0],
  [
    "rtsp://127.0.0.1:8554/my%20stream/trackID=1",
    "rtsp://localhost:8554/my%20stream",
    ["trackID=0", "trackID=1"],
    1,
  ],
  // absolute
  ["rtsp://h/p/trackID=1", "rtsp://h/p", ["rtsp://u:p@other/p/trackID=0", "RTSP://other:5/p/trackID=1"], 1],
  ["rtsp://h/video?x", "rtsp://h/p", ["rtsp://h/audio?x", "rtsp://h/video?x"], 1],
  // from the root, and appended all the same
  ["rtsp://h/track1", "rtsp://h/p", ["/track1"], 0],
  ["rtsp://h/p/track1", "rtsp://h/p", ["/track1"], 0],
  // none
  ["rtsp://h/p", "rtsp://h/p", [undefined], 0],
  ["rtsp://h/p/", "rtsp://h/p", ["*"], 0],
  ["rtsp://h/p/streamid=2", "rtsp://h/p", ["streamid=0", "streamid=1"], undefined],
  ["rtsp://h/q/streamid=0", "rtsp://h/p", ["streamid=0"], undefined],
  ["rtsp://h/p/x", "rtsp://h/p", ["a b", "rtsp://", "%", "x"], 3],
] as const)("publisher's %s of %s among %p", (url, base, controls, expected) => {
  expect(findPublisherTrack(parseRtspUrl(url), parseRtspUrl(base), controls)).toBe(expected);
});
