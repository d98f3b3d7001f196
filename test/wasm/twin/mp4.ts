import { SAMPLE_AV1, SAMPLE_FRAMES, SAMPLE_H264, SAMPLE_H265 } from "../../../assembly/abi.ts";

/** What the twin knows of a track. */
export interface TwinTrack {
  readonly id: number;
  readonly kind: number;
  readonly rate: number;
  readonly lengthSize: number;
  readonly sets: Uint8Array;
  readonly timescale: number;
  readonly offset: number;
  readonly duration: number;
  readonly size: number;
  readonly flags: number;
  /** Decoding time of a fragment that does not say its own. */
  next: bigint;
  last: number | undefined;
}

export interface TwinUnit {
  readonly track: number;
  readonly bytes: Uint8Array;
  readonly isKey: boolean;
  readonly pts: number;
  readonly dts: number;
}

interface TwinBox {
  readonly type: string;
  readonly start: number;
  readonly body: number;
  readonly end: number;
}

interface TwinSample {
  readonly track: number;
  readonly offset: number;
  readonly size: number;
  readonly flags: number;
  readonly dts: bigint;
  readonly cts: number;
}

function boxes(view: DataView, from: number, to: number): TwinBox[] {
  const list: TwinBox[] = [];
  for (let at = from; at < to; ) {
    let size = view.getUint32(at);
    let body = at + 8;
    if (size === 1) {
      size = Number(view.getBigUint64(at + 8));
      body += 8;
    } else if (size === 0) size = to - at;
    const type = String.fromCharCode(...[4, 5, 6, 7].map((i) => view.getUint8(at + i)));
    list.push({ type, start: at, body, end: at + size });
    at += size;
  }
  return list;
}

/** Reads a whole segment, slowly (ISO/IEC 14496-12 §8.8). `position` is the place of its first byte in its file. */
export function readSegmentTwin(bytes: Uint8Array, position: number, tracks: TwinTrack[]): TwinUnit[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const units: TwinUnit[] = [];
  const top = boxes(view, 0, bytes.length);
  top.forEach((moof, i) => {
    if (moof.type !== "moof") return;
    const next = top.findIndex((box, j) => j > i && box.type === "moof");
    const media = top.slice(i, next < 0 ? undefined : next).filter(({ type }) => type === "mdat");
    const samples = readMoof(view, moof, position, tracks);
    samples.sort((a, b) => a.offset - b.offset);
    for (const sample of samples) {
      const start = sample.offset - position;
      if (!media.some(({ body, end }) => body <= start && start + sample.size <= end)) continue;
      const unit = makeUnit(sample, bytes.subarray(start, start + sample.size), tracks);
      if (unit !== undefined) units.push(unit);
    }
  });
  return units;
}

function readMoof(view: DataView, moof: TwinBox, position: number, tracks: TwinTrack[]): TwinSample[] {
  const samples: TwinSample[] = [];
  let base = moof.start + position;
  for (const traf of boxes(view, moof.body, moof.end).filter(({ type }) => type === "traf")) {
    const inside = boxes(view, traf.body, traf.end);
    const tfhd = inside.find(({ type }) => type === "tfhd") as TwinBox;
    const flags = view.getUint32(tfhd.body) & 0xffffff;
    const id = view.getUint32(tfhd.body + 4);
    const index = tracks.findIndex((track) => track.id === id);
    const track = tracks[index];
    let at = tfhd.body + 8;
    const optional = (bit: number, otherwise: number) => {
      if ((flags & bit) === 0) return otherwise;
      at += 4;
      return view.getUint32(at - 4);
    };
    let start = (flags & 0x20000) !== 0 ? moof.start + position : base;
    if ((flags & 1) !== 0) {
      start = Number(view.getBigUint64(at));
      at += 8;
    }
    optional(2, 0);
    const defaults = {
      duration: optional(8, track?.duration ?? 0),
      size: optional(16, track?.size ?? 0),
      flags: optional(32, track?.flags ?? 0),
    };
    const tfdt = inside.find(({ type }) => type === "tfdt");
    if (tfdt !== undefined && track !== undefined) {
      const isLong = view.getUint8(tfdt.body) === 1;
      track.next = isLong ? view.getBigUint64(tfdt.body + 4) : BigInt(view.getUint32(tfdt.body + 4));
    }
    let data = start;
    for (const trun of inside.filter(({ type }) => type === "trun")) {
      data = readTrun(view, trun, { start, data, defaults, track, index, samples });
    }
    base = data;
  }
  return samples;
}

interface TrunContext {
  readonly start: number;
  readonly data: number;
  readonly defaults: { readonly duration: number; readonly size: number; readonly flags: number };
  readonly track: TwinTrack | undefined;
  readonly index: number;
  readonly samples: TwinSample[];
}

function readTrun(view: DataView, trun: TwinBox, context: TrunContext): number {
  const { defaults, track, index, samples } = context;
  const fields = view.getUint32(trun.body) & 0xffffff;
  const count = view.getUint32(trun.body + 4);
  let at = trun.body + 8;
  const read = (bit: number, otherwise: number) => {
    if ((fields & bit) === 0) return otherwise;
    at += 4;
    return view.getUint32(at - 4);
  };
  let offset = (fields & 1) === 0 ? context.data : context.start + (read(1, 0) | 0);
  const firstFlags = read(4, defaults.flags);
  for (let i = 0; i < count; i++) {
    const duration = read(0x100, defaults.duration);
    const size = read(0x200, defaults.size);
    let flags = read(0x400, defaults.flags);
    if (i === 0 && ((fields & 4) !== 0 || (fields & 0x400) === 0)) flags = firstFlags;
    const cts = read(0x800, 0) | 0;
    if (track !== undefined) {
      samples.push({ track: index, offset, size, flags, dts: track.next, cts });
      track.next += BigInt(duration);
    }
    offset += size;
  }
  return offset;
}

function rescale(ticks: bigint, { timescale, rate }: TwinTrack): number {
  const [scale, to] = [BigInt(timescale), BigInt(rate)];
  // to the nearest, halves up, also below zero
  const doubled = 2n * ticks * to + scale;
  let result = doubled / (2n * scale);
  if (doubled < 0n && doubled % (2n * scale) !== 0n) result -= 1n;
  return Number(result);
}

function makeUnit(sample: TwinSample, bytes: Uint8Array, tracks: TwinTrack[]): TwinUnit | undefined {
  const track = tracks[sample.track] as TwinTrack;
  const ticks = sample.dts + BigInt(track.offset);
  let dts = rescale(ticks, track);
  const pts = rescale(ticks + BigInt(sample.cts), track);
  if (track.last !== undefined && dts <= track.last) dts = track.last + 1;
  track.last = dts;
  const isSync = (sample.flags & 0x10000) === 0;
  const made =
    track.kind === SAMPLE_H264 || track.kind === SAMPLE_H265
      ? nalUnits(bytes, track, isSync)
      : track.kind === SAMPLE_AV1
        ? obus(bytes)
        : { bytes: [...bytes], isKey: isSync || track.kind === SAMPLE_FRAMES };
  if (made === undefined || made.bytes.length === 0) return undefined;
  return { track: sample.track, bytes: new Uint8Array(made.bytes), isKey: made.isKey, pts, dts };
}

interface Made {
  readonly bytes: number[];
  readonly isKey: boolean;
}

function nalUnits(sample: Uint8Array, track: TwinTrack, isSync: boolean): Made | undefined {
  const bytes: number[] = [];
  let isKey = false;
  let isPrefixed = false;
  for (let at = 0; at < sample.length; ) {
    if (at + track.lengthSize > sample.length) return undefined;
    let size = 0;
    for (let i = 0; i < track.lengthSize; i++) size = size * 256 + (sample[at + i] as number);
    at += track.lengthSize;
    if (at + size > sample.length) return undefined;
    const unit = sample.subarray(at, at + size);
    at += size;
    if (size === 0) continue;
    const header = unit[0] as number;
    const isH265 = track.kind === SAMPLE_H265;
    const type = isH265 ? (header >> 1) & 63 : header & 31;
    const isDropped = isH265
      ? size < 2 || type === 35 || type === 38 || type >= 48
      : [0, 9, 12].includes(type) || type >= 24;
    if (isDropped) continue;
    const isRandomAccess = isH265 ? type >= 16 && type <= 21 : type === 5;
    isKey ||= isRandomAccess;
    if (!isPrefixed && (isSync || isRandomAccess)) bytes.push(...track.sets);
    isPrefixed ||= isSync || isRandomAccess;
    bytes.push(size >>> 24, (size >> 16) & 255, (size >> 8) & 255, size & 255);
    for (const byte of unit) bytes.push(byte);
  }
  return { bytes, isKey };
}

function obus(sample: Uint8Array): Made | undefined {
  const bytes: number[] = [];
  let isKey = false;
  for (let at = 0; at < sample.length; ) {
    const header = sample[at] as number;
    if ((header & 0x80) !== 0) return undefined;
    const head = [header | 2];
    at += 1;
    if ((header & 4) !== 0) {
      if (at >= sample.length) return undefined;
      head.push(sample[at] as number);
      at += 1;
    }
    let size = 0;
    if ((header & 2) !== 0) {
      for (let i = 0; ; i++) {
        const byte = sample[at];
        if (byte === undefined || i === 8) return undefined;
        at += 1;
        if (i < 4) size += (byte & 127) * 128 ** i;
        else if ((byte & 127) !== 0) return undefined;
        if (byte < 128) break;
      }
    } else size = sample.length - at;
    if (at + size > sample.length) return undefined;
    const type = (header >> 3) & 15;
    isKey ||= type === 1;
    if (![2, 8, 15].includes(type)) {
      let rest = size;
      do {
        head.push((rest & 127) | (rest > 127 ? 128 : 0));
        rest = Math.floor(rest / 128);
      } while (rest > 0);
      bytes.push(...head);
      for (const byte of sample.subarray(at, at + size)) bytes.push(byte);
    }
    at += size;
  }
  return { bytes, isKey };
}
