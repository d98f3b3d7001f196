import { Attributes, invalidPlaylist, readInteger, readNumber, shown } from "./attributes.ts";

/** The largest playlist, bytes; its lines, characters; its segments, variants and renditions. */
export const PLAYLIST_BYTES_MAX = 8 * 1024 * 1024;
const LINE_MAX = 16_384;
const SEGMENTS_MAX = 100_000;
const VARIANTS_MAX = 1_000;
/** No segment is longer, s. */
const DURATION_MAX_S = 86_400;

/** Bytes of a file. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/** Where to get bytes: a URI as written, and its byte range; the whole resource when undefined. */
export interface Resource {
  readonly uri: string;
  readonly range: ByteRange | undefined;
}

export interface PlaylistSegment extends Resource {
  /** Media sequence number. */
  readonly sequence: number;
  /** Seconds. */
  readonly duration: number;
  /** Segments with the same number share a timeline. */
  readonly discontinuity: number;
  /** Initialization segment; undefined without one. */
  readonly map: Resource | undefined;
  /** Whether the segment is a gap: the source has no bytes for it. */
  readonly isGap: boolean;
}

export interface MediaPlaylist {
  readonly kind: "media";
  /** Longest segment, s. */
  readonly targetDuration: number;
  readonly segments: readonly PlaylistSegment[];
  /** Whether no more segments come. */
  readonly isEnded: boolean;
}

export interface VariantStream {
  readonly uri: string;
  readonly bandwidth: number;
  /** Names of its codecs (RFC 6381); empty when not given. */
  readonly codecs: readonly string[];
  /** Group of its audio renditions. */
  readonly audio: string | undefined;
}

export interface AudioRendition {
  readonly group: string;
  readonly name: string;
  /** Undefined when its audio is in the variant stream. */
  readonly uri: string | undefined;
  readonly isDefault: boolean;
  readonly isAutoselect: boolean;
}

export interface MultivariantPlaylist {
  readonly kind: "multivariant";
  readonly variants: readonly VariantStream[];
  readonly audio: readonly AudioRendition[];
}

/**
 * Reads a playlist (RFC 8216 §4, RFC 8216bis §4). Tags that do not matter here are skipped, parts of segments too.
 *
 * @throws {ProtocolError} if it is none, malformed, too large or encrypted
 */
export function readPlaylist(text: string): MediaPlaylist | MultivariantPlaylist {
  if (text.length > PLAYLIST_BYTES_MAX) throw invalidPlaylist(`${text.length} characters`);
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  if (!/^#EXTM3U\s*$/.test(lines[0] ?? "")) {
    throw invalidPlaylist(`it begins with '${shown((lines[0] ?? "").trim())}' instead of #EXTM3U`);
  }
  const isMedia = /^#EXT(INF|-X-TARGETDURATION|-X-MEDIA-SEQUENCE)/m.test(text);
  const reader = isMedia ? new MediaReader() : new MultivariantReader();
  for (const line of lines) {
    if (line.length > LINE_MAX) throw invalidPlaylist(`a line of ${line.length} characters`);
    const trimmed = line.trim();
    if (trimmed.startsWith("#EXT")) {
      const colon = trimmed.indexOf(":");
      const [tag, value] = colon < 0 ? [trimmed, ""] : [trimmed.slice(0, colon), trimmed.slice(colon + 1)];
      reader.tag(tag, value);
    } else if (trimmed !== "" && !trimmed.startsWith("#")) reader.uri(trimmed);
  }
  return reader.finish();
}

class MultivariantReader {
  readonly #variants: VariantStream[] = [];
  readonly #audio: AudioRendition[] = [];
  #pending: Attributes | undefined;

  tag(tag: string, value: string): void {
    if (tag === "#EXT-X-STREAM-INF") this.#pending = new Attributes("EXT-X-STREAM-INF", value);
    else if (tag === "#EXT-X-MEDIA") this.#media(new Attributes("EXT-X-MEDIA", value));
    else if (tag === "#EXT-X-SESSION-KEY") refuseKey(new Attributes("EXT-X-SESSION-KEY", value));
  }

  uri(uri: string): void {
    const attributes = this.#pending;
    if (attributes === undefined) throw invalidPlaylist(`'${shown(uri)}' is neither a variant nor a segment`);
    this.#pending = undefined;
    if (this.#variants.length === VARIANTS_MAX) throw invalidPlaylist("too many variants");
    const codecs = (attributes.text("CODECS") ?? "").split(",").map((name) => name.trim());
    this.#variants.push({
      uri,
      bandwidth: attributes.number("BANDWIDTH") ?? 0,
      codecs: codecs.filter((name) => name !== ""),
      audio: attributes.text("AUDIO"),
    });
  }

  #media(attributes: Attributes): void {
    if (attributes.text("TYPE") !== "AUDIO") return;
    if (this.#audio.length === VARIANTS_MAX) throw invalidPlaylist("too many renditions");
    this.#audio.push({
      group: attributes.needed("GROUP-ID"),
      name: attributes.text("NAME") ?? "",
      uri: attributes.text("URI"),
      isDefault: attributes.isYes("DEFAULT"),
      isAutoselect: attributes.isYes("AUTOSELECT"),
    });
  }

  finish(): MultivariantPlaylist {
    if (this.#variants.length === 0) throw invalidPlaylist("neither variants nor segments");
    return { kind: "multivariant", variants: this.#variants, audio: this.#audio };
  }
}

/** METHOD=NONE means that segments are not encrypted. */
function refuseKey(attributes: Attributes): void {
  const method = attributes.needed("METHOD");
  if (method !== "NONE") throw invalidPlaylist(`encrypted segments (${shown(method)}) are not supported`);
}

type TagReader = (reader: MediaReader, value: string) => void;

class MediaReader {
  readonly segments: PlaylistSegment[] = [];
  target: number | undefined;
  sequence = 0;
  discontinuity = 0;
  isEnded = false;
  /** Of the segment in progress. */
  duration: number | undefined;
  range: { readonly length: number; readonly offset: number | undefined } | undefined;
  isGap = false;
  /** Of all segments from here on. */
  map: Resource | undefined;
  /** End of the last byte range, and its file. */
  #end: { readonly uri: string; readonly offset: number } | undefined;
  #skipped = 0;

  tag(tag: string, value: string): void {
    if (Object.hasOwn(MEDIA_TAGS, tag)) MEDIA_TAGS[tag]?.(this, value);
  }

  /** Segments skipped by a delta update (RFC 8216bis §4.4.5.2). */
  skip(count: number): void {
    this.#skipped += count;
  }

  uri(uri: string): void {
    if (this.duration === undefined) throw invalidPlaylist(`segment '${shown(uri)}' without EXTINF`);
    if (this.segments.length === SEGMENTS_MAX) throw invalidPlaylist("too many segments");
    const sequence = this.sequence + this.#skipped + this.segments.length;
    if (sequence > Number.MAX_SAFE_INTEGER) throw invalidPlaylist("EXT-X-MEDIA-SEQUENCE");
    this.segments.push({
      uri,
      range: this.#rangeOf(uri),
      sequence,
      duration: this.duration,
      discontinuity: this.discontinuity,
      map: this.map,
      isGap: this.isGap,
    });
    this.duration = undefined;
    this.range = undefined;
    this.isGap = false;
  }

  /** A range without an offset starts where the previous one ends (RFC 8216 §4.3.2.2). */
  #rangeOf(uri: string): ByteRange | undefined {
    const { range } = this;
    if (range === undefined) {
      this.#end = undefined;
      return undefined;
    }
    const offset = range.offset ?? (this.#end?.uri === uri ? this.#end.offset : undefined);
    if (offset === undefined) throw invalidPlaylist(`EXT-X-BYTERANGE of '${shown(uri)}' without an offset`);
    this.#end = { uri, offset: offset + range.length };
    return { offset, length: range.length };
  }

  finish(): MediaPlaylist {
    const { target, segments, isEnded } = this;
    if (target === undefined) throw invalidPlaylist("no EXT-X-TARGETDURATION");
    return { kind: "media", targetDuration: Math.max(target, 1), segments, isEnded };
  }
}

const MEDIA_TAGS: Readonly<Record<string, TagReader>> = {
  "#EXT-X-TARGETDURATION": (reader, value) => {
    reader.target = readNumber(value.trim(), "EXT-X-TARGETDURATION");
    if (reader.target > DURATION_MAX_S) throw invalidPlaylist(`EXT-X-TARGETDURATION: ${reader.target}`);
  },
  "#EXT-X-MEDIA-SEQUENCE": (reader, value) => {
    if (reader.segments.length > 0) throw invalidPlaylist("EXT-X-MEDIA-SEQUENCE behind a segment");
    reader.sequence = readInteger(value.trim(), "EXT-X-MEDIA-SEQUENCE");
  },
  "#EXT-X-DISCONTINUITY-SEQUENCE": (reader, value) => {
    reader.discontinuity = readInteger(value.trim(), "EXT-X-DISCONTINUITY-SEQUENCE");
  },
  "#EXT-X-DISCONTINUITY": (reader) => {
    reader.discontinuity += 1;
  },
  "#EXTINF": (reader, value) => {
    const comma = value.indexOf(",");
    const text = (comma < 0 ? value : value.slice(0, comma)).trim();
    reader.duration = readNumber(text, "EXTINF");
    if (reader.duration > DURATION_MAX_S) throw invalidPlaylist(`EXTINF: ${shown(text)}`);
  },
  "#EXT-X-BYTERANGE": (reader, value) => {
    reader.range = readRange(value.trim(), "EXT-X-BYTERANGE");
  },
  "#EXT-X-MAP": (reader, value) => {
    const attributes = new Attributes("EXT-X-MAP", value);
    const text = attributes.text("BYTERANGE");
    const range = text === undefined ? undefined : readRange(text, "EXT-X-MAP: BYTERANGE");
    reader.map = {
      uri: attributes.needed("URI"),
      range: range === undefined ? undefined : { offset: range.offset ?? 0, length: range.length },
    };
  },
  "#EXT-X-KEY": (_, value) => refuseKey(new Attributes("EXT-X-KEY", value)),
  "#EXT-X-GAP": (reader) => {
    reader.isGap = true;
  },
  "#EXT-X-SKIP": (reader, value) => {
    const skipped = new Attributes("EXT-X-SKIP", value).needed("SKIPPED-SEGMENTS");
    reader.skip(readInteger(skipped, "EXT-X-SKIP: SKIPPED-SEGMENTS"));
  },
  "#EXT-X-I-FRAMES-ONLY": () => {
    throw invalidPlaylist("it has key frames only");
  },
  "#EXT-X-ENDLIST": (reader) => {
    reader.isEnded = true;
  },
};

/** `<length>[@<offset>]` (RFC 8216 §4.3.2.2). */
function readRange(text: string, what: string): { length: number; offset: number | undefined } {
  const match = /^(\d{1,16})(?:@(\d{1,16}))?$/.exec(text);
  if (match === null) throw invalidPlaylist(`${what}: ${shown(text)}`);
  const length = readInteger(match[1] ?? "", what);
  const offset = match[2] === undefined ? undefined : readInteger(match[2], what);
  if (length === 0 || !Number.isSafeInteger(length + (offset ?? 0))) {
    throw invalidPlaylist(`${what}: ${shown(text)}`);
  }
  return { length, offset };
}
