import { describe, expect, test } from "bun:test";
import { ProtocolError } from "../../../src/lib/errors.ts";
import { chooseAudio, chooseVariant } from "../../../src/protocols/hls/proto/client.ts";
import {
  type MediaPlaylist,
  type MultivariantPlaylist,
  readPlaylist,
} from "../../../src/protocols/hls/proto/playlist-reader.ts";

function lines(...rows: readonly string[]): string {
  return ["#EXTM3U", ...rows, ""].join("\n");
}

function media(...rows: readonly string[]): MediaPlaylist {
  return readPlaylist(lines("#EXT-X-TARGETDURATION:4", ...rows)) as MediaPlaylist;
}

function multivariant(...rows: readonly string[]): MultivariantPlaylist {
  return readPlaylist(lines(...rows)) as MultivariantPlaylist;
}

describe("a media playlist", () => {
  test("is read with its numbers, time lines and what describes the segments", () => {
    const playlist = readPlaylist(
      "\uFEFF#EXTM3U\r\n#EXT-X-VERSION:7\r\n#EXT-X-TARGETDURATION:4\r\n#EXT-X-MEDIA-SEQUENCE:40\r\n" +
        '#EXT-X-DISCONTINUITY-SEQUENCE:3\r\n#EXT-X-MAP:URI="init.mp4"\r\n#EXTINF:3.96,title, with comma\r\na.m4s\r\n' +
        '#EXT-X-DISCONTINUITY\r\n#EXT-X-MAP:URI="all.mp4",BYTERANGE="700@10"\r\n# a comment\r\n' +
        "#EXT-X-PROGRAM-DATE-TIME:2023-09-20T12:00:00.1Z\r\n#EXTINF:4\r\nb.m4s?x=1\r\n#EXT-X-ENDLIST\r\n",
    );
    expect(playlist).toEqual({
      kind: "media",
      targetDuration: 4,
      isEnded: true,
      segments: [
        {
          uri: "a.m4s",
          range: undefined,
          sequence: 40,
          duration: 3.96,
          discontinuity: 3,
          map: { uri: "init.mp4", range: undefined },
          isGap: false,
        },
        {
          uri: "b.m4s?x=1",
          range: undefined,
          sequence: 41,
          duration: 4,
          discontinuity: 4,
          map: { uri: "all.mp4", range: { offset: 10, length: 700 } },
          isGap: false,
        },
      ],
    });
  });

  test("counts byte ranges on, in the same file alone", () => {
    const ranges = media(
      "#EXTINF:4,",
      "#EXT-X-BYTERANGE:100@20",
      "a.ts",
      "#EXTINF:4,",
      "#EXT-X-BYTERANGE:50",
      "a.ts",
    ).segments.map(({ range }) => range);
    expect(ranges).toEqual([
      { offset: 20, length: 100 },
      { offset: 120, length: 50 },
    ]);
    expect(() => media("#EXTINF:4,", "#EXT-X-BYTERANGE:100", "a.ts")).toThrow("without an offset");
  });

  test("with low latency is its plain segments", () => {
    const { segments } = media(
      "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.5,CAN-SKIP-UNTIL=12",
      "#EXT-X-PART-INF:PART-TARGET=0.2",
      "#EXT-X-MEDIA-SEQUENCE:7",
      "#EXT-X-SKIP:SKIPPED-SEGMENTS=3",
      "#EXT-X-GAP",
      "#EXTINF:2,",
      "gap.mp4",
      '#EXT-X-PART:DURATION=0.2,URI="p0.mp4",INDEPENDENT=YES',
      "#EXTINF:2,",
      "seg.mp4",
      '#EXT-X-PART:DURATION=0.2,URI="p1.mp4"',
      '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="p2.mp4"',
    );
    expect(segments.map(({ uri, sequence, isGap }) => [uri, sequence, isGap])).toEqual([
      ["gap.mp4", 10, true],
      ["seg.mp4", 11, false],
    ]);
  });

  test("without encryption may say so", () => {
    expect(media("#EXT-X-KEY:METHOD=NONE", "#EXTINF:4,", "a.ts").segments).toHaveLength(1);
    expect(() => media('#EXT-X-KEY:METHOD=AES-128,URI="k"', "#EXTINF:4,", "a.ts")).toThrow(
      "encrypted segments (AES-128) are not supported",
    );
  });

  test.each([
    ["a web page", "<!DOCTYPE html>\n<html>", "it begins with '<!DOCTYPE html>' instead of #EXTM3U"],
    ["nothing", "", "it begins with '' instead of #EXTM3U"],
    ["neither kind", lines(), "neither variants nor segments"],
    ["no target duration", lines("#EXTINF:4,", "a.ts"), "no EXT-X-TARGETDURATION"],
    ["a target duration of a week", lines("#EXT-X-TARGETDURATION:604800"), "EXT-X-TARGETDURATION: 604800"],
    ["a negative duration", lines("#EXT-X-TARGETDURATION:4", "#EXTINF:-1,", "a.ts"), "EXTINF: -1"],
    ["a duration in words", lines("#EXT-X-TARGETDURATION:4", "#EXTINF:four,", "a.ts"), "EXTINF: four"],
    ["a segment without duration", lines("#EXT-X-TARGETDURATION:4", "a.ts"), "segment 'a.ts' without EXTINF"],
    ["a huge sequence", lines("#EXT-X-MEDIA-SEQUENCE:99999999999999999999"), "EXT-X-MEDIA-SEQUENCE"],
    [
      "a range of nothing",
      lines("#EXT-X-TARGETDURATION:4", "#EXTINF:4,", "#EXT-X-BYTERANGE:0@0", "a.ts"),
      "EXT-X-BYTERANGE: 0@0",
    ],
    ["a long line", lines("#EXT-X-TARGETDURATION:4", "#EXTINF:4,", "a".repeat(20_000)), "a line of 20000"],
    [
      "too many segments",
      lines("#EXT-X-TARGETDURATION:4", ...Array.from({ length: 100_001 }, () => "#EXTINF:4,\na")),
      "too many segments",
    ],
    ["key frames only", lines("#EXT-X-TARGETDURATION:4", "#EXT-X-I-FRAMES-ONLY"), "it has key frames only"],
    ["too much", `#EXTM3U\n${"#\n".repeat(5_000_000)}`, "10000008 characters"],
  ])("is refused: %s", (_, text, reason) => {
    expect(() => readPlaylist(text)).toThrow(ProtocolError);
    expect(() => readPlaylist(text)).toThrow(`invalid playlist: ${reason}`);
  });
});

describe("a multivariant playlist", () => {
  test("is read with its variants and sound", () => {
    const playlist = multivariant(
      '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="en",URI="en.m3u8"',
      '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="it, or so",AUTOSELECT=YES,URI="it.m3u8"',
      '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="b",NAME="main",DEFAULT=YES,AUTOSELECT=YES',
      '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="s",NAME="en",URI="s.m3u8"',
      '#EXT-X-STREAM-INF: BANDWIDTH=100,CODECS="avc1.64001f, mp4a.40.2",AUDIO="a"',
      "low.m3u8",
      '#EXT-X-STREAM-INF:BANDWIDTH=300,CODECS="dvh1.05.06",AUDIO="a"',
      "strange.m3u8",
      '#EXT-X-STREAM-INF:BANDWIDTH=200,RESOLUTION=1x1,CODECS="hvc1.1,Opus",AUDIO="b"',
      "high.m3u8",
      "#EXT-X-STREAM-INF:BANDWIDTH=150",
      "plain.m3u8",
    );
    const { variant } = chooseVariant(playlist);
    expect(variant.uri).toBe("high.m3u8");
    expect(chooseAudio(playlist, variant)).toMatchObject({ name: "main", uri: undefined });
    expect(chooseAudio(playlist, playlist.variants[0]!)?.uri).toBe("it.m3u8");
    expect(chooseAudio(playlist, playlist.variants[3]!)).toBeUndefined();
    expect(chooseVariant({ ...playlist, variants: [playlist.variants[3]!] }).variant.uri).toBe("plain.m3u8");
  });

  test.each([
    [
      "subtitles do not count",
      ["avc1.64,wvtt", "avc1.64", "avc1.64,mp4a.40.2,stpp.ttml.im1t"],
      2,
      "stpp.ttml.im1t",
    ],
    ["one that is whole comes first", ["avc1.64,mp4a.40.2", "avc1.64,ec-3", "hvc1.1,dts"], 0, ""],
    [
      "else one with pictures",
      ["dvh1.05,mp4a.40.2", "avc1.64,ec-3,c608", "dvh1.05,mp4a.40.2"],
      1,
      "ec-3,c608",
    ],
    ["else what is left", ["vvc1.1", "vvc1.1,mp4a.40.2", "vvc1.1,ec-3"], 1, "vvc1.1"],
    ["of those alike the largest", ["avc1.64,ec-3", "avc1.64,ec-3"], 1, "ec-3"],
  ])("is chosen from: %s", (_, codecs, index, skipped) => {
    const rows = codecs.flatMap((each, i) => [
      `#EXT-X-STREAM-INF:BANDWIDTH=${i + 1},CODECS="${each}"`,
      `${i}.m3u8`,
    ]);
    const choice = chooseVariant(multivariant(...rows));
    expect(choice.variant.uri).toBe(`${index}.m3u8`);
    expect(choice.skipped.join()).toBe(skipped);
  });

  test.each([
    [
      "only strange codecs",
      ['#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="vvc1.1"', "a"],
      "no variants with supported codecs found",
    ],
    ["a URI of nothing", ["a.m3u8"], "'a.m3u8' is neither a variant nor a segment"],
    ["malformed attributes", ["#EXT-X-STREAM-INF:BANDWIDTH", "a"], "attributes of EXT-X-STREAM-INF"],
    ["an attribute twice", ["#EXT-X-STREAM-INF:BANDWIDTH=1,BANDWIDTH=2", "a"], "BANDWIDTH twice"],
    ["a bandwidth in words", ["#EXT-X-STREAM-INF:BANDWIDTH=much", "a"], "BANDWIDTH: much"],
    ["a key", ['#EXT-X-SESSION-KEY:METHOD=SAMPLE-AES,URI="k"'], "encrypted segments (SAMPLE-AES)"],
    ["sound without a group", ["#EXT-X-MEDIA:TYPE=AUDIO"], "EXT-X-MEDIA without GROUP-ID"],
  ])("is refused: %s", (_, rows, reason) => {
    const choose = () => chooseVariant(multivariant(...rows));
    expect(choose).toThrow(ProtocolError);
    expect(choose).toThrow(reason);
  });
});
