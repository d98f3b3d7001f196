import { describe, expect, test } from "bun:test";
import { describeStream, writeDescription, writeFmtp } from "../../../src/formats/rtp/description.ts";
import { readFormat, unitFormat } from "../../../src/formats/rtp/unit-formats.ts";
import { unitSetup } from "../../../src/formats/rtp/units.ts";
import { parseSdp } from "../../../src/formats/sdp/parse.ts";
import { ProtocolError } from "../../../src/lib/errors.ts";
import type { CodecParameters } from "../../../src/media/codec-parameters.ts";

const hex = (text: string) => Buffer.from(text, "hex");

const CASES: readonly [codec: CodecParameters, payloadType: number, rtpmap: string, fmtp: string][] = [
  [{ codec: "h264" }, 99, "H264/90000", "packetization-mode=1"],
  [
    { codec: "h264", sps: hex("6742c01eda"), pps: hex("68ce") },
    99,
    "H264/90000",
    "packetization-mode=1; profile-level-id=42C01E; sprop-parameter-sets=Z0LAHto=,aM4=",
  ],
  [
    { codec: "h265", vps: hex("4001"), sps: hex("4201"), pps: hex("4401") },
    99,
    "H265/90000",
    "sprop-pps=RAE=; sprop-sps=QgE=; sprop-vps=QAE=",
  ],
  [{ codec: "h265" }, 99, "H265/90000", ""],
  [{ codec: "av1" }, 99, "AV1/90000", ""],
  [{ codec: "vp8" }, 99, "VP8/90000", ""],
  [{ codec: "vp9" }, 99, "VP9/90000", ""],
  [
    { codec: "mpeg4Audio", config: hex("1190") },
    99,
    "mpeg4-generic/48000/2",
    "config=1190; indexdeltalength=3; indexlength=3; mode=AAC-hbr; profile-level-id=1; sizelength=13; streamtype=5",
  ],
  [{ codec: "opus", channels: 1 }, 99, "opus/48000/2", "sprop-stereo=0"],
  [{ codec: "mpeg12Audio" }, 14, "MPA/90000", ""],
  [{ codec: "ac3", clockRate: 48_000, channels: 6 }, 99, "AC3/48000/6", ""],
  [{ codec: "mpeg12Video" }, 32, "MPV/90000", ""],
  [
    { codec: "mpeg4Video", config: hex("000001b0") },
    99,
    "MP4V-ES/90000",
    "config=000001b0; profile-level-id=1",
  ],
  [{ codec: "g711", law: "mu", clockRate: 8_000, channels: 1 }, 0, "PCMU/8000", ""],
  [{ codec: "g711", law: "a", clockRate: 8_000, channels: 1 }, 8, "PCMA/8000", ""],
  [{ codec: "g711", law: "a", clockRate: 16_000, channels: 2 }, 99, "PCMA/16000/2", ""],
  [{ codec: "g722" }, 9, "G722/8000", ""],
  [{ codec: "lpcm", bitDepth: 16, clockRate: 44_100, channels: 2 }, 10, "L16/44100/2", ""],
  [{ codec: "lpcm", bitDepth: 16, clockRate: 44_100, channels: 1 }, 11, "L16/44100", ""],
  [{ codec: "lpcm", bitDepth: 24, clockRate: 48_000, channels: 2 }, 99, "L24/48000/2", ""],
];

describe("the format of a track of units", () => {
  for (const [codec, payloadType, rtpmap, fmtp] of CASES) {
    test(`${rtpmap} ${fmtp}`, () => {
      const format = unitFormat(codec, 3);
      expect([format.payloadType, format.rtpmap, writeFmtp(format.fmtp)]).toEqual([
        payloadType,
        rtpmap,
        fmtp,
      ]);
      expect(unitSetup(format)?.clockRate).toBe(format.clockRate);
      const track = { media: "video", mid: undefined, formats: [format] };
      const text = writeDescription(
        { title: "x", tracks: [track], fecGroups: [] },
        { controlBase: "rtsp://a/" },
      );
      const [read] = describeStream(parseSdp(text)).description.tracks[0]!.formats;
      expect({ ...read, fmtp: writeFmtp(read!.fmtp) }).toEqual({ ...format, fmtp });
      expect(readFormat(read!)).toEqual(codec);
    });
  }

  test("says how many bytes a sample has", () => {
    const bytes = (codec: CodecParameters) => unitSetup(unitFormat(codec))?.sampleBytes;
    expect(bytes({ codec: "lpcm", bitDepth: 24, clockRate: 48_000, channels: 6 })).toBe(18);
    expect(bytes({ codec: "lpcm", bitDepth: 16, clockRate: 44_100, channels: 1 })).toBe(2);
    expect(bytes({ codec: "g711", law: "a", clockRate: 8_000, channels: 2 })).toBe(2);
    expect(bytes({ codec: "g722" })).toBe(1);
  });

  test("of AAC whose configuration makes no sense is refused", () => {
    expect(() => unitFormat({ codec: "mpeg4Audio", config: hex("16") })).toThrow(ProtocolError);
  });
});
