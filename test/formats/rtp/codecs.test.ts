import { expect, test } from "bun:test";
import { codecOfEncoding, RTP_CODECS } from "../../../src/formats/rtp/codecs.ts";
import { describeStream } from "../../../src/formats/rtp/description.ts";
import { parseSdp } from "../../../src/formats/sdp/parse.ts";
import type { CodecId } from "../../../src/media/codec-parameters.ts";

test.each([
  ["H264", "h264"],
  ["h265", "h265"],
  ["VP8", "vp8"],
  ["VP9", "vp9"],
  ["AV1", "av1"],
  ["mp4v-es", "mpeg4Video"],
  ["mpeg4-generic", "mpeg4Audio"],
  ["MP4A-LATM", "mpeg4Audio"],
  ["OPUS", "opus"],
  ["L8", "lpcm"],
  ["L16", "lpcm"],
  ["L24", "lpcm"],
  ["L20", "generic"],
  ["G726-16", "g726"],
  ["AAL2-G726-40", "g726"],
  ["G726-48", "generic"],
  ["SPEEX", "speex"],
  ["vorbis", "vorbis"],
  ["PCMA", "g711"],
  ["pcmu", "g711"],
  ["ac3", "ac3"],
  ["flac", "flac"],
  ["eac3", "generic"],
  ["", "generic"],
] as [string, CodecId][])("encoding %p is %s", (encoding, codec) => {
  expect(codecOfEncoding(encoding, new Map())).toBe(codec);
});

test.each([
  ["AAC-hbr", "mpeg4Audio"],
  ["aac-lbr", "mpeg4Audio"],
  ["CELP-cbr", "generic"],
  ["generic", "generic"],
] as [string, CodecId][])("mpeg4-generic in mode %s is %s", (mode, codec) => {
  expect(codecOfEncoding("MPEG4-GENERIC", new Map([["mode", mode]]))).toBe(codec);
});

test.each([
  [0, "g711", 8_000],
  [8, "g711", 8_000],
  [9, "g722", 8_000],
  [10, "lpcm", 44_100],
  [14, "mpeg12Audio", 90_000],
  [26, "mjpeg", 90_000],
  [32, "mpeg12Video", 90_000],
  [33, "mpegts", 90_000],
  [34, "generic", 90_000],
] as [number, CodecId, number][])("payload type %d is %s at %d Hz", (payloadType, codec, clockRate) => {
  const { description } = describeStream(parseSdp(`m=audio 0 RTP/AVP ${payloadType}`));
  expect(description.tracks[0]!.formats[0]).toMatchObject({ codec, clockRate, rtpmap: undefined });
});

test("no encoding name stands for two codecs", () => {
  const names = Object.values(RTP_CODECS).flatMap(({ encodings }) =>
    encodings.map((name) => name.toLowerCase()),
  );
  expect(new Set(names).size).toBe(names.length);
});
