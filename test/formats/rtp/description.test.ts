import { expect, test } from "bun:test";
import { describeStream, writeDescription, writeFmtp } from "../../../src/formats/rtp/description.ts";
import { parseSdp } from "../../../src/formats/sdp/parse.ts";
import { ProtocolError } from "../../../src/lib/errors.ts";
import type { StreamDescription } from "../../../src/media/track.ts";
import { SDP_SAMPLES } from "../sdp/samples.ts";

const BASE = "rtsp://localhost:8554/mystream/";

test.each(SDP_SAMPLES)("tracks and controls are recognised: $name", ({ text, tracks, controls }) => {
  const found = describeStream(parseSdp(text));
  const formats = found.description.tracks.map((track) =>
    track.formats.map(({ codec, payloadType, clockRate }) => `${codec} ${payloadType} ${clockRate}`),
  );
  expect(formats).toEqual(tracks.map((track) => [...track]));
  expect(found.controls).toEqual([...controls]);
});

test.each(SDP_SAMPLES)("a written description means the same: $name", ({ text }) => {
  const { description } = describeStream(parseSdp(text));
  const again = describeStream(parseSdp(writeDescription(description, { controlBase: BASE })));
  expect(sorted(again.description)).toEqual(sorted(description));
  expect(again.controls).toEqual(description.tracks.map((_, index) => `${BASE}trackID=${index}`));
});

test("readers get these lines, in this order", () => {
  const text = `s=My title
a=group:FEC a b
a=sendonly
m=video 5000 RTP/AVP 96
b=AS:200
a=sendonly
a=rtpmap:96 H264/90000
a=fmtp:96 sprop-parameter-sets=Z0I=,aM4=; Packetization-Mode=1;profile-level-id=42c01e
a=mid:a
a=control:streamid=0
m=application 0 RTP/AVP 97 0 101
a=mid:b
a=rtpmap:97 ulpfec/90000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15`;
  const { description } = describeStream(parseSdp(text));
  const lines = [
    "v=0",
    "o=- 0 0 IN IP4 127.0.0.1",
    "s=My title",
    "c=IN IP4 0.0.0.0",
    "t=0 0",
    "a=group:FEC a b",
    "m=video 0 RTP/AVP 96",
    "a=mid:a",
    "a=control:rtsp://h/p?key=a/trackID=0",
    "a=rtpmap:96 H264/90000",
    "a=fmtp:96 packetization-mode=1; profile-level-id=42c01e; sprop-parameter-sets=Z0I=,aM4=",
    "m=application 0 RTP/AVP 97 0 101",
    "a=mid:b",
    "a=control:rtsp://h/p?key=a/trackID=1",
    "a=rtpmap:97 ulpfec/90000",
    "a=rtpmap:101 telephone-event/8000",
    "a=fmtp:101 0-15",
    "",
  ];
  const options = { controlBase: "rtsp://h/p?key=a/" };
  expect(writeDescription(description, options)).toBe(lines.join("\r\n"));
  lines[3] = "c=IN IP4 224.1.0.0";
  expect(writeDescription(description, { ...options, multicast: true })).toBe(lines.join("\r\n"));
});

test("a stream without title gets a single space", () => {
  const { description } = describeStream(parseSdp("m=audio 0 RTP/AVP 0"));
  expect(writeDescription(description, { controlBase: BASE })).toContain("\r\ns= \r\n");
});

test.each([
  ["a=b; C=d=e ;; =x; f", { a: "b", c: "d=e", f: "" }],
  ["", {}],
  ["a=1; a=2", { a: "2" }],
])("parameters %p", (text, expected) => {
  const sdp = parseSdp(`m=audio 0 RTP/AVP 0\na=fmtp:0 ${text}\na=fmtp:1 not=mine\na=fmtp:junk`);
  const fmtp = describeStream(sdp).description.tracks[0]!.formats[0]!.fmtp;
  expect(Object.fromEntries(fmtp)).toEqual(expected);
});

test("parameters of several lines are joined", () => {
  const sdp = parseSdp("m=audio 0 RTP/AVP 0\na=fmtp:0 b=1\na=fmtp:0 a=2");
  expect(writeFmtp(describeStream(sdp).description.tracks[0]!.formats[0]!.fmtp)).toBe("a=2; b=1");
});

test.each([
  ["s=x", "no media"],
  ["m=video", "malformed media"],
  ["m=video 0 X/Y 96", "unsupported protocol of media: X/Y"],
  ["m=video 0 RTP/AVP", "no payload type"],
  ["m=video 0 RTP/AVP x", "invalid payload type: x"],
  ["m=video 0 RTP/AVP 128", "invalid payload type: 128"],
  ["m=video 0 RTP/AVP -1", "invalid payload type: -1"],
  ["m=video 0 RTP/AVP 96", "payload type 96 without rtpmap"],
  ["m=video 0 RTP/AVP 72", "payload type 72 without rtpmap"],
  ["m=video 0 RTP/AVP 96\na=rtpmap:96 ", "payload type 96 without rtpmap"],
  ["m=video 0 RTP/AVP 96\na=rtpmap:x H264/90000", "payload type 96 without rtpmap"],
  ["m=video 0 RTP/AVP 96\na=rtpmap:96 x/0", "invalid clock rate of payload type 96: x/0"],
  ["m=video 0 RTP/AVP 96\na=rtpmap:96 x/-1", "invalid clock rate of payload type 96: x/-1"],
  ["m=video 0 RTP/AVP 96\na=rtpmap:96 x/1e5", "invalid clock rate of payload type 96: x/1e5"],
  ["m=video 0 RTP/AVP 96\na=rtpmap:96 x/9999999999", "invalid clock rate of payload type 96: x/9999999999"],
  ["m=video 0 RTP/AVP 96\na=rtpmap:96 strange", "invalid clock rate of payload type 96: strange"],
])("%p alone is refused; beside a good track it is left out and named", (text, reason) => {
  expect(() => describeStream(parseSdp(text))).toThrow(new ProtocolError(`invalid SDP: ${reason}`));
  if (!text.startsWith("m=")) return;
  const { description, controls, unusedControls, notes } = describeStream(
    parseSdp(`${text}\na=control:odd\nm=audio 0 RTP/AVP 0\na=control:good`),
  );
  expect(description.tracks.map(({ media }) => media)).toEqual(["audio"]);
  expect([controls, unusedControls]).toEqual([["good"], ["odd"]]);
  expect(notes).toEqual([`skipping track 1 (video): ${reason}`]);
});

const ODD: readonly [name: string, media: string, formats: string[], notes: string[]][] = [
  [
    "a word for a format, and the number in the rtpmap",
    "m=application/TP-LINK 0 RTP/AVP smart/1/90000\na=rtpmap:95 TP-LINK/90000",
    ["generic 95 90000"],
    [],
  ],
  ["the number in the rtpmap alone", "m=video 0 RTP/AVP\na=rtpmap:96 H264/90000", ["h264 96 90000"], []],
  ["another number in the rtpmap", "m=video 0 RTP/AVP 96\na=rtpmap:97 VP8/90000", ["vp8 97 90000"], []],
  ["an rtpmap of no listed format", "m=audio 0 RTP/AVP 0\na=rtpmap:97 VP8/90000", ["g711 0 8000"], []],
  [
    "a format without rtpmap beside a good one",
    "m=video 0 RTP/AVP 96 97 x\na=rtpmap:97 VP8/90000",
    ["vp8 97 90000"],
    ["skipping formats of track 1 (video): invalid payload type: x, payload type 96 without rtpmap"],
  ],
  ["a format that is listed twice", "m=audio 0 RTP/AVP 0 00", ["g711 0 8000"], []],
  [
    "two rtpmaps for one format: the first",
    "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\na=rtpmap:96 H265/90000",
    ["h264 96 90000"],
    [],
  ],
  ["MPEG-TS in RTP", "m=video 8048 MP2T/AVP 33", ["mpegts 33 90000"], []],
  ["MPEG-TS in RTP, in other words", "m=video 0 MP2T/RTP/AVP 33", ["mpegts 33 90000"], []],
  ["UDP for RTP", "m=audio 0 udp 8", ["g711 8 8000"], []],
  ["a transport in capitals and in small letters", "m=audio 0 rtp/avp/Tcp 8", ["g711 8 8000"], []],
  ["a port that is none", "m=audio 99999 RTP/AVP 8", ["g711 8 8000"], []],
  ["a wrong clock rate", "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/1e5", ["h264 96 90000"], []],
  [
    "H264 without rtpmap",
    "m=video 0 RTP/AVP 96\na=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z0I=,aM4=",
    ["h264 96 90000"],
    [],
  ],
  ["H265 without rtpmap", "m=video 0 RTP/AVP 96\na=fmtp:96 sprop-sps=QgE=", ["h265 96 90000"], []],
  [
    "AAC_hbr, in quotes",
    'm=audio 0 RTP/AVP 97\na=rtpmap:97 mpeg4-generic/8000\na=fmtp:97 mode="AAC_hbr"; config="1208"',
    ["mpeg4Audio 97 8000"],
    [],
  ],
];

test.each(ODD)("%s", (_, media, formats, notes) => {
  const found = describeStream(parseSdp(media));
  const seen = found.description.tracks[0]!.formats;
  expect(seen.map((each) => `${each.codec} ${each.payloadType} ${each.clockRate}`)).toEqual(formats);
  expect(found.notes).toEqual(notes);
});

test("a tag that two medias have is the first one's; a group with an unknown one is dropped", () => {
  const medias = "m=audio 0 RTP/AVP 0\na=mid:1\nm=audio 0 RTP/AVP 8\na=mid:1";
  const { tracks, fecGroups } = describeStream(parseSdp(`a=group:FEC 1 2\n${medias}`)).description;
  expect(tracks.map(({ mid }) => mid)).toEqual(["1", undefined]);
  expect(fecGroups).toEqual([]);
});

test.each([
  ["of a camera is left out", "a=recvonly", "a=sendonly", 1],
  ["beside a track without direction too", "a=x", "a=SendOnly", 1],
  ["is none where every track is sendonly", "a=sendonly", "a=sendonly", 2],
])("a back channel %s", (_, video, audio, count) => {
  const sdp = parseSdp(`m=video 0 RTP/AVP 26\n${video}\nm=audio 0 RTP/AVP 8 0\n${audio}`);
  const { description, notes } = describeStream(sdp, { withoutBackChannels: true });
  expect(description.tracks).toHaveLength(count);
  expect(notes).toEqual(count === 1 ? ["skipping track 2 (audio): back channel"] : []);
  expect(describeStream(sdp).description.tracks).toHaveLength(2); // a publisher sends
});

test("more medias than fit are refused, also from a description that was not parsed", () => {
  const one = parseSdp("m=audio 0 RTP/AVP 0");
  const many = { ...one, medias: Array.from({ length: 33 }, () => one.medias[0]!) };
  expect(() => describeStream(many)).toThrow(new ProtocolError("invalid SDP: more than 32 medias"));
});

test("an rtpmap that comes twice is one, and a missing clock rate is the codec's", () => {
  const sdp = parseSdp("m=video 0 RTP/AVP 96\na=rtpmap:96 H264\na=rtpmap:96 h264");
  expect(describeStream(sdp).description.tracks[0]!.formats).toEqual([
    { codec: "h264", payloadType: 96, clockRate: 90_000, rtpmap: "H264", fmtp: new Map() },
  ]);
});

function sorted(description: StreamDescription): unknown {
  const tracks = description.tracks.map((track) => ({
    ...track,
    formats: track.formats.map((format) => ({ ...format, fmtp: writeFmtp(format.fmtp) })),
  }));
  return { ...description, tracks };
}
