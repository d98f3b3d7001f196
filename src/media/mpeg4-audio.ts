import { BitReader } from "../lib/bits.ts";
import { ProtocolError } from "../lib/errors.ts";

/** Sampling frequencies by index (ISO/IEC 14496-3 §1.6.3.4, table 1.18). */
const RATES = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
];
const EXPLICIT_RATE = 15;
const ESCAPE = 31;
const SBR = 5;
const PARAMETRIC_STEREO = 29;
const BSAC = 22;
/** syncExtensionType of SBR and of parametric stereo (§1.6.6.1). */
const SYNC_SBR = 0x2b7;
const SYNC_PS = 0x548;
/** Object types with a GASpecificConfig. */
const GENERAL = [1, 2, 3, 4, 6, 7, 17, 19, 20, 21, 22, 23];

/** What an AudioSpecificConfig says. */
export interface Mpeg4AudioFacts {
  /** Audio object type, with SBR that of the core codec: 2 for AAC-LC. */
  readonly objectType: number;
  /** Of the core codec, Hz. */
  readonly sampleRate: number;
  /** 0 when a program configuration element says it. */
  readonly channels: number;
  /** Samples of one frame of the core codec. */
  readonly frameSamples: number;
}

/**
 * Reads an AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1).
 *
 * @throws {ProtocolError} if it is none
 */
export function parseAudioConfig(config: Uint8Array): Mpeg4AudioFacts {
  const bits = new BitReader(config);
  let objectType = readObjectType(bits);
  const sampleRate = readRate(bits);
  const channelConfiguration = bits.read(4);
  if (objectType === SBR || objectType === PARAMETRIC_STEREO) {
    readRate(bits);
    objectType = readObjectType(bits);
  }
  const isShort = GENERAL.includes(objectType) && bits.flag();
  const channels = channelConfiguration === 7 ? 8 : channelConfiguration;
  return { objectType, sampleRate, channels, frameSamples: isShort ? 960 : 1024 };
}

/**
 * Skips an AudioSpecificConfig of unknown length.
 *
 * @throws {ProtocolError} if it is none of those whose end can be told: AAC with a channel configuration
 */
export function skipAudioConfig(bits: BitReader): void {
  let objectType = readObjectType(bits);
  readRate(bits);
  const channelConfiguration = bits.read(4);
  if (objectType === SBR || objectType === PARAMETRIC_STEREO) {
    readRate(bits);
    objectType = readObjectType(bits);
    if (objectType === BSAC) bits.skip(4);
  }
  if (objectType < 1 || objectType > 4 || channelConfiguration === 0)
    throw new ProtocolError(`AudioSpecificConfig of unknown length: object type ${objectType}`);
  bits.skip(1);
  if (bits.flag()) bits.skip(14);
  if (bits.flag()) bits.skip(1);
  if (!bits.skipIf(SYNC_SBR, 11)) return;
  if (readObjectType(bits) !== SBR || !bits.flag()) return;
  readRate(bits);
  if (bits.skipIf(SYNC_PS, 11)) bits.skip(1);
}

function readObjectType(bits: BitReader): number {
  const type = bits.read(5);
  return type === ESCAPE ? 32 + bits.read(6) : type;
}

function readRate(bits: BitReader): number {
  const index = bits.read(4);
  const rate = index === EXPLICIT_RATE ? bits.read(24) : RATES[index];
  if (rate === undefined || rate === 0) throw new ProtocolError(`invalid AudioSpecificConfig: rate ${index}`);
  return rate;
}

/**
 * An ADTS header (ISO/IEC 13818-7 §6.2.1), without its frame length.
 *
 * @throws {ProtocolError} if the header cannot say what the stream is
 */
export function adtsHeader({ objectType, sampleRate, channels }: Mpeg4AudioFacts): Uint8Array {
  const rate = RATES.indexOf(sampleRate);
  if (objectType < 1 || objectType > 4 || rate < 0)
    throw new ProtocolError("this AAC cannot be written as ADTS");
  const configuration = channels === 8 ? 7 : channels;
  const third = ((objectType - 1) << 6) | (rate << 2) | (configuration >> 2);
  return new Uint8Array([0xff, 0xf1, third, (configuration & 3) << 6, 0, 0x1f, 0xfc]);
}
