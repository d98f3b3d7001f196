import {
  KIND_PACKET,
  UNITS_AC3,
  UNITS_LATM,
  UNITS_MPEG12_AUDIO,
  UNITS_SAMPLES,
} from "../../../assembly/abi.ts";
import type { Random } from "../../support/random.ts";
import { makeMpa } from "../mpa-frames.ts";
import { concat } from "./packet.ts";
import type { Codec, MadeFrame } from "./packetize.ts";

/** Ticks of a frame of LATM in these tests. */
const LATM_TICKS = 1_024;
const CLOCK_RATE = 90_000;

/** Codecs of sound with a framing of their own. */
export const AUDIO_CODECS: readonly Codec[] = [
  {
    name: "LATM, configuration in the description",
    format: UNITS_LATM,
    kind: KIND_PACKET,
    setup: { frameTicks: LATM_TICKS, latm: { subFrames: 3, frameBytes: 0, isInBand: false } },
    make: (random) => makeLatm(random, false),
  },
  {
    name: "LATM, configuration in band",
    format: UNITS_LATM,
    kind: KIND_PACKET,
    setup: { frameTicks: LATM_TICKS, latm: { subFrames: 0, frameBytes: 0, isInBand: true } },
    make: (random) => makeLatm(random, true),
  },
  { name: "MPEG-1/2 Audio", format: UNITS_MPEG12_AUDIO, kind: KIND_PACKET, make: makeMpaPackets },
  { name: "AC-3", format: UNITS_AC3, kind: KIND_PACKET, make: makeAc3 },
  {
    name: "samples",
    format: UNITS_SAMPLES,
    kind: KIND_PACKET,
    make: (random) => {
      const bytes = random.bytes(6 * random.between(1, 200));
      return { payloads: [bytes], units: [{ bytes, isKey: true, offset: 0 }] };
    },
  },
];

/** Bits in the order in which they are sent. */
class Bits {
  #text = "";

  put(value: number, count: number): this {
    this.#text += value.toString(2).padStart(count, "0").slice(-count);
    return this;
  }

  putBytes(bytes: Uint8Array): this {
    for (const byte of bytes) this.put(byte, 8);
    return this;
  }

  bytes(): Uint8Array {
    const padded = this.#text.padEnd(Math.ceil(this.#text.length / 8) * 8, "0");
    return Uint8Array.from({ length: padded.length / 8 }, (_, i) =>
      Number.parseInt(padded.slice(8 * i, 8 * i + 8), 2),
    );
  }
}

/** ISO/IEC 14496-3 §1.7.3.1, one program, one layer: AAC-LC, 48 kHz, stereo. */
function streamMuxConfig(
  bits: Bits,
  options: { subFrames: number; frameBytes: number; isNew: boolean; hasExtension: boolean },
) {
  const { subFrames, frameBytes, isNew, hasExtension } = options;
  bits.put(isNew ? 1 : 0, 1);
  if (isNew) bits.put(0, 1).put(1, 2).put(0xabcd, 16);
  bits
    .put(1, 1)
    .put(subFrames - 1, 6)
    .put(0, 7);
  if (isNew) bits.put(0, 2).put(18, 8);
  bits.put(2, 5).put(3, 4).put(2, 4).put(0, 3);
  if (isNew) bits.put(0, 2);
  else if (hasExtension) bits.put(0x2b7, 11).put(5, 5).put(1, 1).put(3, 4).put(0x548, 11).put(1, 1);
  if (frameBytes > 0) bits.put(1, 3).put(frameBytes - 20, 9);
  else bits.put(0, 3).put(0xff, 8);
  return bits.put(0, 1).put(0, 1);
}

function makeLatm(random: Random, isInBand: boolean): MadeFrame {
  const bits = new Bits();
  const subFrames = isInBand ? random.between(1, 4) : 3;
  const frameBytes = isInBand && random.chance(0.3) ? random.between(20, 531) : 0;
  const [isNew, hasExtension] = [random.chance(0.5), random.chance(0.5)];
  if (isInBand) streamMuxConfig(bits.put(0, 1), { subFrames, frameBytes, isNew, hasExtension });
  const frames = Array.from({ length: subFrames }, () => {
    const size = random.chance(0.1) ? random.between(1_000, 3_000) : random.between(1, 400);
    return random.bytes(frameBytes > 0 ? frameBytes : size);
  });
  for (const frame of frames) {
    if (frameBytes === 0) {
      for (let left = frame.length; left >= 0; left -= 255) bits.put(Math.min(left, 255), 8);
    }
    bits.putBytes(frame);
  }
  // lengths are not cut in two: the first packet holds all that are short, a long frame the rest
  const element = bits.bytes();
  const isWhole = element.length < 1_400 || subFrames > 1;
  const payloads = isWhole ? [element] : cut(element, random);
  if (payloads.some(({ length }) => length > 1_400)) return makeLatm(random, isInBand);
  return { payloads, units: frames.map((bytes, i) => ({ bytes, isKey: true, offset: i * LATM_TICKS })) };
}

function cut(bytes: Uint8Array, random: Random): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = random.between(at === 0 ? 40 : 1, 1_300);
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}

function makeMpaPackets(random: Random): MadeFrame {
  if (random.chance(0.4)) {
    const { bytes } = makeMpa(random);
    const payloads: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + random.between(at === 0 ? 4 : 1, 900));
      payloads.push(concat([new Uint8Array([0, 0, at >> 8, at & 255]), part]));
      at += part.length;
    }
    return { payloads, units: [{ bytes, isKey: true, offset: 0 }] };
  }
  const frames = [makeMpa(random)];
  for (let i = 0; i < 3; i++) {
    const next = makeMpa(random);
    if ([...frames, next].reduce((sum, { bytes }) => sum + bytes.length, 0) < 1_400) frames.push(next);
  }
  if (frames[0]!.bytes.length > 1_400) return makeMpaPackets(random);
  let ticks = 0;
  const units = frames.map(({ bytes, samples, sampleRate }) => {
    const offset = Math.floor(ticks);
    ticks += (samples * CLOCK_RATE) / sampleRate;
    return { bytes, isKey: true, offset };
  });
  return { payloads: [concat([new Uint8Array(4), ...frames.map(({ bytes }) => bytes)])], units };
}

const AC3_RATES = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640];

function makeAc3(random: Random): MadeFrame {
  const frame = () => {
    const rate = random.below(3);
    const code = random.below(38);
    const kbits = AC3_RATES[code >> 1]!;
    const words =
      rate === 0 ? 2 * kbits : rate === 2 ? 3 * kbits : Math.floor((kbits * 320) / 147) + (code & 1);
    const bytes = random.bytes(2 * words);
    bytes.set([0x0b, 0x77, 0, 0, (rate << 6) | code]);
    return { bytes, ticks: (1_536 * CLOCK_RATE) / [48_000, 44_100, 32_000][rate]! };
  };
  if (random.chance(0.5)) {
    const { bytes } = frame();
    const parts = cut(bytes, random);
    const payloads = parts.map((part, i) => {
      const type = parts.length === 1 ? 0 : i > 0 ? 3 : part.length >= (bytes.length * 5) / 8 ? 1 : 2;
      return concat([new Uint8Array([type, parts.length]), part]);
    });
    return { payloads, units: [{ bytes, isKey: true, offset: 0 }] };
  }
  const frames = Array.from({ length: 4 }, frame).filter(({ bytes }) => bytes.length < 400);
  if (frames.length === 0) return makeAc3(random);
  let ticks = 0;
  const units = frames.map(({ bytes, ticks: own }) => {
    const offset = Math.floor(ticks);
    ticks += own;
    return { bytes, isKey: true, offset };
  });
  const payload = concat([new Uint8Array([0, frames.length]), ...frames.map(({ bytes }) => bytes)]);
  return { payloads: [payload], units };
}
