import { randomBytes, randomUUID } from "node:crypto";
import type { ChunkReader } from "../../../wasm/rtmp-reader.ts";
import type { Newcomer } from "../../auth/newcomer.ts";
import type { EndHook } from "../../hooks/hooks.ts";
import { collector } from "../../host/collector.ts";
import { formatRfc3339 } from "../../host/rfc3339.ts";
import type { TcpConn, TcpSocket } from "../../host/tcp-connection.ts";
import { EndError, ProtocolError, RefusedError } from "../../lib/errors.ts";
import type { Logger } from "../../lib/log.ts";
import { ByteRates } from "../../lib/rate.ts";
import type { JsonObject, Listed, Losses } from "../../lib/registry.ts";
import { Outbox } from "../../stream/outbox.ts";
import type { RtmpContext } from "./context.ts";
import { HeldBytes } from "./held-bytes.ts";
import { ChunkLink } from "./link.ts";
import { serverHandshake } from "./proto/handshake.ts";
import { COMMAND_MAX, MESSAGE, type OutMessage } from "./proto/message.ts";
import { RtmpSession, type SessionConn } from "./session.ts";

/** Longest time without a message on a connection that neither publishes nor reads, ms. */
const IDLE_TIMEOUT_MS = 60_000;

/** One TCP connection of a client, which publishes or reads one stream at a time. */
export class RtmpConn implements TcpConn, Listed, SessionConn {
  readonly id = randomUUID();
  readonly created: number;
  readonly remote: string;
  readonly visitor: Newcomer;
  readonly outbox: Outbox;
  readonly logger: Logger;
  readonly #context: RtmpContext;
  readonly #socket: TcpSocket;
  readonly #link: ChunkLink;
  readonly #session: RtmpSession;
  readonly #rates = new ByteRates();
  readonly #openedAt: number;
  #bytesReceived = 0;
  /** When the last complete message came. */
  #lastMessage: number;
  /** What arrives while a request is pending. */
  #held: HeldBytes | undefined;
  #isClosing = false;
  #reason: Error | undefined;
  #endHook: EndHook | undefined;

  constructor(context: RtmpContext, socket: TcpSocket) {
    this.#context = context;
    this.#socket = socket;
    this.remote = socket.remote;
    this.created = context.clock.wall();
    this.#openedAt = context.clock.now();
    this.#lastMessage = this.#openedAt;
    this.visitor = context.door.arrive(socket.remoteAddress);
    this.outbox = new Outbox(context.chunks.memory, socket);
    this.logger = context.logger.child(`conn ${socket.remote}`);
    this.#link = new ChunkLink(context.chunks, this.outbox, serverHandshake(randomBytes));
    this.#session = new RtmpSession(context, this);
    this.logger.info("opened");
    context.conns.add(this);
    if (!this.visitor.isAccepted) {
      this.#abort(new RefusedError("too many unauthenticated connections from this address"));
      return;
    }
    this.#endHook = context.hooks?.connected(this.type, this.id, this.logger);
  }

  get type(): "rtmpConn" | "rtmpsConn" {
    return this.#context.secure ? "rtmpsConn" : "rtmpConn";
  }

  data(chunk: Uint8Array): void {
    this.#bytesReceived += chunk.length;
    this.#receive(chunk, false);
  }

  /** @param isOurs whether the chunk stays valid after this call */
  #receive(chunk: Uint8Array, isOurs: boolean): void {
    for (let at = 0; at < chunk.length && this.#reason === undefined; ) {
      if (this.#held !== undefined) {
        const rest = chunk.subarray(at);
        this.#held.keep(isOurs ? rest : rest.slice(), this.#socket);
        return;
      }
      at = this.#link.receive(chunk, at, this.#take);
    }
    if (this.#reason === undefined) this.#session.received(this.#bytesReceived);
  }

  readonly #take = (message: ChunkReader): boolean => {
    this.#lastMessage = this.#context.clock.now();
    const { type } = message;
    if (type === MESSAGE.audio || type === MESSAGE.video) {
      this.#session.media(message);
    } else {
      if (message.size > COMMAND_MAX) {
        throw new ProtocolError(`message of type ${type} has ${message.size} bytes`);
      }
      collector.worked();
      this.#session.message({ type, streamId: message.streamId, body: message.copy() });
    }
    return this.#held === undefined && this.#reason === undefined;
  };

  /** Holds what arrives until the returned function is called, which handles it. */
  hold(): () => void {
    const held = new HeldBytes();
    this.#held = held;
    return () => {
      if (this.#reason !== undefined || this.#held !== held) return;
      this.#held = undefined;
      this.#lastMessage = this.#context.clock.now();
      try {
        for (const chunk of held.take(this.#socket)) this.#receive(chunk, true);
      } catch (error) {
        this.#socket.failed(error);
      }
    };
  }

  send(message: OutMessage): void {
    if (this.#reason === undefined && !this.#link.send(message)) {
      this.close(new ProtocolError("the client does not read responses"));
    }
  }

  chargeTo(share: Parameters<ChunkLink["chargeTo"]>[0]): void {
    this.#link.chargeTo(share);
  }

  drain(): void {
    this.outbox.drain();
    this.#session.drained();
  }

  /** Called once a second: enforces the timeouts. */
  tick(now: number): void {
    const { readTimeout } = this.#context;
    if (this.visitor.isOverdue(now, readTimeout)) {
      this.#abort(new EndError("i/o timeout: not authenticated"));
    } else if (this.#held === undefined) {
      const reason = this.#overdue(now) ?? this.#session.tick(now, now - this.#lastMessage);
      if (reason !== undefined) this.#abort(reason);
    }
  }

  #overdue(now: number): Error | undefined {
    if (this.#session.isActive) return undefined;
    if (!this.#session.isConnected) {
      const isLate = now - this.#openedAt > this.#context.readTimeout;
      return isLate ? new EndError("i/o timeout: no request") : undefined;
    }
    return now - this.#lastMessage > IDLE_TIMEOUT_MS ? new EndError("i/o timeout: no request") : undefined;
  }

  #abort(reason: Error): void {
    this.close(reason);
    this.#socket.terminate();
  }

  sample(now: number): void {
    this.#rates.sample(this.#bytesReceived, this.outbox.sent.total, now);
  }

  describe(): JsonObject {
    const { state, pathName } = this.#session;
    return {
      id: this.id,
      created: formatRfc3339(this.created),
      remoteAddr: this.remote,
      state,
      path: pathName,
      bytesReceived: this.#bytesReceived,
      bytesSent: this.outbox.sent.total,
      live: this.#session.live(this.#rates),
    };
  }

  losses(): Losses {
    return this.#session.losses();
  }

  failed(error: Error): void {
    this.close(error);
  }

  /** The server stops: clients that can are asked to come back. */
  shutDown(reason: Error): void {
    this.#session.shutDown();
    this.close(reason);
  }

  close(reason: Error): void {
    if (this.#reason !== undefined || this.#isClosing) return;
    this.#isClosing = true;
    this.#session.close(reason);
    this.#reason = reason;
    if (this.outbox.pending > 0) this.#socket.terminate();
    else this.#socket.end();
    this.#gone(reason);
  }

  closed(error: Error | undefined): void {
    if (this.#reason !== undefined) return;
    this.#reason = error ?? new EndError("EOF");
    this.#session.close(this.#reason);
    this.#gone(this.#reason);
  }

  #gone(reason: Error): void {
    this.#link.close();
    this.outbox.close();
    this.visitor.leave();
    this.#context.conns.delete(this);
    this.#endHook?.();
    this.logger.info(`closed (${reason.message})`);
  }
}
