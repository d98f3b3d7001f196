import { ProtocolError } from "../../lib/errors.ts";
import { type ReadEntry, readSampleEntry } from "./codecs.ts";
import { type Box, bodyOf, childrenOf, longAt, numberAt, readBoxes, shortAt } from "./read-boxes.ts";

/** A track as an initialization segment describes it. */
export interface InitTrack {
  readonly id: number;
  readonly isVideo: boolean;
  /** Four characters of its sample entry, for people. */
  readonly entry: string;
  /** The parsed sample entry; undefined for an unsupported codec. */
  readonly description: ReadEntry | undefined;
  /** Ticks a second, from 1. */
  readonly timescale: number;
  /** Ticks that its edit list adds to all times; whole. */
  readonly offset: number;
  /** Of samples that do not say it. */
  readonly duration: number;
  readonly size: number;
  readonly flags: number;
}

/** Tracks of one file. */
const TRACKS_MAX = 32;
/** A shift that no edit list needs, s. */
const SHIFT_MAX_S = 86_400;

/**
 * Reads an initialization segment (ISO/IEC 14496-12 §8.2 to §8.8, RFC 8216 §3.3).
 *
 * @throws {ProtocolError} if it is none, or a box in it does not fit
 */
export function readInit(bytes: Uint8Array): InitTrack[] {
  const movie = childrenOf(readBoxes(bytes), "moov");
  if (movie.length === 0) throw new ProtocolError("invalid MP4: missing box moov");
  const header = bodyOf(movie, "mvhd", 20);
  const movieScale = numberAt(header, header[0] === 1 ? 20 : 12);
  const tracks = movie.filter(({ type }) => type === "trak");
  if (tracks.length > TRACKS_MAX) throw new ProtocolError(`invalid MP4: too many tracks (${tracks.length})`);
  const defaults = new Map(
    childrenOf(movie, "mvex")
      .filter(({ type, body }) => type === "trex" && body.length >= 24)
      .map(({ body }) => [numberAt(body, 4), body]),
  );
  const ids = new Set<number>();
  return tracks.map(({ body }) => {
    const track = readTrack(readBoxes(body), movieScale, defaults);
    if (ids.has(track.id)) throw new ProtocolError(`invalid MP4: duplicate track ID ${track.id}`);
    ids.add(track.id);
    return track;
  });
}

function readTrack(
  boxes: readonly Box[],
  movieScale: number,
  defaults: ReadonlyMap<number, Uint8Array>,
): InitTrack {
  const header = bodyOf(boxes, "tkhd", 20);
  const id = numberAt(header, header[0] === 1 ? 20 : 12);
  const media = childrenOf(boxes, "mdia");
  const times = bodyOf(media, "mdhd", 20);
  const timescale = numberAt(times, times[0] === 1 ? 20 : 12);
  if (timescale === 0) throw new ProtocolError(`invalid MP4: track ${id} has no timescale`);
  const handler = String.fromCharCode(...bodyOf(media, "hdlr", 12).subarray(8, 12));
  const table = childrenOf(childrenOf(media, "minf"), "stbl");
  // an entry count, then entries as boxes; only the first one is used
  const [entry] = readBoxes(bodyOf(table, "stsd", 8).subarray(8));
  const values = defaults.get(id);
  return {
    id,
    isVideo: handler === "vide",
    entry: entry?.type ?? "none",
    description: entry === undefined ? undefined : readSampleEntry(entry),
    timescale,
    offset: readEdits(childrenOf(boxes, "edts"), movieScale, timescale),
    duration: values === undefined ? 0 : numberAt(values, 12),
    size: values === undefined ? 0 : numberAt(values, 16),
    flags: values === undefined ? 0 : numberAt(values, 20),
  };
}

/** Empty edits at the start delay a track; the first other edit has its start time (§8.6.6). */
function readEdits(boxes: readonly Box[], movieScale: number, timescale: number): number {
  const list = boxes.find(({ type }) => type === "elst")?.body;
  if (list === undefined || list.length < 8) return 0;
  const isLong = list[0] === 1;
  const stride = isLong ? 20 : 12;
  const count = Math.min(numberAt(list, 4), Math.floor((list.length - 8) / stride));
  let offset = 0;
  for (let i = 0; i < count; i++) {
    const at = 8 + i * stride;
    const start = isLong ? longAt(list, at + 8) : numberAt(list, at + 4) | 0;
    if (start >= 0) {
      offset -= start;
      break;
    }
    const duration = isLong ? longAt(list, at) : numberAt(list, at);
    if (movieScale > 0) offset += Math.round((duration * timescale) / movieScale);
  }
  if (Math.abs(offset) > SHIFT_MAX_S * timescale)
    throw new ProtocolError("invalid MP4: edit list out of range");
  return offset;
}

/** Whether bytes begin a file or segment of this format: its first box says so. */
export function looksLikeMp4(bytes: Uint8Array): boolean {
  return bytes.length >= 8 && /^(styp|ftyp|moof|moov|sidx|emsg|prft|free|mdat)$/.test(typeOf(bytes));
}

function typeOf(bytes: Uint8Array): string {
  return String.fromCharCode(shortAt(bytes, 4) >> 8, shortAt(bytes, 4) & 255, bytes[6] ?? 0, bytes[7] ?? 0);
}
