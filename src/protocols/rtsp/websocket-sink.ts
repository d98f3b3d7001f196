import { BLOCK_SIZE } from "../../../assembly/abi.ts";
import type { TcpSocket } from "../../host/tcp.ts";
import type { ByteSink } from "../../stream/outbox.ts";
import { BINARY, FRAME_HEADER_MAX, writeFrameHeader } from "./proto/websocket.ts";

/** Largest payload of a message, bytes: a block of a log fits. */
const PAYLOAD_MAX = BLOCK_SIZE;
/** A message on its way to the socket. */
const MESSAGE = new Uint8Array(FRAME_HEADER_MAX + PAYLOAD_MAX);

/** Sends what is written to it as binary WebSocket messages, one for each write. */
export class WebSocketSink implements ByteSink {
  readonly #socket: TcpSocket;
  /** The rest of a message that the socket has not accepted. */
  #rest: Uint8Array | undefined;
  /** Bytes sent that are not RTSP: the headers of frames, and control frames. */
  overhead = 0;

  constructor(socket: TcpSocket) {
    this.#socket = socket;
  }

  /** Whether the rest of a message must be sent first. */
  get isBlocked(): boolean {
    return this.#rest !== undefined;
  }

  /** A message is accepted whole or not at all; what the socket leaves of it is kept. */
  write(bytes: Uint8Array, offset: number, length: number): number {
    let done = 0;
    while (done < length && this.#rest === undefined) {
      const size = Math.min(length - done, PAYLOAD_MAX);
      const taken = this.#send(BINARY, bytes.subarray(offset + done, offset + done + size));
      if (taken < 0) return -1;
      if (taken === 0) return done;
      done += size;
    }
    return done;
  }

  /** Sends a control frame, unless a message is being sent: its sender does not read anyway. */
  control(opcode: number, payload: Uint8Array): void {
    if (this.#rest === undefined && this.#send(opcode, payload) > 0) this.overhead += payload.length;
  }

  /** @returns bytes taken by the socket: 0 if the frame is not sent, -1 if it is closed */
  #send(opcode: number, payload: Uint8Array): number {
    const header = writeFrameHeader(MESSAGE, opcode, payload.length);
    MESSAGE.set(payload, header);
    const size = header + payload.length;
    const taken = this.#socket.write(MESSAGE, 0, size);
    if (taken <= 0) return taken;
    if (taken < size) this.#rest = MESSAGE.slice(taken, size);
    this.overhead += header;
    return taken;
  }

  /** The socket has room again. @returns whether the sink has, too */
  drain(): boolean {
    const rest = this.#rest;
    if (rest === undefined) return true;
    const taken = this.#socket.write(rest, 0, rest.length);
    this.#rest = taken < 0 || taken === rest.length ? undefined : rest.subarray(taken);
    return this.#rest === undefined;
  }
}
