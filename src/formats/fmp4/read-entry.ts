import { ProtocolError } from "../../lib/errors.ts";
import { type Box, bodyOf, readBoxes, shortAt } from "./read-boxes.ts";
import { readElementaryStream } from "./read-esds.ts";

/** A codec with the parameters that a sample entry has of it. NAL units are without their length. */
export type ReadCodec =
  | {
      readonly codec: "h264";
      /** Bytes of the length in front of each NAL unit of a sample, 1 to 4. */
      readonly lengthSize: number;
      readonly sps: readonly Uint8Array[];
      readonly pps: readonly Uint8Array[];
    }
  | {
      readonly codec: "h265";
      readonly lengthSize: number;
      readonly vps: readonly Uint8Array[];
      readonly sps: readonly Uint8Array[];
      readonly pps: readonly Uint8Array[];
    }
  | { readonly codec: "av1" }
  | { readonly codec: "vp8" }
  | { readonly codec: "vp9" }
  | { readonly codec: "mpeg4Audio"; readonly config: Uint8Array }
  | { readonly codec: "mpeg12Audio" }
  | { readonly codec: "opus"; readonly channels: number }
  | { readonly codec: "ac3"; readonly clockRate: number; readonly channels: number };

/** Bytes in front of the boxes of a sample entry (ISO/IEC 14496-12 §12.1.3, §12.2.3). */
const VISUAL = 78;
const AUDIO = 28;
/** Bytes that the sound entries of QuickTime have besides, by version. */
const QUICKTIME: Readonly<Record<number, number>> = { 1: 16, 2: 36 };

type Reader = (body: Uint8Array) => ReadCodec | undefined;

const ENTRIES: Readonly<Record<string, Reader>> = {
  avc1: readAvc,
  avc3: readAvc,
  hvc1: readHevc,
  hev1: readHevc,
  av01: () => ({ codec: "av1" }),
  vp08: () => ({ codec: "vp8" }),
  vp09: () => ({ codec: "vp9" }),
  mp4a: (body) => readElementaryStream(bodyOf(soundBoxes(body), "esds", 4).subarray(4)),
  ".mp3": () => ({ codec: "mpeg12Audio" }),
  Opus: readOpus,
  "ac-3": readAc3,
};

/**
 * Reads a sample entry.
 *
 * @returns undefined when its codec is not known here
 * @throws {ProtocolError} if it is encrypted, or its parameters make no sense
 */
export function readSampleEntry({ type, body }: Box): ReadCodec | undefined {
  if (type === "encv" || type === "enca") throw new ProtocolError("encrypted tracks are not supported");
  return Object.hasOwn(ENTRIES, type) ? ENTRIES[type]?.(body) : undefined;
}

function soundBoxes(body: Uint8Array): Box[] {
  return readBoxes(body.subarray(AUDIO + (QUICKTIME[shortAt(body, 8)] ?? 0)));
}

/** ISO/IEC 14496-15 §5.3.3.1. */
function readAvc(body: Uint8Array): ReadCodec {
  const record = bodyOf(readBoxes(body.subarray(VISUAL)), "avcC", 7);
  const reader = new SetReader(record, 5);
  const sps = reader.sets(reader.byte() & 31);
  const pps = reader.sets(reader.byte());
  return { codec: "h264", lengthSize: ((record[4] as number) & 3) + 1, sps, pps };
}

/** ISO/IEC 14496-15 §8.3.3.1. */
function readHevc(body: Uint8Array): ReadCodec {
  const record = bodyOf(readBoxes(body.subarray(VISUAL)), "hvcC", 23);
  const reader = new SetReader(record, 22);
  const sets = new Map<number, Uint8Array[]>();
  for (let left = reader.byte(); left > 0; left--) {
    const type = reader.byte() & 63;
    sets.set(type, [...(sets.get(type) ?? []), ...reader.sets(reader.short())]);
  }
  const lengthSize = ((record[21] as number) & 3) + 1;
  const of = (type: number) => sets.get(type) ?? [];
  return { codec: "h265", lengthSize, vps: of(32), sps: of(33), pps: of(34) };
}

/** "Encapsulation of Opus in ISOBMFF" §4.3.2. */
function readOpus(body: Uint8Array): ReadCodec {
  const box = soundBoxes(body).find(({ type }) => type === "dOps");
  return { codec: "opus", channels: box?.body[1] ?? shortAt(body, 16) };
}

/** ETSI TS 102 366 §F.4: bits fscod 2, bsid 5, bsmod 3, acmod 3, lfeon 1. */
function readAc3(body: Uint8Array): ReadCodec {
  const specific = bodyOf(soundBoxes(body), "dac3", 3);
  const clockRate = [48_000, 44_100, 32_000][(specific[0] as number) >> 6];
  if (clockRate === undefined) throw new ProtocolError("invalid MP4: the sample rate of AC-3");
  const mode = ((specific[1] as number) >> 3) & 7;
  const low = ((specific[1] as number) >> 2) & 1;
  return { codec: "ac3", clockRate, channels: ([2, 1, 2, 3, 3, 4, 4, 5][mode] as number) + low };
}

/** Goes through parameter sets, each behind its length. */
class SetReader {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  byte(): number {
    const value = this.#bytes[this.#at];
    if (value === undefined) throw new ProtocolError("invalid MP4: parameter sets are cut off");
    this.#at += 1;
    return value;
  }

  short(): number {
    return this.byte() * 256 + this.byte();
  }

  /** The next `count` sets, without empty ones; copies. */
  sets(count: number): Uint8Array[] {
    return Array.from({ length: count }, () => {
      const size = this.short();
      const set = this.#bytes.slice(this.#at, this.#at + size);
      if (set.length < size) throw new ProtocolError("invalid MP4: parameter sets are cut off");
      this.#at += size;
      return set;
    }).filter(({ length }) => length > 0);
  }
}
