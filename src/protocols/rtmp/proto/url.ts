import { ProtocolError } from "../../../lib/errors.ts";

/** Port of servers whose URL names none, also with TLS. */
export const DEFAULT_PORT = 1935;
/** Longest URL, application or stream name, in characters. */
const MAX_LENGTH = 4096;

/** What a client sends to name a stream. */
export interface RtmpRequest {
  /** Of `connect`, as is. Only its scheme and host count. */
  readonly tcUrl: string;
  /** Of `connect`; may be empty, have several segments and a query. */
  readonly app: string;
  /** Of `publish` or `play`; may be empty, have several segments and a query. */
  readonly stream: string;
}

/** The stream that a client asks for. */
export interface RtmpTarget {
  /** In lower case: `rtmp`, `rtmps`, `rtmpt`. */
  readonly scheme: string;
  /** Host and port as written; whatever a client takes for one. */
  readonly host: string;
  /** Decoded, without slashes at its ends; no valid name yet. */
  readonly path: string;
  /** As written, without `?`: that of the stream name, then that of the application. */
  readonly query: string;
  /** Of the query; undefined if it has neither `user` nor `pass`. */
  readonly credentials: { readonly user: string; readonly pass: string } | undefined;
}

/**
 * Reads which stream a client means: its path is the application and the stream name, of which empty segments are left
 * out. Either may be empty, and end in a query, as clients cut a URL at different places. If both have a query, a
 * parameter of the stream name comes first and therefore counts.
 *
 * @throws {ProtocolError} if `tcUrl` has no host or scheme, anything is too long, or escapes are not UTF-8
 */
export function readTarget({ tcUrl, app, stream }: RtmpRequest): RtmpTarget {
  for (const text of [tcUrl, app, stream]) checkLength(text);
  // Some clients put the URL in quotes
  const [, scheme, authority = ""] = TC_URL.exec(tcUrl.replace(/^'|'$/g, "").trim()) ?? [];
  const host = authority.slice(authority.lastIndexOf("@") + 1);
  if (host === "") throw new ProtocolError("invalid host");
  if (scheme === undefined) throw new ProtocolError("invalid scheme");
  const [appPath, appQuery] = cutQuery(app);
  const [streamPath, streamQuery] = cutQuery(stream);
  const path = decode(`${appPath}/${streamPath}`).split("/").filter(Boolean).join("/");
  const query = [streamQuery, appQuery].filter(Boolean).join("&");
  return { scheme: scheme.toLowerCase(), host, path, query, credentials: readCredentials(query) };
}

/** A server to pull from, and the names of the stream there. */
export interface RtmpSourceUrl {
  readonly scheme: "rtmp" | "rtmps";
  /** Name or address; IPv6 without brackets, with its zone after `%` if it has one. */
  readonly host: string;
  readonly port: number;
  /** Application for `connect`, with the query if there is no stream name in the path. */
  readonly app: string;
  /** Stream name for `play`, may be empty. */
  readonly stream: string;
  /** URL for `connect`, without credentials. */
  readonly tcUrl: string;
}

/**
 * Reads the URL of a source. The first segment of its path is the application, of a path with more than two segments the
 * first two are; the rest is the stream name. With a `#streamKey`, the whole path is the application. Everything is sent
 * as it is written, escapes included; a user name and password have no use in RTMP and are dropped.
 *
 * @throws {ProtocolError} if it is no URL of RTMP, or too long
 */
export function parseSourceUrl(text: string): RtmpSourceUrl {
  checkLength(text);
  const match = SOURCE_URL.exec(text);
  if (match === null) throw new ProtocolError("invalid URL of RTMP");
  const [, start = "", authority = "", path = "", query = "", key] = match;
  const scheme = start.toLowerCase() as "rtmp" | "rtmps";
  const place = authority.slice(authority.lastIndexOf("@") + 1);
  const { host, port } = parseHostPort(place);
  const [app, stream] = key === undefined ? splitPath(path, query) : [path + query, key];
  return { scheme, host, port, app, stream, tcUrl: `${scheme}://${place}/${app}` };
}

/** Divides a path into application and stream name; the query goes with the last part. */
function splitPath(path: string, query: string): readonly [app: string, stream: string] {
  const segments = path.split("/");
  const count = segments.length > 2 ? 2 : 1;
  const app = segments.slice(0, count).join("/");
  return segments.length === 1 ? [app + query, ""] : [app, segments.slice(count).join("/") + query];
}

function parseHostPort(text: string): { host: string; port: number } {
  const [, address, name, digits = ""] = HOST_PORT.exec(text) ?? [];
  const host = address?.replace("%25", "%") ?? name;
  const port = digits === "" ? DEFAULT_PORT : Number(digits);
  if (host === undefined) throw new ProtocolError("invalid URL of RTMP");
  if (port < 1 || port > 65_535) throw new ProtocolError(`invalid port of URL: ${digits.slice(0, 16)}`);
  return { host, port };
}

function cutQuery(text: string): readonly [path: string, query: string] {
  const at = text.indexOf("?");
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

function readCredentials(query: string): RtmpTarget["credentials"] {
  const parameters = new URLSearchParams(query);
  const [user, pass] = [parameters.get("user"), parameters.get("pass")];
  return user === null && pass === null ? undefined : { user: user ?? "", pass: pass ?? "" };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new ProtocolError(`invalid escape in stream name: ${JSON.stringify(text.slice(0, 128))}`, {
      cause,
    });
  }
}

function checkLength(text: string): void {
  if (text.length > MAX_LENGTH) throw new ProtocolError(`URL longer than ${MAX_LENGTH}`);
}

// scheme, authority
const TC_URL = /^(?:([a-z][a-z\d+.-]*):)?\/\/([^/?#]*)/i;
// scheme, authority, path without the first slash, query with its mark, fragment
const SOURCE_URL =
  /^(rtmps?):\/\/([^\p{Cc} /?#]+)(?:\/([^\p{Cc} ?#]*))?(\?[^\p{Cc} #]*)?(?:#([^\p{Cc} ]*))?$/iu;
// address in brackets, name, port
const HOST_PORT = /^(?:\[([\da-f:.]+(?:%[\w.~%-]+)?)\]|([^:[\]%]+))(?::(\d*))?$/i;
