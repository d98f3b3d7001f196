import type { Known, ParametersOf } from "./codec-parameters.ts";
import { parseH265Sps } from "./h265.ts";

/** A parsed decoder configuration record. NAL units are copies, without empty ones. */
export interface NalRecord<Kind extends string> {
  /** Bytes of the length in front of each NAL unit of a sample, 1 to 4. */
  readonly lengthSize: number;
  /** Parameter sets of each kind, in order. */
  readonly sets: Readonly<Record<Kind, readonly Uint8Array[]>>;
}

/** NAL unit types of H265 parameter sets (ITU-T H.265 table 7-1). */
const H265_TYPES = { vps: 32, sps: 33, pps: 34 } as const;

/** AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1); lengths have four bytes. */
export function writeH264Record({ sps, pps }: Known<ParametersOf<"h264">>): Uint8Array {
  const head = [1, sps[1] as number, sps[2] as number, sps[3] as number, 0xff, 0xe1];
  return new Uint8Array([...head, ...u16(sps.length), ...sps, 1, ...u16(pps.length), ...pps]);
}

/** Undefined when it is cut off. */
export function readH264Record(record: Uint8Array): NalRecord<"sps" | "pps"> | undefined {
  const reader = new SetReader(record, 5);
  const sps = reader.sets(reader.byte() & 31);
  const pps = reader.sets(reader.byte());
  return reader.isCut ? undefined : { lengthSize: ((record[4] ?? 0) & 3) + 1, sets: { sps, pps } };
}

/**
 * HEVCDecoderConfigurationRecord (ISO/IEC 14496-15 §8.3.3.1); lengths have four bytes.
 *
 * @throws {ProtocolError} if the SPS is none
 */
export function writeH265Record({ vps, sps, pps }: Known<ParametersOf<"h265">>): Uint8Array {
  const { profile, compatibility, constraints, level, chromaFormat, lumaDepth, chromaDepth } =
    parseH265Sps(sps);
  const flags = [...u16(compatibility >>> 16), ...u16(compatibility & 0xffff), ...constraints];
  const depths = [0xfc | chromaFormat, 0xf8 | (lumaDepth - 8), 0xf8 | (chromaDepth - 8)];
  const sets = ([H265_TYPES.vps, H265_TYPES.sps, H265_TYPES.pps] as const).flatMap((type, i) => {
    const set = [vps, sps, pps][i] as Uint8Array;
    return [0x80 | type, 0, 1, ...u16(set.length), ...set];
  });
  return new Uint8Array([1, profile, ...flags, level, 0xf0, 0, 0xfc, ...depths, 0, 0, 0x0f, 3, ...sets]);
}

/** Undefined when it is cut off. */
export function readH265Record(record: Uint8Array): NalRecord<"vps" | "sps" | "pps"> | undefined {
  const reader = new SetReader(record, 22);
  const sets = new Map<number, Uint8Array[]>();
  for (let left = reader.byte(); left > 0; left--) {
    const type = reader.byte() & 63;
    sets.set(type, [...(sets.get(type) ?? []), ...reader.sets(reader.short())]);
  }
  if (reader.isCut) return undefined;
  const of = (kind: keyof typeof H265_TYPES) => sets.get(H265_TYPES[kind]) ?? [];
  return {
    lengthSize: ((record[21] ?? 0) & 3) + 1,
    sets: { vps: of("vps"), sps: of("sps"), pps: of("pps") },
  };
}

function u16(value: number): number[] {
  return [value >> 8, value & 255];
}

/** Goes through parameter sets, each behind its length. */
class SetReader {
  readonly #bytes: Uint8Array;
  #at: number;
  isCut = false;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  byte(): number {
    const value = this.#bytes[this.#at];
    this.#at += 1;
    if (value === undefined) this.isCut = true;
    return value ?? 0;
  }

  short(): number {
    return this.byte() * 256 + this.byte();
  }

  /** The next `count` sets. */
  sets(count: number): Uint8Array[] {
    const sets: Uint8Array[] = [];
    for (let i = 0; i < count && !this.isCut; i++) {
      const size = this.short();
      const set = this.#bytes.slice(this.#at, this.#at + size);
      this.#at += size;
      if (set.length < size) this.isCut = true;
      else if (size > 0) sets.push(set);
    }
    return sets;
  }
}
