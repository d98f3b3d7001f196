/** What a URL of the HLS server asks for. */
export type HlsRequest =
  | { readonly kind: "page"; readonly path: string }
  /** The page, without the slash at its end. */
  | { readonly kind: "pageElsewhere"; readonly path: string }
  | { readonly kind: "script" }
  | { readonly kind: "file"; readonly path: string; readonly file: string }
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
  if (file === "hls.min.js.map" || decoded === "/" || decoded === "/favicon.ico") return { kind: "nothing" };
  if (file === "") return { kind: "page", path };
  if (FILE.test(file)) return { kind: "file", path, file: file.replace(/\.mp$/, ".mp4") };
  return { kind: "pageElsewhere", path: decoded.slice(1) };
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** What a request for a playlist wants to wait for (RFC 8216bis §6.2.5.2). */
export interface Delivery {
  /** Segment and part that the playlist must have; undefined to get it as it is. */
  readonly wanted: { readonly segment: number; readonly part: number | undefined } | undefined;
  readonly isDelta: boolean;
}

/** Reads the delivery directives of a playlist's URL; undefined when they make no sense. */
export function readDelivery(query: URLSearchParams): Delivery | undefined {
  const segment = readNumber(query.get("_HLS_msn"));
  const part = readNumber(query.get("_HLS_part"));
  if (segment === null || part === null || (part !== undefined && segment === undefined)) return undefined;
  const isDelta = ["YES", "v2"].includes(query.get("_HLS_skip") ?? "");
  return { wanted: segment === undefined ? undefined : { segment, part }, isDelta };
}

/** @returns undefined without a value, null when it is no number */
function readNumber(text: string | null): number | undefined | null {
  if (text === null) return undefined;
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}

/** The query that is repeated on the URIs of a playlist, with its `?`: what players that keep no headers log in by. */
export function repeatedQuery(query: URLSearchParams): string {
  const kept = new URLSearchParams([...query].filter(([name]) => !name.startsWith("_HLS_")));
  return kept.size === 0 ? "" : `?${kept}`;
}
