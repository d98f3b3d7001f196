import { unreachable } from "../../../lib/assert.ts";
import { ProtocolError } from "../../../lib/errors.ts";
import { Gatherer } from "./gatherer.ts";
import { contentLength, parseHeaderLine, RtspHeaders } from "./headers.ts";
import { parseRequestLine, type RequestLine, type RtspRequest } from "./request.ts";
import { parseHttpStatusLine, parseStatusLine, type RtspResponse, type StatusLine } from "./response.ts";

/** What a connection carries. */
export type Framed =
  | { readonly kind: "request"; readonly request: RtspRequest }
  | { readonly kind: "response"; readonly response: RtspResponse }
  | {
      readonly kind: "interleaved";
      /** 0–255. */
      readonly channel: number;
      /** At most 65,535 bytes. A view of the received chunk when that held all of it, else owned. */
      readonly payload: Uint8Array;
    };

/** Longest line of a message without its line end. */
export const MAX_LINE_BYTES = 4096;
/** Largest sum of all lines before the body. */
export const MAX_HEAD_BYTES = 64 * 1024;

/**
 * Cuts the bytes of one direction of a connection into messages and interleaved frames (RFC 2326 §4, §10.12).
 * Lines may end in LF alone; blank lines between messages are skipped. Work is linear in what arrives, however small
 * the pieces; memory is bounded by `MAX_HEAD_BYTES` and `MAX_BODY_BYTES`.
 */
export class RtspFramer {
  readonly #accept: "requests" | "responses" | "HTTP responses";
  #state: State = BETWEEN;
  #item: Framed | undefined;

  /**
   * @param accept `responses` lets requests pass too: a server may send some to its clients. Of HTTP, it takes the
   * heads of messages alone: whatever follows belongs to a tunnel
   */
  constructor(accept: "requests" | "responses" | "HTTP responses") {
    this.#accept = accept;
  }

  /** True when no message is held, partial or ready to poll: the next byte starts a new one. */
  get idle(): boolean {
    return this.#state.kind === "between" && this.#item === undefined;
  }

  /** Returns the complete message or frame. */
  poll(): Framed | undefined {
    const item = this.#item;
    this.#item = undefined;
    return item;
  }

  /**
   * Takes borrowed bytes from `offset` on, up to and including one message or frame, which then waits in `poll`;
   * nothing while one waits already. An incomplete one is kept inside.
   *
   * @returns bytes taken
   * @throws {ProtocolError} if they are no RTSP or exceed a limit; the framer is of no use afterwards
   */
  receive(chunk: Uint8Array, offset: number): number {
    let at = offset;
    while (at < chunk.length && this.#item === undefined) at = this.#step(chunk, at);
    return at - offset;
  }

  #step(chunk: Uint8Array, at: number): number {
    const state = this.#state;
    switch (state.kind) {
      case "between":
        return this.#begin(chunk, at);
      case "head":
        return this.#takeLine(state, chunk, at);
      case "body":
        return this.#takeBody(state, chunk, at);
      case "frame":
        return this.#takeFrame(state, chunk, at);
      default:
        return unreachable(state);
    }
  }

  #begin(chunk: Uint8Array, at: number): number {
    const byte = chunk[at]!;
    if (byte === CR || byte === LF) return at + 1;
    if (byte === DOLLAR) return this.#beginFrame(chunk, at);
    if (!isLetter(byte)) {
      throw new ProtocolError(`invalid first byte of a message: 0x${byte.toString(16).padStart(2, "0")}`);
    }
    this.#state = { kind: "head", start: undefined, headers: new RtspHeaders(), size: 0, partial: undefined };
    return at;
  }

  #beginFrame(chunk: Uint8Array, at: number): number {
    const start = at + FRAME_HEADER_BYTES;
    if (start <= chunk.length) {
      const end = start + (chunk[at + 2]! << 8) + chunk[at + 3]!;
      if (end <= chunk.length) {
        this.#finish({ kind: "interleaved", channel: chunk[at + 1]!, payload: chunk.subarray(start, end) });
        return end;
      }
    }
    this.#state = { kind: "frame", channel: 0, header: new Gatherer(FRAME_HEADER_BYTES), payload: undefined };
    return at;
  }

  #takeFrame(state: FrameState, chunk: Uint8Array, at: number): number {
    const target = state.payload ?? state.header;
    const end = Math.min(chunk.length, at + target.missing);
    target.add(chunk, at, end);
    if (state.payload === undefined && state.header.missing === 0) {
      const [, channel = 0, high = 0, low = 0] = state.header.bytes;
      state.channel = channel;
      state.payload = new Gatherer((high << 8) | low);
    }
    if (state.payload?.missing === 0) {
      this.#finish({ kind: "interleaved", channel: state.channel, payload: state.payload.bytes });
    }
    return end;
  }

  #takeLine(state: HeadState, chunk: Uint8Array, at: number): number {
    const found = chunk.indexOf(LF, at);
    const end = found < 0 ? chunk.length : found;
    if ((state.partial?.bytes.length ?? 0) + end - at > MAX_LINE_BYTES) {
      throw new ProtocolError(`line longer than ${MAX_LINE_BYTES} bytes`);
    }
    if (found < 0 || state.partial !== undefined) {
      state.partial ??= new Gatherer(MAX_LINE_BYTES);
      state.partial.add(chunk, at, end);
    }
    if (found < 0) return end;
    const line = state.partial?.bytes ?? chunk.subarray(at, end);
    state.partial = undefined;
    this.#parseLine(state, line);
    return end + 1;
  }

  #parseLine(state: HeadState, bytes: Uint8Array): void {
    state.size += bytes.length + 1;
    if (state.size > MAX_HEAD_BYTES) throw new ProtocolError(`headers larger than ${MAX_HEAD_BYTES} bytes`);
    const line = TEXT.decode(bytes.at(-1) === CR ? bytes.subarray(0, -1) : bytes);
    if (state.start === undefined) {
      state.start = this.#parseStart(line);
    } else if (line !== "") {
      parseHeaderLine(line, state.headers);
    } else {
      const { start, headers } = state;
      const size = start.http !== undefined ? 0 : contentLength(headers);
      if (size === 0) this.#finish(message(start, headers, new Uint8Array(0)));
      else this.#state = { kind: "body", start, headers, body: new Gatherer(size) };
    }
  }

  #parseStart(line: string): StartLine {
    if (this.#accept === "HTTP responses") return parseHttpStatusLine(line);
    const isResponse = this.#accept === "responses" && /^[^ ]*\//.test(line);
    if (isResponse) return parseStatusLine(line);
    const start = parseRequestLine(line);
    if (start.http !== undefined && this.#accept === "responses") {
      throw new ProtocolError(`HTTP request of a server: ${start.method}`);
    }
    return start;
  }

  #takeBody(state: BodyState, chunk: Uint8Array, at: number): number {
    const end = Math.min(chunk.length, at + state.body.missing);
    state.body.add(chunk, at, end);
    if (state.body.missing === 0) this.#finish(message(state.start, state.headers, state.body.bytes));
    return end;
  }

  #finish(item: Framed): void {
    this.#item = item;
    this.#state = BETWEEN;
  }
}

function message(start: StartLine, headers: RtspHeaders, body: Uint8Array): Framed {
  if ("method" in start) return { kind: "request", request: { ...start, headers, body } };
  return { kind: "response", response: { ...start, headers, body } };
}

function isLetter(byte: number): boolean {
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}

type StartLine = RequestLine | StatusLine;

interface HeadState {
  readonly kind: "head";
  start: StartLine | undefined;
  readonly headers: RtspHeaders;
  /** Bytes of all complete lines. */
  size: number;
  /** The line in progress, when it began in an earlier chunk. */
  partial: Gatherer | undefined;
}

interface BodyState {
  readonly kind: "body";
  readonly start: StartLine;
  readonly headers: RtspHeaders;
  readonly body: Gatherer;
}

interface FrameState {
  readonly kind: "frame";
  channel: number;
  readonly header: Gatherer;
  /** Undefined until the header is complete. */
  payload: Gatherer | undefined;
}

type State = { readonly kind: "between" } | HeadState | BodyState | FrameState;

const BETWEEN: State = { kind: "between" };
const TEXT = new TextDecoder("utf-8", { ignoreBOM: true });
const FRAME_HEADER_BYTES = 4;
const CR = 0x0d;
const LF = 0x0a;
const DOLLAR = 0x24;
