import { UNITS_MPEG4_VIDEO, UNITS_MPEG12_VIDEO } from "../../../assembly/abi.ts";
import { MAKERS } from "../unit-makers.ts";
import type { Codec } from "./packetize.ts";
import { packetizeTwin } from "./packetizer.ts";

const FORMATS = [UNITS_MPEG12_VIDEO, UNITS_MPEG4_VIDEO];

/** Codecs of pictures with start codes, cut by the twin of the packetizer. */
export const VIDEO_CODECS: readonly Codec[] = MAKERS.filter(({ format }) => FORMATS.includes(format)).map(
  ({ name, format, kind, frameTicks, make }) => ({
    name,
    format,
    kind,
    make: (random) => {
      const isKey = random.chance(0.3);
      const bytes = make(random, random.between(1, 4_000), isKey);
      const track = { format, room: random.between(116, 1_448), frameTicks, sampleBytes: 1 };
      const packets = packetizeTwin([{ bytes, isKey, pts: 0, dts: 0 }], track, 0);
      return { payloads: packets.map(({ payload }) => payload), units: [{ bytes, isKey, offset: 0 }] };
    },
  }),
);
