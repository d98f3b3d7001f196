import { ProtocolError } from "../../../lib/errors.ts";
import { clip, type RtspHeaders, writeMessage } from "./headers.ts";
import { RTSP_VERSION } from "./request.ts";

/** A response (RFC 2326 §7). */
export interface RtspResponse {
  /** 100–599. */
  status: number;
  /** Text after the status; the usual one of the status when left out. */
  reason?: string;
  headers: RtspHeaders;
  /** Left out, or empty: there is none. */
  body?: Uint8Array;
}

/** The first line of a response. */
export interface StatusLine {
  readonly status: number;
  readonly reason: string;
  /** Version, if it is a response of HTTP. */
  readonly http?: string;
}

/** Reads the first line of an HTTP response (RFC 9112 §4). @throws {ProtocolError} if it is none */
export function parseHttpStatusLine(line: string): StatusLine {
  const match = /^HTTP\/(1\.[01]) +([1-5]\d\d)(?: +(.*))?$/i.exec(line.trimEnd());
  if (match === null) throw new ProtocolError(`not an HTTP response: ${clip(line)}`);
  const [, http = "", status, reason = ""] = match;
  return { status: Number(status), reason, http };
}

/**
 * Reads `RTSP/1.0 <status> <reason>` (RFC 2326 §7.1); the reason may be empty.
 *
 * @throws {ProtocolError} if the version is another or the status is not between 100 and 599
 */
export function parseStatusLine(line: string): StatusLine {
  const match = /^(\S+) +(\S+) *(.*)$/.exec(line.trimEnd());
  if (match === null) throw new ProtocolError(`invalid status line: ${clip(line)}`);
  const [, version = "", status = "", reason = ""] = match;
  if (version !== RTSP_VERSION) {
    throw new ProtocolError(`invalid protocol: ${clip(version)}, expected ${RTSP_VERSION}`);
  }
  if (!/^[1-5]\d\d$/.test(status)) throw new ProtocolError(`invalid status: ${clip(status)}`);
  return { status: Number(status), reason };
}

/** Writes a response, headers sorted by name, Content-Length added when there is a body. */
export function writeResponse(response: RtspResponse): Uint8Array {
  const { status, headers, body } = response;
  const reason = response.reason ?? REASONS.get(status) ?? "Unknown";
  return writeMessage(`${RTSP_VERSION} ${status} ${reason}`, headers, body);
}

/** RFC 2326 §7.1.1. */
const REASONS: ReadonlyMap<number, string> = new Map([
  [100, "Continue"],
  [200, "OK"],
  [201, "Created"],
  [250, "Low on Storage Space"],
  [300, "Multiple Choices"],
  [301, "Moved Permanently"],
  [302, "Moved Temporarily"],
  [303, "See Other"],
  [304, "Not Modified"],
  [305, "Use Proxy"],
  [400, "Bad Request"],
  [401, "Unauthorized"],
  [402, "Payment Required"],
  [403, "Forbidden"],
  [404, "Not Found"],
  [405, "Method Not Allowed"],
  [406, "Not Acceptable"],
  [407, "Proxy Authentication Required"],
  [408, "Request Timeout"],
  [410, "Gone"],
  [411, "Length Required"],
  [412, "Precondition Failed"],
  [413, "Request Entity Too Large"],
  [414, "Request-URI Too Long"],
  [415, "Unsupported Media Type"],
  [451, "Parameter Not Understood"],
  [453, "Not Enough Bandwidth"],
  [454, "Session Not Found"],
  [455, "Method Not Valid in This State"],
  [456, "Header Field Not Valid for Resource"],
  [457, "Invalid Range"],
  [458, "Parameter Is Read-Only"],
  [459, "Aggregate Operation Not Allowed"],
  [460, "Only Aggregate Operation Allowed"],
  [461, "Unsupported Transport"],
  [462, "Destination Unreachable"],
  [500, "Internal Server Error"],
  [501, "Not Implemented"],
  [502, "Bad Gateway"],
  [503, "Service Unavailable"],
  [504, "Gateway Timeout"],
  [505, "RTSP Version Not Supported"],
  [551, "Option Not Supported"],
]);
