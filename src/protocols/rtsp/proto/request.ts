import { ProtocolError } from "../../../lib/errors.ts";
import { clip, MAX_METHOD_LENGTH, MAX_URL_LENGTH, type RtspHeaders, writeMessage } from "./headers.ts";

/** The one version spoken, by both sides (RFC 2326 §3.1). */
export const RTSP_VERSION = "RTSP/1.0";

/** A request (RFC 2326 §6). */
export interface RtspRequest {
  /** As written: methods are compared with case. */
  readonly method: string;
  /** As written, which Digest needs; `*` for a server as a whole. */
  readonly url: string;
  readonly headers: RtspHeaders;
  /** Owned; empty when there is none. */
  readonly body: Uint8Array;
  /** The version of an HTTP request, which begins a tunnel; what follows its headers is no part of it. */
  readonly http?: string;
}

/** The first line of a request. */
export interface RequestLine {
  readonly method: string;
  readonly url: string;
  readonly http?: string;
}

/**
 * Reads `<method> <url> RTSP/1.0` (RFC 2326 §6.1), and GET and POST of HTTP/1.
 *
 * @throws {ProtocolError} if a part is missing, too long or invalid, or the version is another
 */
export function parseRequestLine(line: string): RequestLine {
  const [method = "", url = "", version = "", ...more] = line.trimEnd().split(/ +/);
  if (method.length > MAX_METHOD_LENGTH) {
    throw new ProtocolError(`method longer than ${MAX_METHOD_LENGTH}: ${clip(method)}`);
  }
  if (!/^[A-Za-z][\w-]*$/.test(method)) throw new ProtocolError(`invalid method: ${clip(method)}`);
  if (url.length > MAX_URL_LENGTH) throw new ProtocolError(`URL longer than ${MAX_URL_LENGTH}: ${clip(url)}`);
  if (url === "" || version === "" || more.length > 0 || /\p{Cc}/u.test(url)) {
    throw new ProtocolError(`invalid request line: ${clip(line)}`);
  }
  const http = /^HTTP\/(1\.[01])$/.exec(version)?.[1];
  if (http !== undefined && (method === "GET" || method === "POST")) return { method, url, http };
  if (version !== RTSP_VERSION) {
    throw new ProtocolError(`invalid protocol: ${clip(version)}, expected ${RTSP_VERSION}`);
  }
  return { method, url };
}

/** Writes a request, headers sorted by name, Content-Length added when there is a body. */
export function writeRequest(request: RtspRequest): Uint8Array {
  const { method, url, headers, body, http } = request;
  const version = http === undefined ? RTSP_VERSION : `HTTP/${http}`;
  return writeMessage(`${method} ${url} ${version}`, headers, body);
}
