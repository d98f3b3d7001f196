import type { ByteSink } from "../stream/outbox.ts";
import type { ShortWrite, SinkGroup } from "../stream/sink-group.ts";
import { openSend, type Send } from "./libc.ts";

/** A socket of `listenTcp`; others are written to through the runtime. */
type Sink = ByteSink & { readonly descriptor?: number | undefined };

/**
 * Sockets that get the same bytes. If libc can be called, `send` writes from the media memory to the descriptors, at a
 * third of the runtime's cost. What a socket did not take is passed to the runtime, which reports when there is room
 * again. Without libc, or over TLS, the runtime writes everything.
 */
export class SocketGroup implements SinkGroup {
  readonly #sockets: Sink[] = [];
  /** Of each socket; -1 if only the runtime can write to it. */
  readonly #descriptors: number[] = [];
  readonly #send: Send | undefined = openSend();

  push(socket: Sink): void {
    this.#sockets.push(socket);
    this.#descriptors.push(this.#send === undefined ? -1 : (socket.descriptor ?? -1));
  }

  remove(index: number): void {
    const socket = this.#sockets.pop() as Sink;
    const descriptor = this.#descriptors.pop() as number;
    if (index === this.#sockets.length) return;
    this.#sockets[index] = socket;
    this.#descriptors[index] = descriptor;
  }

  write(bytes: Uint8Array, offset: number, length: number, short: ShortWrite): void {
    const send = this.#send;
    const address = send === undefined ? 0 : send.addressOf(bytes) + offset;
    const descriptors = this.#descriptors;
    for (let i = 0; i < descriptors.length; i++) {
      const descriptor = descriptors[i] as number;
      const sent = descriptor < 0 || send === undefined ? 0 : send.call(descriptor, address, length);
      if (sent === length) continue;
      const done = Math.max(sent, 0);
      try {
        const more = (this.#sockets[i] as Sink).write(bytes, offset + done, length - done);
        if (more < 0) short(i, -1);
        else if (done + more !== length) short(i, done + more);
      } catch (error) {
        short(i, -1, error);
      }
    }
  }
}
