import type { TcpSocket } from "../../host/tcp.ts";

/** Sends frames to a socket, each whole or not at all: what the socket does not accept of one is kept. */
export class FrameSink {
  readonly #socket: TcpSocket;
  /** The rest of a frame that the socket has not accepted. */
  #rest: Uint8Array | undefined;

  constructor(socket: TcpSocket) {
    this.#socket = socket;
  }

  /** Whether the rest of a frame must be sent first. */
  get isBlocked(): boolean {
    return this.#rest !== undefined;
  }

  /**
   * Sends borrowed bytes. Not to be called while it is blocked.
   *
   * @returns bytes taken by the socket: 0 if the frame is not sent, -1 if it is closed
   */
  send(frame: Uint8Array): number {
    const taken = this.#socket.write(frame, 0, frame.length);
    if (taken > 0 && taken < frame.length) this.#rest = frame.slice(taken);
    return taken;
  }

  /**
   * Sends any number of bytes as frames of at most `max` bytes each.
   *
   * @param send sends one piece as a frame, and returns what `FrameSink.send` does
   * @returns bytes that were sent in frames; -1 if the socket is closed
   */
  writePieces(
    bytes: Uint8Array,
    { offset, length, max }: { readonly offset: number; readonly length: number; readonly max: number },
    send: (piece: Uint8Array) => number,
  ): number {
    let done = 0;
    while (done < length && !this.isBlocked) {
      const size = Math.min(length - done, max);
      const taken = send(bytes.subarray(offset + done, offset + done + size));
      if (taken < 0) return -1;
      if (taken === 0) return done;
      done += size;
    }
    return done;
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
