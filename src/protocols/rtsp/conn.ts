import { randomUUID } from "node:crypto";
import { gone, type Newcomer } from "../../auth/newcomer.ts";
import type { EndHook } from "../../hooks/hooks.ts";
import { collector } from "../../host/collector.ts";
import { formatRfc3339 } from "../../host/rfc3339.ts";
import type { TcpConn, TcpSocket } from "../../host/tcp.ts";
import { EndError, isExpected, ProtocolError, RefusedError } from "../../lib/errors.ts";
import type { Logger } from "../../lib/log.ts";
import { ByteRates } from "../../lib/rate.ts";
import type { JsonObject, Listed } from "../../lib/registry.ts";
import { Outbox } from "../../stream/outbox.ts";
import type { Answer } from "./answer.ts";
import { dumpRequest, dumpResponse } from "./proto/dump.ts";
import { RtspFramer } from "./proto/framer.ts";
import { readTunnelRequest, writeHttpError } from "./proto/http-tunnel.ts";
import type { RtspRequest } from "./proto/request.ts";
import { writeResponse } from "./proto/response.ts";
import { RtspResponder } from "./responder.ts";
import { RtspSession, type SessionContext } from "./session.ts";
import { type OpenedTunnel, openTunnel, type Tunnel, type TunnelOwner } from "./tunnel.ts";

/** Longest time without a request on a connection without an active session, ms. */
const IDLE_TIMEOUT_MS = 60_000;
/** Most bytes buffered while a request is pending, besides the rest of its own chunk. */
const HELD_BYTES_MAX = 64 * 1024;

/** One TCP connection: requests, responses, interleaved media; or one end of a tunnel for them. */
export class RtspConn implements TcpConn, Listed, TunnelOwner {
  readonly id = randomUUID();
  readonly created: number;
  readonly remote: string;
  readonly remoteAddress: string;
  readonly visitor: Newcomer;
  readonly outbox: Outbox;
  session: RtspSession | undefined;
  readonly #context: SessionContext;
  readonly #socket: TcpSocket;
  readonly #logger: Logger;
  readonly #framer = new RtspFramer("requests");
  readonly #responder: RtspResponder;
  #bytesReceived = 0;
  readonly #rates = new ByteRates();
  #requests = 0;
  #lastReceived: number;
  #lastRequest: number;
  #reason: Error | undefined;
  /** The request whose response is pending. */
  #held: HeldRequest | undefined;
  #endHook: EndHook | undefined;
  /** What RTSP goes through, if it began with an HTTP request. */
  #tunnel: Tunnel | undefined;

  constructor(context: SessionContext, socket: TcpSocket) {
    this.#context = context;
    this.#socket = socket;
    this.remote = socket.remote;
    this.remoteAddress = socket.remoteAddress;
    this.created = context.clock.wall();
    this.#lastReceived = context.clock.now();
    this.#lastRequest = this.#lastReceived;
    this.visitor = context.door.arrive(socket.remoteAddress);
    this.outbox = new Outbox(context.memory, socket);
    this.#responder = new RtspResponder(context, this);
    this.#logger = context.logger.child(`conn ${socket.remote}`);
    this.#logger.info("opened");
    context.conns.add(this);
    if (!this.visitor.isAccepted) {
      this.#abort(new RefusedError("too many unauthenticated connections from this address"));
      return;
    }
    const type = context.secure ? "rtspsConn" : "rtspConn";
    this.#endHook = context.hooks?.connected(type, this.id, this.#logger);
  }

  data(chunk: Uint8Array): void {
    this.#bytesReceived += chunk.length;
    this.#lastReceived = this.#context.clock.now();
    if (this.#tunnel === undefined) this.#receive(chunk, false);
    else this.#tunnel.receive(chunk);
  }

  feed(bytes: Uint8Array): void {
    this.#lastReceived = this.#context.clock.now();
    try {
      this.#receive(bytes, false);
    } catch (error) {
      this.#socket.failed(error);
    }
  }

  /** @param isOurs whether the chunk stays valid after this call */
  #receive(chunk: Uint8Array, isOurs: boolean): void {
    let at = 0;
    while (at < chunk.length && this.#reason === undefined) {
      if (this.#held !== undefined) {
        const rest = chunk.subarray(at);
        this.#held.keep(isOurs ? rest : rest.slice(), at === 0);
        return;
      }
      const media = this.#framer.idle ? this.session?.interleaved : undefined;
      if (media !== undefined) at = media.receive(chunk, at);
      if (at === chunk.length) return;
      at += this.#framer.receive(chunk, at);
      const item = this.#framer.poll();
      if (item?.kind !== "request") continue;
      if (item.request.http !== undefined) {
        this.#enterTunnel(item.request, item.request.http);
        if (this.#reason === undefined) this.#tunnel?.receive(chunk.subarray(at));
        return;
      }
      this.#handle(item.request);
    }
  }

  /** An HTTP request: what follows goes through a tunnel. */
  #enterTunnel(request: RtspRequest, version: string): void {
    if (this.#tunnel !== undefined || this.#requests > 0) {
      throw new ProtocolError("HTTP request on a connection that speaks RTSP");
    }
    try {
      this.#beginTunnel(this.#openTunnel(request));
    } catch (error) {
      if (!isExpected(error)) throw error;
      const status = error instanceof RefusedError ? "503 Service Unavailable" : "400 Bad Request";
      this.outbox.send(writeHttpError(version, status));
      this.close(error);
    }
  }

  #openTunnel(request: RtspRequest): OpenedTunnel {
    const wanted = readTunnelRequest(request);
    if (wanted === undefined)
      throw new ProtocolError(`invalid protocol: HTTP/${request.http}, expected RTSP/1.0`);
    const { tunnels, clock } = this.#context;
    return openTunnel(wanted, { owner: this, socket: this.#socket, tunnels, now: clock.now() });
  }

  #beginTunnel({ tunnel, response, sink }: OpenedTunnel): void {
    this.#tunnel = tunnel;
    this.outbox.send(response);
    if (tunnel.isUplink) this.visitor.leave(); // the other connection is the one that authenticates
    if (sink === undefined) return;
    if (this.outbox.pending > 0) throw new EndError("no room for the response");
    this.outbox.sink = sink;
  }

  #handle(request: RtspRequest): void {
    this.#requests += 1;
    collector.worked();
    this.#lastRequest = this.#lastReceived;
    this.session?.touch(this.#lastReceived);
    if (this.#logger.writes("debug")) this.#logger.debug(`[c->s] ${dumpRequest(request)}`);
    const answer = this.#responder.answer(request);
    if (!(answer instanceof Promise)) {
      this.#finish(answer);
      return;
    }
    const held = new HeldRequest();
    this.#held = held;
    void answer.then((later) => this.#release(held, later)); // it never rejects
  }

  /** Sends the response of a held request, then handles what arrived meanwhile. */
  #release(held: HeldRequest, answer: Answer): void {
    if (this.#reason !== undefined) return;
    this.#held = undefined;
    try {
      this.#finish(answer);
      for (const chunk of held.take()) this.#receive(chunk, true);
    } catch (error) {
      this.#socket.failed(error);
    }
  }

  #finish({ response, fault, after }: Answer): void {
    if (this.#logger.writes("debug")) this.#logger.debug(`[s->c] ${dumpResponse(response)}`);
    if (fault !== undefined && !isExpected(fault)) throw fault;
    if (!this.outbox.send(writeResponse(response))) {
      this.close(new ProtocolError("the client does not read responses"));
      return;
    }
    after?.(this.#context.clock.now());
    if (fault !== undefined) this.close(fault);
  }

  createSession(): RtspSession {
    if (this.#reason !== undefined) throw gone();
    const session = new RtspSession(this.#context, this);
    this.session = session;
    return session;
  }

  adopt(session: RtspSession): void {
    if (this.#reason !== undefined) throw gone();
    session.adopt(this);
    session.touch(this.#lastReceived);
    this.session = session;
  }

  endSession(reason: Error): void {
    const session = this.session;
    this.session = undefined;
    session?.end(reason);
  }

  drain(): void {
    if (this.#tunnel?.drain() === false) return;
    this.outbox.drain();
    this.session?.reader?.drained(this.#context.clock.now());
  }

  /** Called once a second: enforces the timeouts. */
  tick(now: number): void {
    const { readTimeout, writeTimeout } = this.#context;
    const session = this.session;
    if (this.visitor.isOverdue(now, readTimeout)) {
      this.#abort(new EndError("i/o timeout: not authenticated"));
      return;
    }
    const overdue = this.#tunnel?.overdue(now, readTimeout);
    if (overdue !== undefined) {
      this.#abort(overdue);
      return;
    }
    if (this.#held !== undefined || this.#tunnel?.isUplink === true) return;
    const stalled = session?.reader?.stalledSince;
    if (stalled !== undefined) {
      if (now - stalled > writeTimeout) this.#abort(new EndError("write timeout: the reader does not read"));
    } else if (session?.interleaved !== undefined) {
      if (now - Math.max(session.interleaved.lastHeard, this.#lastRequest) > readTimeout)
        this.#abort(new EndError("i/o timeout: no packets from the publisher"));
    } else if (session?.active !== true) {
      const limit = this.#requests === 0 ? readTimeout : IDLE_TIMEOUT_MS;
      if (now - this.#lastRequest > limit) this.#abort(new EndError("i/o timeout: no request"));
    }
  }

  #abort(reason: Error): void {
    this.close(reason);
    this.#socket.terminate();
  }

  sample(now: number): void {
    this.#rates.sample(this.#bytesReceived, this.#bytesSent, now);
  }

  get #bytesSent(): number {
    return this.outbox.sent.total + (this.#tunnel?.overhead ?? 0);
  }

  describe(): JsonObject {
    const { bitrateIn, bitrateOut } = this.#rates;
    return {
      id: this.id,
      created: formatRfc3339(this.created),
      remoteAddr: this.remote,
      bytesReceived: this.#bytesReceived,
      bytesSent: this.#bytesSent,
      live: { bitrateIn, bitrateOut },
    };
  }

  failed(error: Error): void {
    this.close(error);
  }

  close(reason: Error): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#tunnel?.close(reason);
    if (this.outbox.pending > 0 || this.#tunnel?.isBlocked === true) this.#socket.terminate();
    else this.#socket.end();
    this.#gone(reason, false);
  }

  closed(error: Error | undefined): void {
    if (this.#reason !== undefined) return;
    this.#reason = error ?? new EndError("EOF");
    this.#tunnel?.close(this.#reason);
    this.#gone(this.#reason, true);
  }

  /** @param lost whether the peer has disconnected, without a fault of its session */
  #gone(reason: Error, lost: boolean): void {
    const session = this.session;
    this.session = undefined;
    session?.lose(this, lost ? new EndError("not in use") : reason);
    this.outbox.close();
    this.visitor.leave();
    this.#context.conns.delete(this);
    this.#endHook?.();
    this.#logger.info(`closed (${reason.message})`);
  }
}

/** A request whose response is pending, and the bytes received after it. */
class HeldRequest {
  #chunks: Uint8Array[] = [];
  #size = 0;

  /**
   * @param chunk is not copied
   * @param isLater whether it arrived after the request, not in the same chunk
   * @throws {ProtocolError} if it is too much
   */
  keep(chunk: Uint8Array, isLater: boolean): void {
    if (isLater) this.#size += chunk.length;
    if (this.#size > HELD_BYTES_MAX) throw new ProtocolError("too much data received before the response");
    this.#chunks.push(chunk);
  }

  take(): Uint8Array[] {
    return this.#chunks.splice(0);
  }
}
