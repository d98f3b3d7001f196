import { createHash } from "node:crypto";
import { ProtocolError } from "../../../lib/errors.ts";

/** Subprotocol of RTSP over WebSocket (ONVIF Streaming Specification §5.1.1). */
export const WEBSOCKET_PROTOCOL = "rtsp.onvif.org";

/** The only version of the protocol (RFC 6455 §4.1). */
export const WEBSOCKET_VERSION = "13";

/** Opcodes (RFC 6455 §5.2). */
export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
const PING = 9;
export const PONG = 10;

/** Most bytes in front of the payload of a frame. */
export const FRAME_HEADER_MAX = 14;
const MASKED = 0x80;
const MASK_BYTES = 4;
/** Payload of CLOSE where all is well (RFC 6455 §7.4.1). */
export const NORMAL_CLOSURE = new Uint8Array([0x03, 0xe8]);
/** Longest payload of a control frame (RFC 6455 §5.5). */
const CONTROL_MAX = 125;

/** Value of Sec-WebSocket-Accept (RFC 6455 §4.2.2). */
export function acceptKey(key: string): string {
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}

/**
 * Writes the header of a frame that is a message of its own.
 *
 * @param mask four bytes, with which a client masks the payload (RFC 6455 §5.3); the payload itself is left as it is
 * @returns bytes written at the start of `dst`
 */
export function writeFrameHeader(dst: Uint8Array, opcode: number, size: number, mask?: Uint8Array): number {
  const view = new DataView(dst.buffer, dst.byteOffset);
  const bit = mask === undefined ? 0 : MASKED;
  dst[0] = 0x80 | opcode;
  const at = writeLength(view, size, bit);
  if (mask === undefined) return at;
  dst.set(mask, at);
  return at + mask.length;
}

/** @returns bytes of the header so far */
function writeLength(view: DataView, size: number, bit: number): number {
  if (size < 126) {
    view.setUint8(1, bit | size);
    return 2;
  }
  if (size < 65_536) {
    view.setUint8(1, bit | 126);
    view.setUint16(2, size);
    return 4;
  }
  view.setUint8(1, bit | 127);
  view.setUint32(2, 0);
  view.setUint32(6, size);
  return 10;
}

/** Masks or unmasks bytes in place. @param turn position in the mask of the first one @returns that of the next one */
export function applyMask(bytes: Uint8Array, mask: Uint8Array, turn = 0): number {
  let next = turn;
  for (let at = 0; at < bytes.length; at++) {
    bytes[at] = (bytes[at] as number) ^ (mask[next] as number);
    next = (next + 1) & 3;
  }
  return next;
}

/** Where a reader puts what it finds; bytes are borrowed. */
export interface WebSocketEvents {
  /** Bytes of a text or binary message; where messages begin and end is of no concern to RTSP. */
  data(bytes: Uint8Array): void;
  ping(payload: Uint8Array): void;
  /** The peer closes. */
  close(): void;
}

/** Cuts what one side sends into frames (RFC 6455 §5); payloads of messages are passed on as they arrive. */
export class WebSocketReader {
  readonly #events: WebSocketEvents;
  /** Bytes of the mask: the frames of clients have one, those of servers none. */
  readonly #maskSize: 0 | 4;
  readonly #header = new Uint8Array(FRAME_HEADER_MAX);
  /** Bytes of the header so far. */
  #have = 0;
  /** Payload bytes still to come; undefined before the header is complete. */
  #left: number | undefined;
  /** Position in the mask. */
  #turn = 0;
  /** Payload of a control frame. */
  readonly #control = new Uint8Array(CONTROL_MAX);
  #controlSize = 0;

  constructor(events: WebSocketEvents, from: "client" | "server" = "client") {
    this.#events = events;
    this.#maskSize = from === "client" ? MASK_BYTES : 0;
  }

  get #opcode(): number {
    return (this.#header[0] as number) & 15;
  }

  /**
   * Takes bytes, which are unmasked in place.
   *
   * @throws {ProtocolError} if they are not frames of that side
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
    this.#turn = 0;
    this.#left = this.#size;
    if (this.#left === 0) this.#finish();
    return at + 1;
  }

  /** Bytes of length and mask included. */
  get #headerSize(): number {
    const length = (this.#header[1] as number) & 127;
    return this.#maskSize + (length === 127 ? 10 : length === 126 ? 4 : 2);
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
    const isMasked = (second & MASKED) !== 0;
    if (isMasked !== this.#maskSize > 0) {
      throw new ProtocolError(`WebSocket frame ${isMasked ? "with" : "without"} a mask`);
    }
    if (isControl && ((first & 0x80) === 0 || (second & 127) > CONTROL_MAX)) {
      throw new ProtocolError("invalid WebSocket control frame");
    }
  }

  #takePayload(chunk: Uint8Array, at: number, left: number): number {
    const end = Math.min(chunk.length, at + left);
    const bytes = chunk.subarray(at, end);
    if (this.#maskSize > 0) {
      this.#turn = applyMask(bytes, this.#header.subarray(this.#have - MASK_BYTES, this.#have), this.#turn);
    }
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
