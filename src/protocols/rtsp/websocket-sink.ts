import { BLOCK_SIZE } from "../../../assembly/abi.ts";
import type { TcpSocket } from "../../host/tcp.ts";
import type { ByteSink } from "../../stream/outbox.ts";
import { FrameSink } from "./frame-sink.ts";
import { applyMask, BINARY, FRAME_HEADER_MAX, writeFrameHeader } from "./proto/websocket.ts";

/** Largest payload of a message, bytes: a block of a log fits. */
const PAYLOAD_MAX = BLOCK_SIZE;
/** A message on its way to the socket. */
const MESSAGE = new Uint8Array(FRAME_HEADER_MAX + PAYLOAD_MAX);

/** Sends what is written to it as binary WebSocket messages, one for each write. */
export class WebSocketSink implements ByteSink {
  readonly #frames: FrameSink;
  readonly #newMask: (() => Uint8Array) | undefined;
  /** Bytes sent that are not RTSP: the headers of frames, and control frames. */
  overhead = 0;

  /** @param newMask for clients: returns the mask of a message, four bytes */
  constructor(socket: TcpSocket, newMask?: () => Uint8Array) {
    this.#frames = new FrameSink(socket);
    this.#newMask = newMask;
  }

  /** Whether the rest of a message must be sent first. */
  get isBlocked(): boolean {
    return this.#frames.isBlocked;
  }

  /** A message is accepted whole or not at all; what the socket does not accept of it is kept. */
  write(bytes: Uint8Array, offset: number, length: number): number {
    return this.#frames.writePieces(bytes, { offset, length, max: PAYLOAD_MAX }, this.#sendData);
  }

  readonly #sendData = (piece: Uint8Array): number => this.#send(BINARY, piece);

  /** Sends a control frame; drops it while the rest of a message waits, because the peer does not read then. */
  control(opcode: number, payload: Uint8Array): void {
    if (!this.isBlocked && this.#send(opcode, payload) > 0) this.overhead += payload.length;
  }

  /** @returns bytes taken by the socket: 0 if the frame is not sent, -1 if it is closed */
  #send(opcode: number, payload: Uint8Array): number {
    const mask = this.#newMask?.();
    const header = writeFrameHeader(MESSAGE, opcode, payload.length, mask);
    const size = header + payload.length;
    MESSAGE.set(payload, header);
    if (mask !== undefined) applyMask(MESSAGE.subarray(header, size), mask);
    const taken = this.#frames.send(MESSAGE.subarray(0, size));
    if (taken > 0) this.overhead += header;
    return taken;
  }

  /** The socket has room again. @returns whether the sink has, too */
  drain(): boolean {
    return this.#frames.drain();
  }
}
