import { ProtocolError } from "../../../lib/errors.ts";
import { clip, MAX_URL_LENGTH } from "./headers.ts";

/** An RTSP URL in its parts (RFC 2326 §3.2). */
export interface RtspUrl {
  readonly scheme: "rtsp" | "rtsps";
  /** What RTSP goes through, where the scheme names it: `rtsp+http`, `rtsps+ws`. */
  readonly tunnel?: "http" | "websocket";
  /** Name or address; IPv6 without brackets, with its zone after `%` when it has one. */
  readonly host: string;
  /** 1–65,535; undefined when left out. */
  readonly port: number | undefined;
  /** Percent-decoded, like `password`. */
  readonly user?: string;
  readonly password?: string;
  /** Without the leading slash, percent-decoded. */
  readonly path: string;
  /** The path as it was written, where that is what a server wants to see again; printable ASCII. */
  readonly escapedPath?: string;
  /** As written, without `?`; empty when there is none. */
  readonly query: string;
}

/**
 * Reads an absolute RTSP URL. A fragment is dropped.
 *
 * @throws {ProtocolError} if it is not one, too long, or its escapes are not UTF-8
 */
export function parseRtspUrl(text: string): RtspUrl {
  if (text.length > MAX_URL_LENGTH)
    throw new ProtocolError(`URL longer than ${MAX_URL_LENGTH}: ${clip(text)}`);
  const match = URL_SHAPE.exec(text);
  const scheme = match?.[1]?.toLowerCase();
  if (match === null || (scheme !== "rtsp" && scheme !== "rtsps")) throw invalid(text);
  const [, , authority = "", path = "", query = ""] = match;
  const at = authority.lastIndexOf("@");
  const { host, port } = parseHostPort(authority.slice(at + 1), text);
  const place = { scheme, host, port, path: decode(path, text), query } as const;
  if (at < 0) return place;
  const colon = authority.slice(0, at).indexOf(":");
  if (colon < 0) return { ...place, user: decodeEscapes(authority.slice(0, at)) };
  const user = decodeEscapes(authority.slice(0, colon));
  return { ...place, user, password: decodeEscapes(authority.slice(colon + 1, at)) };
}

/** Tunnels by the end of the scheme. */
const TUNNELS: Readonly<Record<string, RtspUrl["tunnel"]>> = { "+http": "http", "+ws": "websocket" };

/**
 * Reads the URL of another server, whose path and query are sent to it as they were written: only what cannot stand
 * in a request is escaped. The scheme may name a tunnel.
 *
 * @throws {ProtocolError} as `parseRtspUrl`, but for what is wrong in the path
 */
export function parseServerUrl(text: string): RtspUrl {
  const suffix = /^rtsps?(\+[a-z]+):\/\//i.exec(text)?.[1] ?? "";
  const tunnel = TUNNELS[suffix.toLowerCase()];
  const plain = tunnel === undefined ? text : text.replace(suffix, "");
  const [, start = "", path = "", rest = ""] = /^([^/]*\/\/[^/?#]*)\/?([^?#]*)(.*)$/s.exec(plain) ?? [];
  const user = start.slice(0, start.lastIndexOf("@") + 1);
  const place = escapeUnprintable(user) + start.slice(user.length);
  const url = parseRtspUrl(`${place}/${escapeUnprintable(rest)}`);
  const escapedPath = escapeUnprintable(path);
  return { ...url, path: decodeEscapes(path), escapedPath, ...(tunnel !== undefined && { tunnel }) };
}

/** Escapes spaces and everything that is no printable ASCII. */
export function escapeUnprintable(text: string): string {
  return text.replace(/[^\x21-\x7e]+/gu, (part) => encodeURIComponent(part.toWellFormed()));
}

/** Writes a URL without tunnel and credentials; escapes in the path what cannot stand there. */
export function writeRtspUrl(url: RtspUrl): string {
  return `${url.scheme}://${writeAuthority(url)}${writeTarget(url)}`;
}

/** Host and port, the port only if the URL has one. */
export function writeAuthority({ host, port }: RtspUrl): string {
  const place = host.includes(":") ? `[${host.replace("%", "%25")}]` : host;
  return port === undefined ? place : `${place}:${port}`;
}

/** Path and query, as an HTTP request has them. */
export function writeTarget({ escapedPath, path, query }: RtspUrl): string {
  return `/${escapedPath ?? escapePath(path)}${query === "" ? "" : `?${query}`}`;
}

/** The URL below which a stream's controls lie: the value of Content-Base, ending in a slash also after a query. */
export function controlBase(url: RtspUrl): string {
  return `${writeRtspUrl(withoutTrailingSlash(url))}/`;
}

/**
 * The same URL without the one slash that players append to a stream's URL, at the end of the path or, when there
 * is a query, of the query.
 */
export function withoutTrailingSlash(url: RtspUrl): RtspUrl {
  if (url.query.endsWith("/")) return { ...url, query: url.query.slice(0, -1) };
  if (url.path.endsWith("/")) return { ...url, path: url.path.slice(0, -1) };
  return url;
}

function parseHostPort(text: string, whole: string): { host: string; port: number | undefined } {
  const match = /^(?:\[([0-9A-Fa-f:.]+(?:%[\w.~%-]+)?)\]|([^:[\]%]+))(?::(\d*))?$/.exec(text);
  const host = match?.[1]?.replace("%25", "%") ?? match?.[2];
  if (match === null || host === undefined) throw invalid(whole);
  if (match[3] === undefined || match[3] === "") return { host, port: undefined };
  const port = Number(match[3]);
  if (port < 1 || port > 65_535) throw new ProtocolError(`invalid port of URL: ${clip(match[3])}`);
  return { host, port };
}

function decode(text: string, whole: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new ProtocolError(`invalid URL: ${clip(whole)}`, { cause });
  }
}

/** Decodes the escapes in a text where others may stand for themselves: a password may have a raw `%`. */
function decodeEscapes(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (escapes) => {
    try {
      return decodeURIComponent(escapes);
    } catch {
      return escapes; // no UTF-8
    }
  });
}

function escapePath(path: string): string {
  return path.replace(/[^\w\-.~!$&'()*+,;=:@/]+/gu, (text) => encodeURIComponent(text.toWellFormed()));
}

function invalid(text: string): ProtocolError {
  return new ProtocolError(`invalid URL: ${clip(text)}`);
}

// scheme, authority, path, query; then a fragment. None of them holds space or control characters
const URL_SHAPE =
  /^([a-z]+):\/\/([^\p{Cc} /?#]+)(?:\/([^\p{Cc} ?#]*))?(?:\?([^\p{Cc} #]*))?(?:#[^\p{Cc} ]*)?$/iu;
