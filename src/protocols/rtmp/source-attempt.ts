import { randomBytes } from "node:crypto";
import type { MediaMemory } from "../../../wasm/core.ts";
import type { ChunkReader } from "../../../wasm/rtmp-reader.ts";
import type { connectTcp } from "../../host/connect.ts";
import type { TcpConn, TcpSocket } from "../../host/tcp-connection.ts";
import { FlvInput } from "../../ingest/flv.ts";
import type { Cancel, Clock } from "../../lib/clock.ts";
import { EndError, ProtocolError, SourceError } from "../../lib/errors.ts";
import { Tally } from "../../lib/tally.ts";
import type { SourceFigures, SourceOwner } from "../../path/source.ts";
import { Outbox } from "../../stream/outbox.ts";
import { ChunkLink, ChunkMemory } from "./link.ts";
import { pushMessage } from "./media.ts";
import { type ClientOutput, RtmpClient } from "./proto/client.ts";
import { clientHandshake } from "./proto/handshake.ts";
import { COMMAND_MAX, MESSAGE } from "./proto/message.ts";
import type { RtmpSourceUrl } from "./proto/url.ts";
import { ourCapabilities } from "./tracks.ts";

/** How often timeouts are checked, ms. */
const TICK_MS = 250;
/** Bytes that are read at a time. */
const INPUT_BYTES = 12 * 1024;

export interface SourceAttemptOptions {
  readonly owner: SourceOwner;
  readonly clock: Clock;
  readonly memory: MediaMemory;
  /** Longest wait for the server, ms. */
  readonly readTimeout: number;
  readonly connect: typeof connectTcp;
  readonly url: RtmpSourceUrl;
  /** Called when the server redirects to another URL. */
  readonly redirect: (location: string) => void;
  /** Called when it has failed. */
  readonly failed: (error: Error) => void;
}

/** One connection to one server. */
export class SourceAttempt implements TcpConn {
  readonly #options: SourceAttemptOptions;
  readonly #tally: Tally;
  readonly #cancelConnect: () => void;
  #socket: TcpSocket | undefined;
  #outbox: Outbox | undefined;
  #link: ChunkLink | undefined;
  /** Once the handshake is done. */
  #client: RtmpClient | undefined;
  /** Once there is something to receive. */
  #input: FlvInput | undefined;
  #bytesReceived = 0;
  /** When the last message came; before the first one, when the connection was opened. */
  #lastMessage = 0;
  #timer: Cancel | undefined;
  #closed = false;

  constructor(options: SourceAttemptOptions) {
    const { url, owner, connect, readTimeout } = options;
    this.#options = options;
    this.#tally = new Tally(options.clock, (what, times) =>
      owner.logger.warn(times === 1 ? what : `${what} (${times} times)`),
    );
    owner.logger.debug("connecting");
    this.#cancelConnect = connect({
      host: url.host,
      port: url.port,
      ...(url.scheme === "rtmps" && { tls: { fingerprint: owner.conf.sourceFingerprint } }),
      timeout: readTimeout,
      open: (socket) => this.#opened(socket),
      failed: (error) => this.failed(error),
      logger: owner.logger,
    });
  }

  get #now(): number {
    return this.#options.clock.now();
  }

  #opened(socket: TcpSocket): TcpConn {
    const { memory } = this.#options;
    this.#socket = socket;
    this.#lastMessage = this.#now;
    this.#tickLater();
    try {
      const chunks = new ChunkMemory(memory, INPUT_BYTES);
      this.#outbox = new Outbox(memory, socket);
      this.#link = new ChunkLink(chunks, this.#outbox, clientHandshake("digest", randomBytes));
    } catch (error) {
      this.failed(error as Error);
    }
    return this;
  }

  data(chunk: Uint8Array): void {
    this.#bytesReceived += chunk.length;
    const link = this.#link as ChunkLink;
    for (let at = 0; at < chunk.length && !this.#closed; ) {
      at = link.receive(chunk, at, this.#take);
      if (link.isOpen && this.#client === undefined) this.#begin();
    }
    if (this.#closed) return;
    this.#client?.received(this.#bytesReceived);
    this.#act();
    this.#input?.publish();
  }

  /** The handshake is done. */
  #begin(): void {
    const { url, readTimeout: timeout } = this.#options;
    const { tcUrl, app, stream } = url;
    const capabilities = ourCapabilities();
    this.#client = new RtmpClient({ tcUrl, app, stream, capabilities, timeout }, this.#now);
    this.#act();
  }

  readonly #take = (message: ChunkReader): boolean => {
    this.#lastMessage = this.#now;
    const { type } = message;
    if (type === MESSAGE.audio || type === MESSAGE.video) {
      pushMessage(this.#media(), message);
    } else {
      if (message.size > COMMAND_MAX)
        throw new ProtocolError(`message of type ${type} has ${message.size} bytes`);
      this.#client?.receive({ type, streamId: message.streamId, body: message.copy() }, this.#now);
      this.#act();
    }
    return !this.#closed;
  };

  #media(): FlvInput {
    if (this.#input !== undefined) return this.#input;
    const { owner, clock, memory } = this.#options;
    const input = new FlvInput({
      owner: { logger: owner.logger, ready: owner.ready, failed: (error) => this.failed(error) },
      clock,
      memory,
      count: (what, times) => this.#tally.count(what, times),
    });
    this.#link?.chargeTo(input.share);
    this.#input = input;
    return input;
  }

  #act(): void {
    for (let output = this.#client?.poll(); output !== undefined; output = this.#client?.poll()) {
      if (this.#closed) return;
      this.#do(output);
    }
  }

  #do(output: ClientOutput): void {
    switch (output.kind) {
      case "send":
        if (this.#link?.send(output.message) === false)
          throw new SourceError("the server does not read requests");
        return;
      case "metadata":
        this.#media().describe(output.values);
        return;
      case "redirect":
        this.#options.redirect(output.url);
        return;
      default:
        this.#options.owner.logger.debug("playing");
    }
  }

  drain(): void {
    this.#outbox?.drain();
  }

  failed(error: Error): void {
    if (!this.#closed) this.#options.failed(error);
  }

  closed(error: Error | undefined): void {
    this.failed(error ?? new EndError("EOF"));
  }

  #tickLater(): void {
    this.#timer = this.#options.clock.after(TICK_MS, () => {
      try {
        this.#tick(this.#now);
      } catch (error) {
        this.failed(error as Error);
      }
      if (!this.#closed) this.#tickLater();
    });
  }

  #tick(now: number): void {
    const { readTimeout } = this.#options;
    if (now - this.#lastMessage > readTimeout) throw new SourceError("i/o timeout: nothing from the server");
    this.#client?.tick(now);
    this.#input?.tick(readTimeout);
  }

  /** Until the server has answered, nothing is known. */
  figures(): SourceFigures {
    const roundTripMs = this.#client?.roundTrip;
    return roundTripMs === undefined || this.#closed ? {} : { transport: "TCP", roundTripMs };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelConnect();
    this.#timer?.();
    this.#input?.close();
    this.#tally.flush();
    this.#link?.close();
    this.#outbox?.close();
    this.#socket?.end();
  }
}
