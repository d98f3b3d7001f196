/** Bytes held before the connection is not read any more. */
const HELD_BYTES_MAX = 64 * 1024;

/** What can stop receiving: a socket. */
interface Pausable {
  pause(): void;
  resume(): void;
}

/**
 * What arrives while a request is pending. Publishers do not wait for the answer: once much is held, the socket is not read
 * any more.
 */
export class HeldBytes {
  readonly #chunks: Uint8Array[] = [];
  #size = 0;
  #isPaused = false;

  /** @param chunk is not copied */
  keep(chunk: Uint8Array, socket: Pausable): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#size < HELD_BYTES_MAX || this.#isPaused) return;
    this.#isPaused = true;
    socket.pause();
  }

  take(socket: Pausable): Uint8Array[] {
    if (this.#isPaused) socket.resume();
    this.#isPaused = false;
    return this.#chunks.splice(0);
  }
}
