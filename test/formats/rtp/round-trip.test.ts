import { describe, expect, test } from "bun:test";
import { RTP_CODECS, rtpRow } from "../../../src/formats/rtp/codecs.ts";
import { describeStream, writeDescription, writeFmtp } from "../../../src/formats/rtp/description.ts";
import { trackSetups, withParameterSets } from "../../../src/formats/rtp/track-setup.ts";
import { readFormat, unitFormat } from "../../../src/formats/rtp/unit-formats.ts";
import { unitSetup } from "../../../src/formats/rtp/units.ts";
import { parseSdp } from "../../../src/formats/sdp/parse.ts";
import type { CodecId, CodecParameters, KnownParameters } from "../../../src/media/codec-parameters.ts";
import { withInBand } from "../../../src/media/parameters.ts";
import type { Format } from "../../../src/media/track.ts";
import { sampleName, samplesOf } from "../../media/parameter-samples.ts";

const WRITTEN = (Object.keys(RTP_CODECS) as CodecId[]).filter((codec) => rtpRow(codec)?.write !== undefined);

/** What a description says of a codec: key frames say the rest. */
function described(parameters: KnownParameters): CodecParameters {
  const { codec } = parameters;
  return codec === "av1" || codec === "vp9" ? { codec } : parameters;
}

/** The format as a reader of the description has it. */
function throughSdp(format: Format): Format {
  const track = { media: "video", mid: undefined, formats: [format] };
  const text = writeDescription({ title: "", tracks: [track], fecGroups: [] }, { controlBase: "rtsp://a/" });
  return describeStream(parseSdp(text)).description.tracks[0]!.formats[0]!;
}

function read(sdp: string): Format {
  return describeStream(parseSdp(sdp)).description.tracks[0]!.formats[0]!;
}

describe("RTP carries codec parameters there and back", () => {
  test("every codec that is written has a sample", () => {
    expect(new Set(samplesOf(WRITTEN).map(({ codec }) => codec))).toEqual(new Set(WRITTEN));
  });

  for (const sample of samplesOf(WRITTEN)) {
    test(sampleName(sample), () => {
      const format = throughSdp(unitFormat(sample));
      const parameters = readFormat(format);
      expect(parameters).toEqual(described(sample));
      expect(writeFmtp(unitFormat(parameters!).fmtp)).toBe(writeFmtp(format.fmtp));
      expect(unitFormat(parameters!)).toMatchObject({ rtpmap: format.rtpmap, clockRate: format.clockRate });
      expect(unitSetup(format)).toMatchObject({ clockRate: format.clockRate });
    });
  }

  test("MPEG-4 Audio in LATM is read, and written with AU headers", () => {
    const latm = read("m=audio 0 RTP/AVP 96\na=rtpmap:96 MP4A-LATM/48000/2\na=fmtp:96 config=400023203fc0");
    const parameters = readFormat(latm)!;
    expect(parameters).toEqual({ codec: "mpeg4Audio", config: new Uint8Array([0x11, 0x90]) });
    expect(unitSetup(latm)).toMatchObject({ frameTicks: 1024, latm: { subFrames: 1, isInBand: true } });
    expect(unitFormat(parameters).rtpmap).toBe("mpeg4-generic/48000/2");
  });

  test("MPEG-4 Audio may say its configuration in band alone, in LATM", () => {
    const latm = "m=audio 0 RTP/AVP 96\na=rtpmap:96 MP4A-LATM/48000/2";
    expect(readFormat(read(latm))).toEqual({ codec: "mpeg4Audio" });
    expect(unitSetup(read(latm))).toMatchObject({ frameTicks: 1024 });
    expect(unitSetup(read(`${latm}\na=fmtp:96 cpresent=0`))).toBeUndefined();
    expect(unitSetup(read("m=audio 0 RTP/AVP 96\na=rtpmap:96 mpeg4-generic/48000/2"))).toBeUndefined();
  });
});

describe("what a format says makes no sense", () => {
  test.each([
    ["MP4A-LATM/48000/2", "config=40102320"],
    ["PCMU/8000/99", ""],
    ["L16/48000/0", ""],
    ["vorbis/44100/2", "configuration=AAA"],
    ["strange/90000", ""],
  ])("%s %s", (rtpmap, fmtp) => {
    const format = read(`m=audio 0 RTP/AVP 96\na=rtpmap:96 ${rtpmap}\na=fmtp:96 ${fmtp}`);
    expect(readFormat(format)).toBeUndefined();
    expect(unitSetup(format)).toBeUndefined();
  });

  test("AAC with a broken configuration has no units", () => {
    const sdp = "m=audio 0 RTP/AVP 96\na=rtpmap:96 mpeg4-generic/48000/2\na=fmtp:96 config=16";
    expect(unitSetup(read(sdp))).toBeUndefined();
  });
});

describe("parameter sets", () => {
  for (const sample of samplesOf(["h264", "h265"])) {
    const sets = { vps: undefined, sps: undefined, pps: undefined, ...sample };
    const bare = unitFormat({ codec: sample.codec } as CodecParameters);

    test(`of ${sample.codec} that came in band are in the description`, () => {
      const [format] = withParameterSets({ media: "video", mid: undefined, formats: [bare] }, sets).formats;
      expect(format).toEqual(unitFormat(sample));
      const same = withParameterSets(
        { media: "video", mid: undefined, formats: [bare] },
        { ...sets, pps: undefined },
      );
      expect(same.formats).toEqual([bare]);
      expect(readFormat(format!)).toEqual(withInBand({ codec: sample.codec } as CodecParameters, { sets }));
    });

    test(`of ${sample.codec} in the description are known to the core, and tell the frame rate`, () => {
      const bits = (format: Format) =>
        trackSetups({
          title: "",
          tracks: [{ media: "video", mid: undefined, formats: [format] }],
          fecGroups: [],
        })[0]?.paramsKnown;
      expect(bits(bare)).toBe(0);
      expect(bits(unitFormat(sample))).toBe(sample.codec === "h265" ? 7 : 3);
      const setup = unitSetup(bare, sets);
      expect(setup).toEqual(unitSetup(unitFormat(sample)));
      expect(setup?.frameTicks).toBe(sample.codec === "h265" ? 1_800 : 3_600);
      expect(setup?.reorderDepth).toBe(2);
    });
  }
});
