import { describe, expect, test } from "bun:test";
import { CAPS_MULTITRACK, FlvCapabilities, ownCapabilities } from "../../../src/formats/flv/capabilities.ts";
import {
  FLV_CODECS,
  FLV_READ,
  flvCodecId,
  flvCodecName,
  fourCcNumber,
  isFlvVideo,
} from "../../../src/formats/flv/codecs.ts";
import { flvHead, flvSequenceHeader } from "../../../src/formats/flv/messages.ts";
import { type MetadataValue, readMetadata, writeMetadata } from "../../../src/formats/flv/metadata.ts";
import type { CodecId, KnownParameters } from "../../../src/media/codec-parameters.ts";
import { withLengths } from "../../../src/media/nal.ts";
import { setsOf } from "../../../src/media/parameters.ts";
import { sampleName, samplesOf } from "../../media/parameter-samples.ts";

const CODEC_IDS = Object.keys(FLV_CODECS) as CodecId[];
const hex = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString("hex");

/** A sample of a codec. */
function sampleOf(codec: CodecId): KnownParameters {
  return samplesOf([codec])[0]!;
}

describe("messages carry codec parameters there and back", () => {
  test("every codec has a sample", () => {
    expect(new Set(samplesOf(CODEC_IDS).map(({ codec }) => codec))).toEqual(new Set(CODEC_IDS));
  });

  for (const sample of samplesOf(CODEC_IDS)) {
    for (const id of [0, 3]) {
      test(`${sampleName(sample)}, track ${id}`, () => {
        const head = flvHead(sample, id);
        if (head === undefined) return;
        const [first, second] = head.head as unknown as [number, number];
        const isVideo = isFlvVideo(sample.codec);
        const isEnhanced = isVideo ? (first & 0x80) !== 0 : first >> 4 === 9;
        const at = id === 0 ? 1 : 2;
        const codec = isEnhanced
          ? fourCcNumber(Buffer.from(head.head.subarray(at, at + 4)).toString("latin1"))
          : isVideo
            ? first & 15
            : (first >> 4) | ((first & 15) << 4);
        expect<CodecId | undefined>(flvCodecId(isVideo, codec)).toBe(sample.codec);
        if (id > 0) expect([second, head.head[6]]).toEqual([1, id]);
        const header = flvSequenceHeader(sample, id);
        const reading = FLV_READ.find(isVideo, codec)!;
        const size = isEnhanced ? at + 4 + (id > 0 ? 1 : 0) : isVideo ? 5 : 2;
        const config = header?.subarray(size) ?? new Uint8Array(0);
        const settings =
          config.length === 0 || reading.configure === undefined
            ? (reading.settings ?? reading.learn?.(48_000, 6))
            : reading.configure(config);
        expect(settings!.parameters).toEqual(sample.codec === "vp9" ? { codec: "vp9" } : sample);
        if (setsOf(sample).length > 0) expect(settings!.sets).toEqual(withLengths(setsOf(sample)));
      });
    }
  }

  test("what FLV cannot say is not carried", () => {
    const cannot = samplesOf(CODEC_IDS).filter((sample) => flvHead(sample) === undefined);
    expect(cannot.map(sampleName)).toEqual(["g711 a 16000 2", "lpcm 8 8000 1", "lpcm 24 96000 6"]);
    expect(flvHead({ codec: "g722" })).toBeUndefined();
    expect(flvHead(sampleOf("g711"), 1)).toBeUndefined();
  });

  test("sequence headers and heads are as their specifications have them", () => {
    const avc = sampleOf("h264");
    expect(hex(flvSequenceHeader(avc))).toStartWith("1700000000" + "0164" + "0028" + "ffe1");
    expect([hex(flvHead(avc)!.head), flvHead(avc)!.compositionAt]).toEqual(["0701000000", 2]);
    expect([hex(flvHead(avc, 2)!.head), flvHead(avc, 2)!.compositionAt]).toEqual(["86016176633102000000", 7]);
    const hevc = flvHead(sampleOf("h265"))!;
    expect([hex(hevc.head), hevc.compositionAt]).toEqual(["8168766331000000", 5]);
    expect(hex(flvSequenceHeader(sampleOf("h265")))).toStartWith("9068766331" + "01");
    expect(hex(flvSequenceHeader({ codec: "mpeg4Audio", config: new Uint8Array([0x11, 0x90]) }))).toBe(
      "af001190",
    );
    expect(hex(flvSequenceHeader({ codec: "ac3", clockRate: 48_000, channels: 2 }, 1))).toBe(
      "950061632d3301",
    );
    expect(hex(flvSequenceHeader({ codec: "opus", channels: 2 }))).toBe(
      `90${Buffer.from("OpusOpusHead").toString("hex")}0102380180bb0000000000`,
    );
    expect(flvSequenceHeader({ codec: "mpeg12Audio" })).toBeUndefined();
  });

  test("codecs that are not supported are named", () => {
    expect([
      flvCodecName(true, 2),
      flvCodecName(false, 0x56),
      flvCodecName(false, fourCcNumber("ec-3")),
    ]).toEqual(["video codec: 2", "audio codec: 6", "audio codec: ec-3"]);
    expect(flvCodecName(true, 0x0102_0304)).toBe("video codec: 16909060");
  });
});

describe("metadata", () => {
  const read = (properties: Record<string, unknown>) => readMetadata(new Map(Object.entries(properties)));

  test("say which tracks will come", () => {
    expect(read({ videocodecid: 7, audiocodecid: 10 })).toEqual({ videos: 1, audios: 1 });
    expect(read({ videocodecid: "hvc1", audiocodecid: "mp4a" })).toEqual({ videos: 1, audios: 1 });
    expect(read({ videocodecid: fourCcNumber("av01"), audiocodecid: 0 })).toEqual({ videos: 1, audios: 0 });
    expect(read({ audiocodecid: 2 })).toEqual({ videos: 0, audios: 1 });
    const others = new Map([["1", new Map()]]);
    expect(read({ videocodecid: 7, videoTrackIdInfoMap: others })).toEqual({ videos: 2, audios: 0 });
    for (const none of [{}, { videocodecid: 2 }, { videocodecid: "AVC" }, { videocodecid: null, width: 3 }]) {
      expect(read(none)).toBeUndefined();
    }
  });

  test("are written of all tracks, and read back", () => {
    const tracks = ["h264", "av1", "mpeg4Audio", "opus"].map((codec) => ({
      parameters: sampleOf(codec as CodecId),
      kbps: 300,
    }));
    const written = writeMetadata(tracks);
    expect(Object.fromEntries([...written].filter(([, value]) => !(value instanceof Map)))).toEqual({
      width: 1_920,
      height: 1_080,
      framerate: 25,
      videocodecid: 7,
      videodatarate: 300,
      audiocodecid: 10,
      audiodatarate: 300,
      audiosamplerate: 48_000,
      stereo: true,
    });
    const others = written.get("videoTrackIdInfoMap") as ReadonlyMap<
      string,
      ReadonlyMap<string, MetadataValue>
    >;
    expect(others.get("1")?.get("videocodecid")).toBe(fourCcNumber("av01"));
    expect(readMetadata(written)).toEqual({ videos: 2, audios: 2 });
  });

  test("say nothing of a kind that has no track", () => {
    expect(Object.fromEntries(writeMetadata([]))).toEqual({});
    const written = writeMetadata([{ parameters: sampleOf("g711"), kbps: 0 }]);
    expect(written.has("videocodecid")).toBe(false);
    expect(writeMetadata([{ parameters: sampleOf("g711"), kbps: 0 }]).get("audiocodecid")).toBe(8);
    expect(writeMetadata([{ parameters: sampleOf("vp8"), kbps: 0 }]).get("videocodecid")).toBe(
      fourCcNumber("vp08"),
    );
  });
});

describe("capabilities", () => {
  const read = (properties: Record<string, unknown>) =>
    FlvCapabilities.read(new Map(Object.entries(properties)));
  const taken = (peer: FlvCapabilities, id = 0) =>
    CODEC_IDS.filter((codec) => peer.takes(sampleOf(codec), id));
  const LEGACY = ["h264", "mpeg4Audio", "mpeg12Audio", "g711"];

  test("a peer that says nothing takes the legacy codecs", () => {
    expect(taken(read({}))).toEqual(LEGACY as CodecId[]);
    expect(taken(read({ fourCcList: "av01", videoFourCcInfoMap: 3, capsEx: "x" }))).toEqual(
      LEGACY as CodecId[],
    );
  });

  test("the list, and the maps with what can be decoded or forwarded, add others", () => {
    expect(taken(read({ fourCcList: ["av01", "Hvc1", 7] }))).toEqual(["av1", "h265", ...LEGACY] as CodecId[]);
    const maps = {
      videoFourCcInfoMap: new Map([
        ["vp09", 1],
        ["av01", 2],
      ]),
      audioFourCcInfoMap: new Map([["*", 4]]),
    };
    expect(new Set(taken(read(maps)))).toEqual(
      new Set(["vp9", "opus", "ac3", "flac", ...LEGACY] as CodecId[]),
    );
    expect(taken(read({ fourCcList: ["*"] })).length).toBe(CODEC_IDS.length - 1);
  });

  test("more than one track of a kind takes a flag, and the enhanced form", () => {
    expect(taken(read({ fourCcList: ["*"] }), 1)).toEqual([]);
    const peer = read({ fourCcList: ["avc1"], capsEx: CAPS_MULTITRACK });
    expect(taken(peer, 1)).toEqual(["h264"]);
    expect([peer.hasMultitrack, peer.canReconnect]).toEqual([true, false]);
  });

  test("ours are understood by ourselves", () => {
    const own = FlvCapabilities.read(ownCapabilities());
    expect(taken(own).length).toBe(CODEC_IDS.length - 1);
    expect([own.flags, own.canReconnect]).toEqual([15, true]);
    expect(ownCapabilities().get("fourCcList")).toContain("Opus");
  });
});
