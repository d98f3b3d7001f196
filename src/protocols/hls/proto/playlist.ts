import { isGap, type Part, type Segment, type SegmentWindow } from "./window.ts";

export type Variant = "mpegts" | "fmp4" | "lowLatency";

/** Names of the files of a muxer. */
export interface Names {
  /** Prefix of every name. */
  readonly prefix: string;
  /** Query that is repeated on every URI, with its `?`; empty without one. */
  readonly query: string;
  /** Formats a time, ms since 1970, as in RFC 3339. */
  readonly time: (wall: number) => string;
}

/** The stream attributes of a multivariant playlist. */
export interface StreamFacts {
  /** Names of the codecs (RFC 6381). */
  readonly codecs: readonly string[];
  readonly width?: number;
  readonly height?: number;
  readonly frameRate?: number;
}

/** Number of last segments that are listed with their parts. */
const DETAILED = 2;
/** Hold-back of players, and the skip boundary of delta updates, in target durations. */
const HOLD_BACK_PARTS = 3;
const SKIP_TARGETS = 6;
/** Name of the missing segments at the start of a low-latency playlist. */
export const GAP_NAME = "gap.mp4";

/** RFC 8216 §4.3.4.2: the only variant of a stream. */
export function writeMultivariant(
  facts: StreamFacts,
  window: SegmentWindow,
  variant: Variant,
  query: string,
): string {
  const { width, height, frameRate, codecs } = facts;
  const rates = window.whole.map(({ size, duration }) => (8_000 * size) / duration);
  const open = window.open;
  const length = open?.parts.reduce((sum, { duration }) => sum + duration, 0) ?? 0;
  if (rates.length === 0 && open !== undefined && length > 0) rates.push((8_000 * open.size) / length);
  const highest = Math.max(1, ...rates);
  const average = rates.length === 0 ? highest : rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
  const attributes = [
    `BANDWIDTH=${Math.ceil(highest)}`,
    `AVERAGE-BANDWIDTH=${Math.ceil(average)}`,
    `CODECS="${codecs.join(",")}"`,
    ...(width === undefined || height === undefined ? [] : [`RESOLUTION=${width}x${height}`]),
    ...(frameRate === undefined ? [] : [`FRAME-RATE=${frameRate.toFixed(3)}`]),
  ];
  return [
    "#EXTM3U",
    `#EXT-X-VERSION:${variant === "mpegts" ? 3 : 9}`,
    "#EXT-X-INDEPENDENT-SEGMENTS",
    "",
    `#EXT-X-STREAM-INF:${attributes.join(",")}`,
    `stream.m3u8${query}`,
    "",
  ].join("\n");
}

/**
 * The media playlist (RFC 8216 §4.3.3, RFC 8216bis §4.4).
 *
 * @param isDelta whether old segments may be left out
 */
export function writeMedia(window: SegmentWindow, variant: Variant, names: Names, isDelta = false): string {
  const target = targetDuration(window);
  const skipped = isDelta && variant === "lowLatency" ? skippable(window, target) : 0;
  const lines = [
    "#EXTM3U",
    `#EXT-X-VERSION:${variant === "mpegts" ? 3 : 9}`,
    ...(variant === "mpegts" ? ["#EXT-X-ALLOW-CACHE:NO"] : []),
    `#EXT-X-TARGETDURATION:${target}`,
    ...(variant === "lowLatency" ? lowLatencyTags(window, target) : []),
    `#EXT-X-MEDIA-SEQUENCE:${window.removed.entries}`,
  ];
  const { discontinuities } = window.removed;
  if (discontinuities > 0) lines.push(`#EXT-X-DISCONTINUITY-SEQUENCE:${discontinuities}`);
  if (skipped > 0) lines.push(`#EXT-X-SKIP:SKIPPED-SEGMENTS=${skipped}`);
  else if (variant !== "mpegts") lines.push(mapLine(firstInit(window), names));
  const detailed = window.entries.length - DETAILED;
  let isFirst = skipped === 0;
  window.entries.forEach((entry, i) => {
    if (i < skipped) return;
    if (isGap(entry)) lines.push(...gapLines(entry.duration, names));
    else {
      lines.push(...changeLines(entry, variant, names, isFirst));
      lines.push(...segmentLines(entry, variant, names, i >= detailed));
      isFirst = false;
    }
  });
  if (variant === "lowLatency") {
    if (window.open !== undefined) lines.push(...changeLines(window.open, variant, names, isFirst));
    for (const part of window.open?.parts ?? []) lines.push(partLine(part, names));
    const next = `${names.prefix}_part${window.nextPart}.mp4${names.query}`;
    lines.push(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${next}"`);
  }
  return `${lines.join("\n")}\n`;
}

/** Number of the init file of the first segment. */
function firstInit({ entries, open }: SegmentWindow): number {
  const first = entries.find((entry): entry is Segment => !isGap(entry)) ?? open;
  return first?.init ?? 1;
}

/** The tags in front of a segment whose parameters differ from those before it. */
function changeLines(segment: Segment, variant: Variant, names: Names, isFirst: boolean): string[] {
  if (!segment.isDiscontinuity) return [];
  const needsMap = variant !== "mpegts" && !isFirst; // the first map is at the top
  return ["#EXT-X-DISCONTINUITY", ...(needsMap ? [mapLine(segment.init, names)] : [])];
}

function mapLine(init: number, { prefix, query }: Names): string {
  return `#EXT-X-MAP:URI="${prefix}_${initName(init)}${query}"`;
}

/** Name of an init file after the prefix: one per number, so that caches can keep it. */
function initName(init: number): string {
  return `init${init <= 1 ? "" : init}.mp4`;
}

/** Longest segment, in whole seconds as players round (RFC 8216 §4.3.3.1); at least one second. */
export function targetDuration(window: SegmentWindow): number {
  return Math.max(1, ...window.entries.map(({ duration }) => Math.round(duration / 1000)));
}

function lowLatencyTags(window: SegmentWindow, target: number): string[] {
  const part = Math.ceil(window.partTarget) / 1000;
  const control = [
    "CAN-BLOCK-RELOAD=YES",
    `PART-HOLD-BACK=${(HOLD_BACK_PARTS * part).toFixed(5)}`,
    `CAN-SKIP-UNTIL=${(SKIP_TARGETS * target).toFixed(5)}`,
  ];
  return [`#EXT-X-SERVER-CONTROL:${control.join(",")}`, `#EXT-X-PART-INF:PART-TARGET=${part.toFixed(5)}`];
}

/** Number of first entries that are further than CAN-SKIP-UNTIL from the end. */
function skippable(window: SegmentWindow, target: number): number {
  let behind = window.open?.parts.reduce((sum, { duration }) => sum + duration, 0) ?? 0;
  for (let i = window.entries.length - 1; i >= 0; i--) {
    behind += (window.entries[i] as { duration: number }).duration;
    if (behind > SKIP_TARGETS * target * 1000) return i + 1;
  }
  return 0;
}

function gapLines(duration: number, { query }: Names): string[] {
  return ["#EXT-X-GAP", `#EXTINF:${seconds(duration)},`, `${GAP_NAME}${query}`];
}

function segmentLines(segment: Segment, variant: Variant, names: Names, isDetailed: boolean): string[] {
  const lines: string[] = [];
  lines.push(`#EXT-X-PROGRAM-DATE-TIME:${names.time(Math.round(segment.start))}`);
  if (isDetailed && variant === "lowLatency") {
    for (const part of segment.parts) lines.push(partLine(part, names));
  }
  const extension = variant === "mpegts" ? "ts" : "mp4";
  const uri = `${names.prefix}_seg${segment.id}.${extension}${names.query}`;
  return [...lines, `#EXTINF:${seconds(segment.duration)},`, uri];
}

function partLine({ id, duration, isIndependent }: Part, { prefix, query }: Names): string {
  const independent = isIndependent ? ",INDEPENDENT=YES" : "";
  return `#EXT-X-PART:DURATION=${seconds(duration)},URI="${prefix}_part${id}.mp4${query}"${independent}`;
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(5);
}
