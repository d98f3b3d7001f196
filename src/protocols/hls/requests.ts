/** A parsed URL of the HLS server. */
export type HlsRequest =
  | { readonly kind: "page"; readonly path: string }
  /** The page, without the slash at its end. */
  | { readonly kind: "pageElsewhere"; readonly path: string }
  | { readonly kind: "script" }
  | { readonly kind: "file"; readonly path: string; readonly file: string }
  | { readonly kind: "root" }
  | { readonly kind: "nothing" };

const FILE = /\.(?:m3u8|ts|mp4|mp)$/;

/** @param pathname of the URL, escapes included */
export function readRequest(pathname: string): HlsRequest {
  const decoded = decode(pathname);
  if (decoded === undefined || !decoded.startsWith("/")) return { kind: "nothing" };
  const slash = decoded.lastIndexOf("/");
  const file = decoded.slice(slash + 1);
  const path = decoded.slice(1, slash);
  if (file === "hls.min.js") return { kind: "script" };
  if (decoded === "/") return { kind: "root" };
  if (file === "hls.min.js.map" || decoded === "/favicon.ico") return { kind: "nothing" };
  if (file === "") return { kind: "page", path };
  if (FILE.test(file)) return { kind: "file", path, file: file.replace(/\.mp$/, ".mp4") };
  return { kind: "pageElsewhere", path: decoded.slice(1) };
}

function decode(text: string): string | undefined {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** Path, escapes included, and query, with its `?`, of an absolute URL as the runtime writes it. */
export function splitUrl(url: string): { readonly pathname: string; readonly search: string } {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  const mark = url.indexOf("?", start);
  if (start < 0) return { pathname: "/", search: "" };
  return mark < 0
    ? { pathname: url.slice(start), search: "" }
    : { pathname: url.slice(start, mark), search: url.slice(mark) };
}

/** What a request for a media file asks for. */
export type FileName =
  | { readonly kind: "init"; readonly number: number }
  | { readonly kind: "segment" | "part"; readonly number: number; readonly type: string };

/** Parses the name of a media file after its prefix; undefined when it is not one. */
export function readFileName(name: string): FileName | undefined {
  const [, kind, number, extension] = /^(init|seg|part)(0|[1-9]\d{0,14})?\.(mp4|ts)$/.exec(name) ?? [];
  if (kind === "init") {
    const isKnown = extension === "mp4" && (number === undefined || Number(number) > 1);
    return isKnown ? { kind, number: Number(number ?? 1) } : undefined;
  }
  if (kind === undefined || number === undefined) return undefined;
  const type = extension === "ts" ? "video/MP2T" : "video/mp4";
  return { kind: kind === "seg" ? "segment" : "part", number: Number(number), type };
}

/** The delivery directives of a playlist request (RFC 8216bis §6.2.5.2). */
export interface Delivery {
  /** Segment and part that the playlist must have; undefined for the current playlist. */
  readonly wanted: { readonly segment: number; readonly part: number | undefined } | undefined;
  readonly isDelta: boolean;
}

/** A parsed query. */
export interface PlaylistQuery {
  /** Undefined when the delivery directives are invalid. */
  readonly delivery: Delivery | undefined;
  /** Query repeated on the URIs of a playlist, with its `?`: credentials of players that do not resend headers. */
  readonly repeated: string;
}

/** Longest query that is repeated: a playlist contains it some fifty times. */
const REPEATED_MAX = 4_096;

/**
 * Reads the query of a playlist's URL.
 *
 * @returns undefined when it is too long to be repeated
 */
export function readQuery(search: string): PlaylistQuery | undefined {
  const usual = USUAL_QUERY.exec(search);
  if (usual === null) return readAnyQuery(search);
  const [, segment, part] = usual;
  const wanted = { segment: Number(segment), part: Number(part) };
  return { delivery: { wanted, isDelta: false }, repeated: "" };
}

/** The directives of most requests, in the order in which players write them. */
const USUAL_QUERY = /^\?_HLS_msn=(\d{1,15})&_HLS_part=(\d{1,15})$/;

function readAnyQuery(search: string): PlaylistQuery | undefined {
  let segment: string | undefined;
  let part: string | undefined;
  let isDelta = false;
  let others = "";
  for (const pair of search.slice(1).split("&")) {
    const [name = "", value = ""] = pair.split("=", 2);
    if (name === "_HLS_msn") segment ??= value;
    else if (name === "_HLS_part") part ??= value;
    else if (name === "_HLS_skip") isDelta ||= value === "YES" || value === "v2";
    else if (pair !== "" && !name.startsWith("_HLS_")) others += `${others === "" ? "?" : "&"}${pair}`;
  }
  if (others.length > REPEATED_MAX) return undefined;
  const delivery = readDelivery(segment, part, isDelta);
  return { delivery, repeated: others === "" ? "" : repeatable(others) };
}

function readDelivery(
  msn: string | undefined,
  index: string | undefined,
  isDelta: boolean,
): Delivery | undefined {
  const segment = readNumber(msn);
  const part = readNumber(index);
  if (segment === null || part === null || (part !== undefined && segment === undefined)) return undefined;
  return { wanted: segment === undefined ? undefined : { segment, part }, isDelta };
}

/** @returns undefined without a value, null when it is not a number */
function readNumber(text: string | undefined): number | undefined | null {
  if (text === undefined) return undefined;
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}

/** Escapes what would end an attribute or a line of a playlist. */
function repeatable(query: string): string {
  return query.replace(/[^!#-[\]-~]/g, (character) => encodeURIComponent(character));
}

/** A byte range, both ends included. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/**
 * Reads a Range header (RFC 9110 §14.2). Several ranges, other units and what is malformed are ignored, as it allows.
 *
 * @param size of the file, bytes
 * @returns undefined for the whole file, null if the range is not satisfiable
 */
export function readRange(header: string | null, size: number): ByteRange | undefined | null {
  const [, from = "", to = ""] = /^\s*bytes\s*=\s*(\d{0,15})\s*-\s*(\d{0,15})\s*$/i.exec(header ?? "") ?? [];
  if (from === "" && to === "") return undefined;
  if (from === "") {
    const length = Math.min(Number(to), size);
    return length === 0 ? null : { first: size - length, last: size - 1 };
  }
  const first = Number(from);
  if (to !== "" && Number(to) < first) return undefined;
  if (first >= size) return null;
  return { first, last: to === "" ? size - 1 : Math.min(Number(to), size - 1) };
}
