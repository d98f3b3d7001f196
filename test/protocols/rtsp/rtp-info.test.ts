import { expect, test } from "bun:test";
import { type RtpInfo, writeRtpInfo } from "../../../src/protocols/rtsp/proto/rtp-info.ts";
import { parseRtpInfo } from "../../support/rtp-info.ts";

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

test.each(BOTH_WAYS)("%s is written, and means the same to a reader", (text, entries) => {
  expect(writeRtpInfo(entries)).toBe(text);
  expect(parseRtpInfo(text)).toEqual(entries);
});
