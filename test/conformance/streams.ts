import { unitFormat } from "../../src/formats/rtp/unit-formats.ts";
import type { CodecId, KnownParameters } from "../../src/media/codec-parameters.ts";
import { Random } from "../support/random.ts";
import { SEED } from "../wasm/builds.ts";
import { SAMPLES, type Sample } from "./samples.ts";

/** Streams that are published: each sample by itself, parameter sets in band, and some of two tracks. */
export function streams(): readonly (readonly Sample[])[] {
  const of = (codec: CodecId) => SAMPLES.find((sample) => sample.codec === codec) as Sample;
  const [h264, h265, aac, opus, mp3] = [
    of("h264"),
    of("h265"),
    of("mpeg4Audio"),
    of("opus"),
    of("mpeg12Audio"),
  ];
  return [
    ...SAMPLES.map((sample) => [sample]),
    [bareOf(h264)],
    [bareOf(h265)],
    [h264, aac],
    [bareOf(h264), delayed(aac, 0.5)],
    [delayed(h265, 0.3), opus],
    [of("vp9"), opus],
    // one of both is left out of HLS
    [h264, mp3],
    [of("mpeg12Video"), aac],
    ...startingAnywhere([
      [h264, aac],
      [h264, opus],
      [of("av1"), opus],
      [h265, aac],
    ]),
  ];
}

/** RTP times from which something wraps soon, or looks negative. */
const STARTS = [2 ** 31 - 90_000 * 10 - 20_000, 2 ** 31, 3e9, 2 ** 32 - 90_000 * 10 - 20_000];

/** The same streams with RTP times that begin near wraps, and with random ones: `TEST_STARTS` of each, 1 when left out. */
function startingAnywhere(pairs: readonly (readonly Sample[])[]): (readonly Sample[])[] {
  const random = new Random(SEED + 31);
  const count = Number(process.env["TEST_STARTS"] ?? 1);
  return pairs.flatMap((samples) => [
    ...STARTS.map((start) => samples.map((sample) => startingAt(sample, start))),
    ...Array.from({ length: count }, () => samples.map((sample) => startingAt(sample, random.bits()))),
  ]);
}

function startingAt(sample: Sample, rtpStart: number): Sample {
  return { ...sample, name: `${sample.name} from ${rtpStart}`, rtpStart };
}

/** The same, later. */
function delayed(sample: Sample, delay: number): Sample {
  const shift = Math.round(delay * sample.format.clockRate);
  return {
    ...sample,
    name: `${sample.name} ${delay} s later`,
    delay,
    unit: (i) => {
      const { pts, dts, ...rest } = sample.unit(i);
      return { ...rest, pts: pts + shift, dts: dts + shift };
    },
  };
}

/** The same without parameter sets in the session description. */
function bareOf(sample: Sample): Sample {
  const format = unitFormat({ codec: sample.codec } as KnownParameters);
  return { ...sample, name: `${sample.name} with parameter sets in band alone`, isBare: true, format };
}
