import { createHash } from "node:crypto";
import { ProtocolError } from "../../../lib/errors.ts";

/** Subprotocol of RTSP over WebSocket (ONVIF Streaming Specification §5.1.1). */
export const WEBSOCKET_PROTOCOL = "rtsp.onvif.org";

/** Opcodes (RFC 6455 §5.2). */
export const CONTINUATION = 0;
export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

/** Most bytes in front of the payload of a frame that we write: without a mask. */
export const FRAME_HEADER_MAX = 10;
const MASKED_HEADER_MAX = 14;
/** Longest payload of a control frame (RFC 6455 §5.5). */
const CONTROL_MAX = 125;

/** Value of Sec-WebSocket-Accept (RFC 6455 §4.2.2). */
export function acceptKey(key: string): string {
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}

/**
 * Writes the header of an unmasked frame that is a message of its own.
 *
 * @returns bytes written at the start of `dst`
 */
export function writeFrameHeader(dst: Uint8Array, opcode: number, size: number): number {
  const view = new DataView(dst.buffer, dst.byteOffset);
  dst[0] = 0x80 | opcode;
  if (size < 126) {
    dst[1] = size;
    return 2;
  }
  if (size < 65_536) {
    dst[1] = 126;
    view.setUint16(2, size);
    return 4;
  }
  dst[1] = 127;
  view.setUint32(2, 0);
  view.setUint32(6, size);
  return 10;
}

/** Where a reader puts what it finds; bytes are borrowed. */
export interface WebSocketEvents {
  /** Bytes of a text or binary message; where messages begin and end is of no concern to RTSP. */
  data(bytes: Uint8Array): void;
  ping(payload: Uint8Array): void;
  /** The peer closes. */
  close(): void;
}

/** Cuts what a client sends into frames (RFC 6455 §5); payloads of messages are passed on as they arrive. */
export class WebSocketReader {
  readonly #events: WebSocketEvents;
  readonly #header = new Uint8Array(MASKED_HEADER_MAX);
  /** Bytes of the header so far. */
  #have = 0;
  /** Payload bytes still to come; undefined before the header is complete. */
  #left: number | undefined;
  /** Position in the mask. */
  #turn = 0;
  /** Payload of a control frame. */
  readonly #control = new Uint8Array(CONTROL_MAX);
  #controlSize = 0;

  constructor(events: WebSocketEvents) {
    this.#events = events;
  }

  get #opcode(): number {
    return (this.#header[0] as number) & 15;
  }

  /**
   * Takes bytes, which are unmasked in place.
   *
   * @throws {ProtocolError} if they are no frames of a client
   */
  receive(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      at = this.#left === undefined ? this.#takeHeader(chunk, at) : this.#takePayload(chunk, at, this.#left);
    }
  }

  #takeHeader(chunk: Uint8Array, at: number): number {
    this.#header[this.#have] = chunk[at] as number;
    this.#have += 1;
    if (this.#have === 2) this.#check();
    if (this.#have < 2 || this.#have < this.#headerSize) return at + 1;
    if (this.#size > Number.MAX_SAFE_INTEGER) throw new ProtocolError("WebSocket frame too long");
    this.#turn = this.#have - 4;
    this.#left = this.#size;
    if (this.#left === 0) this.#finish();
    return at + 1;
  }

  /** Bytes of length and mask included. */
  get #headerSize(): number {
    const length = (this.#header[1] as number) & 127;
    return length === 127 ? 14 : length === 126 ? 8 : 6;
  }

  get #size(): number {
    const view = new DataView(this.#header.buffer);
    const length = view.getUint8(1) & 127;
    if (length < 126) return length;
    if (length === 126) return view.getUint16(2);
    return view.getUint32(2) * 0x1_0000_0000 + view.getUint32(6);
  }

  /** Checks the first two bytes. */
  #check(): void {
    const [first = 0, second = 0] = this.#header;
    const opcode = this.#opcode;
    const isControl = opcode >= CLOSE;
    if ((first & 0x70) !== 0 || opcode > PONG || (opcode > BINARY && !isControl)) {
      throw new ProtocolError(`invalid WebSocket frame: 0x${first.toString(16).padStart(2, "0")}`);
    }
    if ((second & 0x80) === 0) throw new ProtocolError("WebSocket frame without a mask");
    if (isControl && ((first & 0x80) === 0 || (second & 127) > CONTROL_MAX)) {
      throw new ProtocolError("invalid WebSocket control frame");
    }
  }

  #takePayload(chunk: Uint8Array, at: number, left: number): number {
    const end = Math.min(chunk.length, at + left);
    this.#unmask(chunk, at, end);
    const bytes = chunk.subarray(at, end);
    this.#left = left - bytes.length;
    if (this.#opcode >= CLOSE) {
      this.#control.set(bytes, this.#controlSize);
      this.#controlSize += bytes.length;
    } else {
      this.#events.data(bytes);
    }
    if (this.#left === 0) this.#finish();
    return end;
  }

  #unmask(chunk: Uint8Array, from: number, to: number): void {
    const header = this.#header;
    const start = this.#have - 4;
    let turn = this.#turn - start;
    for (let at = from; at < to; at++) {
      chunk[at] = (chunk[at] as number) ^ (header[start + turn] as number);
      turn = (turn + 1) & 3;
    }
    this.#turn = start + turn;
  }

  #finish(): void {
    const opcode = this.#opcode;
    const payload = this.#control.subarray(0, this.#controlSize);
    this.#have = 0;
    this.#left = undefined;
    this.#controlSize = 0;
    if (opcode === PING) this.#events.ping(payload);
    else if (opcode === CLOSE) this.#events.close();
  }
}
