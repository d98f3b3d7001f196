import { describe, expect, test } from "bun:test";
import {
  SAMPLE_AV1,
  SAMPLE_FRAMES,
  SAMPLE_H264,
  SAMPLE_H265,
  SAMPLE_PICTURES,
} from "../../../assembly/abi.ts";
import { box, fullBox, text, u16, u32, zeros } from "../../../src/formats/fmp4/boxes.ts";
import { writeInit } from "../../../src/formats/fmp4/init.ts";
import { looksLikeMp4, readInit } from "../../../src/formats/fmp4/read-init.ts";
import { ProtocolError } from "../../../src/lib/errors.ts";

const SPS = Buffer.from(
  "67 42 c0 28 d9 00 78 02 27 e5 84 00 00 03 00 04 00 00 03 00 f0 3c 60 c9 20".replaceAll(" ", ""),
  "hex",
);
const PPS = Buffer.from("68cb83cb20", "hex");
const CONFIG = new Uint8Array([0x11, 0x90]);

interface Wanted {
  readonly entry?: Uint8Array;
  readonly edits?: Uint8Array;
  readonly long?: boolean;
  readonly timescale?: number;
}

/** A movie of one track. */
function movie({ entry, edits, long = false, timescale = 1_000 }: Wanted): Uint8Array {
  const version = long ? 1 : 0;
  const times = zeros(long ? 16 : 8);
  const media = box(
    "mdia",
    fullBox("mdhd", version, 0, times, u32(timescale), zeros(long ? 12 : 8)),
    fullBox("hdlr", 0, 0, zeros(4), text("soun"), zeros(12)),
    box("minf", box("stbl", fullBox("stsd", 0, 0, u32(1), entry ?? box("none", zeros(40))))),
  );
  return box(
    "moov",
    fullBox("mvhd", version, 0, times, u32(500), zeros(80)),
    box(
      "trak",
      fullBox("tkhd", version, 0, times, u32(9), zeros(60)),
      ...(edits === undefined ? [] : [box("edts", edits)]),
      media,
    ),
    box("mvex", fullBox("trex", 0, 0, u32(9), u32(1), u32(10), u32(20), u32(0x10000))),
  );
}

function visual(type: string, configuration: Uint8Array): Uint8Array {
  return box(type, zeros(78), configuration);
}

function sound(type: string, version: number, ...boxes: Uint8Array[]): Uint8Array {
  const extra = [0, 16, 36][version] as number;
  return box(type, zeros(8), u16(version), zeros(6), u16(2), u16(16), zeros(8), zeros(extra), ...boxes);
}

describe("an initialization segment", () => {
  test("that we have written says the same again", () => {
    const tracks = readInit(
      writeInit([
        { parameters: { codec: "h264", sps: SPS, pps: PPS }, timescale: 90_000 },
        { parameters: { codec: "mpeg4Audio", config: CONFIG }, timescale: 44_100 },
        { parameters: { codec: "opus", channels: 1 }, timescale: 48_000 },
      ]),
    );
    expect(tracks.map(({ id, isVideo, timescale }) => [id, isVideo, timescale])).toEqual([
      [1, true, 90_000],
      [2, false, 44_100],
      [3, false, 48_000],
    ]);
    const [sps, pps] = [new Uint8Array(SPS), new Uint8Array(PPS)];
    expect(tracks.map(({ description }) => description)).toEqual([
      { kind: SAMPLE_H264, parameters: { codec: "h264", sps, pps }, lengthSize: 4, sets: [sps, pps] },
      { kind: SAMPLE_FRAMES, parameters: { codec: "mpeg4Audio", config: CONFIG } },
      { kind: SAMPLE_FRAMES, parameters: { codec: "opus", channels: 1 } },
    ]);
  });

  test("may use long fields, defaults and edit lists", () => {
    const short = fullBox("elst", 0, 0, u32(2), u32(250), u32(0xffff_ffff), u32(0), u32(0), u32(70), u32(0));
    expect(readInit(movie({ edits: short }))[0]).toMatchObject({
      id: 9,
      offset: 430,
      duration: 10,
      size: 20,
      flags: 0x10000,
    });
    const long = fullBox("elst", 1, 0, u32(1), zeros(8), u32(0), u32(70), u32(0));
    expect(readInit(movie({ edits: long, long: true }))[0]).toMatchObject({ id: 9, offset: -70 });
  });

  test.each([
    [
      "avc3 without sets",
      visual("avc3", box("avcC", [1, 66, 0, 30, 0xfd, 0xe0, 0])),
      { kind: SAMPLE_H264, parameters: { codec: "h264" }, lengthSize: 2, sets: [] },
    ],
    [
      "hev1",
      visual("hev1", box("hvcC", [1], zeros(20), [0xff, 2, 0xa0, 0, 1, 0, 1, 64, 34, 0, 2, 0, 1, 68, 0, 0])),
      {
        kind: SAMPLE_H265,
        parameters: { codec: "h265", vps: new Uint8Array([64]), pps: new Uint8Array([68]) },
        lengthSize: 4,
        sets: [new Uint8Array([64]), new Uint8Array([68])],
      },
    ],
    ["av01", visual("av01", box("av1C", zeros(4))), { kind: SAMPLE_AV1, parameters: { codec: "av1" } }],
    [
      "av01 with a box that does not fit",
      visual("av01", box("av1C")),
      { kind: SAMPLE_AV1, parameters: { codec: "av1" } },
    ],
    ["vp09", visual("vp09", box("vpcC", zeros(12))), { kind: SAMPLE_PICTURES, parameters: { codec: "vp9" } }],
    ["vp08", visual("vp08", box("vpcC", zeros(12))), { kind: SAMPLE_PICTURES, parameters: { codec: "vp8" } }],
    [
      "Opus",
      sound("Opus", 0, box("dOps", [0, 6])),
      { kind: SAMPLE_FRAMES, parameters: { codec: "opus", channels: 6 } },
    ],
    [
      "ac-3",
      sound("ac-3", 0, box("dac3", [0x10, 0x3c, 0])),
      { kind: SAMPLE_FRAMES, parameters: { codec: "ac3", clockRate: 48_000, channels: 6 } },
    ],
    [
      "AAC in QuickTime's entry",
      sound(
        "mp4a",
        1,
        fullBox("esds", 0, 0, [3, 24, 0, 1, 0, 4, 19, 0x40], zeros(12), [5, 0x80, 0x80, 2, 0x11, 0x90]),
      ),
      { kind: SAMPLE_FRAMES, parameters: { codec: "mpeg4Audio", config: CONFIG } },
    ],
    [
      "MP3",
      sound("mp4a", 0, fullBox("esds", 0, 0, [3, 18, 0, 1, 0, 4, 13, 0x6b], zeros(12))),
      { kind: SAMPLE_FRAMES, parameters: { codec: "mpeg12Audio" } },
    ],
    ["MP3 in QuickTime", sound(".mp3", 1), { kind: SAMPLE_FRAMES, parameters: { codec: "mpeg12Audio" } }],
    ["another", sound("alac", 0), undefined],
  ])("%s", (_, entry, description) => {
    expect(readInit(movie({ entry }))[0]?.description).toEqual(description as never);
  });

  test.each([
    ["nothing", new Uint8Array(0), "missing box moov"],
    ["a web page", new TextEncoder().encode("<html><body>not found</body></html>"), "box ?"],
    ["no timescale", movie({ timescale: 0 }), "track 9 has no timescale"],
    [
      "an encrypted track",
      movie({ entry: visual("encv", zeros(0) as never) }),
      "encrypted tracks are not supported",
    ],
    [
      "parameter sets that are cut off",
      movie({ entry: visual("avc1", box("avcC", [1, 66, 0, 30, 0xff, 0xe1, 0, 9])) }),
      "truncated parameter sets",
    ],
    [
      "an edit of a year",
      movie({ edits: fullBox("elst", 0, 0, u32(1), u32(0), u32(0x7fff_ffff), u32(0)), timescale: 1 }),
      "edit list out of range",
    ],
  ])("is refused: %s", (_, bytes, reason) => {
    expect(() => readInit(bytes as Uint8Array)).toThrow(ProtocolError);
    if (reason !== "box ?") expect(() => readInit(bytes as Uint8Array)).toThrow(reason as string);
  });

  test("is told from others by its first box", () => {
    expect(looksLikeMp4(box("styp", text("msdh")))).toBe(true);
    expect(looksLikeMp4(new TextEncoder().encode("<!DOCTYPE html>"))).toBe(false);
    expect(looksLikeMp4(new Uint8Array([0x47, 0x40, 0, 0x10, 0, 0, 0, 0]))).toBe(false);
  });
});
