import { ProtocolError } from "../../../lib/errors.ts";
import type { RtspRequest } from "./request.ts";
import { WEBSOCKET_PROTOCOL, WEBSOCKET_VERSION } from "./websocket.ts";

/** Content type of both directions of a tunnel (Tunnelling RTSP and RTP over HTTP, Apple). */
export const TUNNEL_TYPE = "application/x-rtsp-tunnelled";
/** Longest cookie that names a tunnel, in characters. */
const MAX_COOKIE_LENGTH = 128;

/** An HTTP request that begins a tunnel; `version` is that of HTTP. */
export type TunnelRequest =
  | { readonly kind: "get" | "post"; readonly version: string; readonly cookie: string }
  | { readonly kind: "websocket"; readonly version: string; readonly key: string };

/** Reads an HTTP request; undefined if it begins no tunnel. */
export function readTunnelRequest({ method, headers, http = "1.0" }: RtspRequest): TunnelRequest | undefined {
  const has = (name: string, wanted: string) =>
    headers.getAll(name).some((value) => tokens(value).includes(wanted));
  if (method === "GET" && has("Upgrade", "websocket")) {
    const key = headers.get("Sec-WebSocket-Key") ?? "";
    const isWhole =
      has("Connection", "upgrade") &&
      has("Sec-WebSocket-Protocol", WEBSOCKET_PROTOCOL) &&
      headers.get("Sec-WebSocket-Version") === WEBSOCKET_VERSION &&
      /^[A-Za-z0-9+/]{22}==$/.test(key);
    return isWhole ? { kind: "websocket", version: http, key } : undefined;
  }
  const cookie = headers.get("x-sessioncookie") ?? "";
  if (cookie === "" || cookie.length > MAX_COOKIE_LENGTH) return undefined;
  if (method === "GET" && has("Accept", TUNNEL_TYPE)) return { kind: "get", version: http, cookie };
  if (method === "POST" && has("Content-Type", TUNNEL_TYPE)) return { kind: "post", version: http, cookie };
  return undefined;
}

/** The values of a list, in lower case, without parameters. */
function tokens(value: string): string[] {
  return value.split(",").map((part) => (part.split(";", 1)[0] as string).trim().toLowerCase());
}

/** The response to both requests of a tunnel: the connection stays open. */
export function writeTunnelResponse(version: string): Uint8Array {
  return writeHttp(version, "200 OK", [
    "Cache-Control: no-cache",
    "Connection: close",
    `Content-Type: ${TUNNEL_TYPE}`,
    "Pragma: no-cache",
  ]);
}

/** A response that ends the connection. */
export function writeHttpError(
  version: string,
  status: "400 Bad Request" | "503 Service Unavailable",
): Uint8Array {
  return writeHttp(version, status, ["Connection: close", "Content-Length: 0"]);
}

/** Writes the head of an HTTP response. */
export function writeHttp(version: string, status: string, lines: readonly string[]): Uint8Array {
  return new TextEncoder().encode(`HTTP/${version} ${[status, ...lines].join("\r\n")}\r\n\r\n`);
}

/** Characters decoded at once. */
const PIECE = 64 * 1024;
const DECODED = new Uint8Array((PIECE / 4 + 1) * 3);

/** Decodes the Base64 of a POST request (RFC 4648 §4); padding may end each message within it. */
export class Base64Decoder {
  /** Bits of the characters of the quantum in progress, how many there are, and how many of them are padding. */
  #bits = 0;
  #count = 0;
  #padding = 0;

  /**
   * Decodes borrowed bytes.
   *
   * @param take gets decoded bytes, borrowed
   * @throws {ProtocolError} if they are not Base64
   */
  receive(chunk: Uint8Array, take: (bytes: Uint8Array) => void): void {
    for (let at = 0; at < chunk.length; at += PIECE) {
      const size = this.#decode(chunk, at, Math.min(at + PIECE, chunk.length));
      if (size > 0) take(DECODED.subarray(0, size));
    }
  }

  #decode(chunk: Uint8Array, from: number, to: number): number {
    let out = 0;
    for (let at = from; at < to; at++) {
      const value = VALUES[chunk[at] as number] as number;
      if (value === SPACE) continue;
      if (value === INVALID) throw invalid(chunk[at] as number);
      if (value === PADDING ? this.#count < 2 : this.#padding > 0) throw invalid(chunk[at] as number);
      if (value === PADDING) this.#padding += 1;
      this.#bits = (this.#bits << 6) | (value & 63);
      this.#count += 1;
      if (this.#count === 4) out = this.#finish(out);
    }
    return out;
  }

  /** Writes the bytes of a whole quantum. */
  #finish(out: number): number {
    const end = out + 3 - this.#padding;
    DECODED[out] = this.#bits >> 16;
    DECODED[out + 1] = this.#bits >> 8;
    DECODED[out + 2] = this.#bits;
    this.#bits = 0;
    this.#count = 0;
    this.#padding = 0;
    return end;
  }
}

const PADDING = 64;
const SPACE = 65;
const INVALID = 66;
/** Value of each character. */
const VALUES = new Uint8Array(256).fill(INVALID);
for (const [i, character] of [
  ..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=",
].entries())
  VALUES[character.charCodeAt(0)] = i;
for (const character of "\r\n\t ") VALUES[character.charCodeAt(0)] = SPACE;

function invalid(byte: number): ProtocolError {
  return new ProtocolError(`invalid Base64 in an HTTP tunnel: 0x${byte.toString(16).padStart(2, "0")}`);
}
