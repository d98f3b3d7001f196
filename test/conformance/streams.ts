import { unitFormat } from "../../src/formats/rtp/unit-formats.ts";
import type { CodecId, KnownParameters } from "../../src/media/codec-parameters.ts";
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
    [bareOf(h264), aac],
    [delayed(h265, 0.3), opus],
    [of("vp9"), opus],
    // one of both is left out of HLS
    [h264, mp3],
    [of("mpeg12Video"), aac],
  ];
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
