import type { Random } from "../support/random.ts";

/** A frame of MPEG-1/2 Audio. */
export interface MpaFrame {
  readonly bytes: Uint8Array;
  readonly samples: number;
  readonly sampleRate: number;
}

/** Bit rates in kbit/s by layer, of MPEG-1, and of MPEG-2 and 2.5 (ISO/IEC 11172-3 and 13818-3, §2.4.2.3). */
const RATES_1 = [
  [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
  [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
  [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
] as const;
const LOW = [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
const RATES_2 = [[32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256], LOW, LOW] as const;

/** A random frame of any version, layer, bit rate and sampling rate. */
export function makeMpa(random: Random): MpaFrame {
  const version = random.pick([0, 2, 3]);
  const layer = random.between(1, 3);
  const rate = random.below(3);
  const bits = random.between(1, 14);
  const padding = random.below(2);
  const sampleRate = [44_100, 48_000, 32_000][rate]! / (version === 3 ? 1 : version === 2 ? 2 : 4);
  const kbits = (version === 3 ? RATES_1 : RATES_2)[layer - 1]![bits - 1]!;
  const samples = layer === 1 ? 384 : layer === 3 && version !== 3 ? 576 : 1_152;
  const size =
    layer === 1
      ? 4 * (Math.floor((12_000 * kbits) / sampleRate) + padding)
      : Math.floor(((samples / 8) * kbits * 1000) / sampleRate) + padding;
  const bytes = random.bytes(size);
  bytes.set([0xff, 0xe1 | (version << 3) | ((4 - layer) << 1), (bits << 4) | (rate << 2) | (padding << 1)]);
  return { bytes, samples, sampleRate };
}
