import { expect, test } from "bun:test";
import { ProtocolError } from "../../../src/lib/errors.ts";
import { parseRtpInfo, type RtpInfo, writeRtpInfo } from "../../../src/protocols/rtsp/proto/rtp-info.ts";

const BOTH_WAYS: [string, RtpInfo[]][] = [
  [
    "url=rtsp://h/p/trackID=0;seq=35243;rtptime=717574556",
    [{ url: "rtsp://h/p/trackID=0", seq: 35243, rtpTime: 717574556 }],
  ],
  [
    "url=rtsp://h/p?a,b;c/trackID=0;seq=0,url=rtsp://h/p/trackID=1;rtptime=4294967295",
    [
      { url: "rtsp://h/p?a,b;c/trackID=0", seq: 0 },
      { url: "rtsp://h/p/trackID=1", rtpTime: 0xffff_ffff },
    ],
  ],
  ["url=trackID=1", [{ url: "trackID=1" }]],
];

test.each(BOTH_WAYS)("%s is read and written", (text, entries) => {
  expect(parseRtpInfo(text)).toEqual(entries);
  expect(writeRtpInfo(entries)).toBe(text);
});

test.each([
  [
    "url = a ; seq = 1, URL=b;RTPTIME=2",
    [
      { url: "a", seq: 1 },
      { url: "b", rtpTime: 2 },
    ],
  ],
  ["seq=1;url=a;ssrc=5;rtptime=-5", [{ url: "a", seq: 1 }]],
  ["url=a;seq=65536;rtptime=4294967296", [{ url: "a" }]],
  ["url=a;seq=", [{ url: "a" }]],
] as [string, RtpInfo[]][])("%s is read", (text, entries) => {
  expect(parseRtpInfo(text)).toEqual(entries);
});

test.each([
  ["", ""],
  ["seq=1", "seq=1"],
  ["url=;seq=1", "url=;seq=1"],
  ["url=a,url=", "url="],
])("%p is refused", (text, entry) => {
  expect(() => parseRtpInfo(text)).toThrow(new ProtocolError(`RTP-Info entry without URL: ${entry}`));
});
