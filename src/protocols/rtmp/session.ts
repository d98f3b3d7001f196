import type { MediaMemory } from "../../../wasm/core.ts";
import type { ChunkReader } from "../../../wasm/rtmp-reader.ts";
import type { Credentials } from "../../auth/access.ts";
import { gone, type Visitor } from "../../auth/newcomer.ts";
import { type Awaitable, when } from "../../lib/awaitable.ts";
import { AuthError, BudgetError, EndError, isExpected, NoStreamError } from "../../lib/errors.ts";
import { reportUnexpected } from "../../lib/faults.ts";
import type { Logger } from "../../lib/log.ts";
import type { ByteRates } from "../../lib/rate.ts";
import type { JsonObject, Losses } from "../../lib/registry.ts";
import { type Track, trackLabel } from "../../media/track.ts";
import type { Client } from "../../path/client.ts";
import type { Here } from "../../path/directory.ts";
import type { Path } from "../../path/path.ts";
import type { Outbox } from "../../stream/outbox.ts";
import type { RtmpContext } from "./context.ts";
import type { InMessage, OutMessage, Status } from "./proto/message.ts";
import { RtmpServer, type ServerOutput, type StreamRequest } from "./proto/server.ts";
import type { RtmpTarget } from "./proto/url.ts";
import { Publishing } from "./publisher.ts";
import { Reading } from "./reader.ts";
import { capabilitiesOf, chooseTracks, ourCapabilities } from "./tracks.ts";

/** The connection, as its session needs it. */
export interface SessionConn {
  readonly id: string;
  readonly type: string;
  readonly visitor: Visitor;
  readonly outbox: Outbox;
  readonly logger: Logger;
  /** Holds what arrives until the returned function is called, which handles it. */
  hold(): () => void;
  send(message: OutMessage): void;
  /** From now on messages have any size, and their memory is charged to a share. */
  chargeTo(share: MediaMemory): void;
  close(reason: Error): void;
}

/** What a client does over its connection: it publishes or reads a stream, one at a time. */
export class RtmpSession implements Client {
  readonly #context: RtmpContext;
  readonly #conn: SessionConn;
  readonly #machine = new RtmpServer(ourCapabilities());
  /** Undefined until it has a place on a path. */
  #role: Publishing | Reading | undefined;
  #target: RtmpTarget | undefined;
  /** Whether the stream that it wants to read is there. */
  #isFound = false;
  #closed = false;

  constructor(context: RtmpContext, conn: SessionConn) {
    this.#context = context;
    this.#conn = conn;
  }

  get id(): string {
    return this.#conn.id;
  }

  get type(): string {
    return this.#conn.type;
  }

  get query(): string {
    return this.#target?.query ?? "";
  }

  /** Whether the client has sent `connect`. */
  get isConnected(): boolean {
    return this.#machine.client !== undefined;
  }

  /** Whether it publishes or reads. */
  get isActive(): boolean {
    return this.#role !== undefined;
  }

  get state(): "idle" | "read" | "publish" {
    return this.#role?.state ?? "idle";
  }

  get pathName(): string {
    return this.#role?.path.id ?? "";
  }

  get #reading(): Reading | undefined {
    return this.#role?.state === "read" ? this.#role : undefined;
  }

  get #publishing(): Publishing | undefined {
    return this.#role?.state === "publish" ? this.#role : undefined;
  }

  get bytesSent(): number {
    return this.#reading?.bytesSent ?? 0;
  }

  get framesDropped(): number {
    return this.#reading?.framesDropped ?? 0;
  }

  get lagMs(): number {
    return this.#reading?.lagMs ?? 0;
  }

  /** Takes an audio or video message; it counts only if the client publishes. */
  media(message: ChunkReader): void {
    this.#publishing?.push(message);
  }

  /** @throws {ProtocolError} if the client breaks the protocol */
  message(message: InMessage): void {
    this.#machine.receive(message);
    this.#act();
  }

  /** All that has arrived so far is handled: publishes what is new. */
  received(bytes: number): void {
    this.#machine.received(bytes);
    this.#act();
    this.#publishing?.publish();
  }

  #act(): void {
    for (let output = this.#machine.poll(); output !== undefined; output = this.#machine.poll()) {
      this.#do(output);
    }
  }

  #do(output: ServerOutput): void {
    switch (output.kind) {
      case "send":
        this.#conn.send(output.message);
        return;
      case "request":
        this.#request(output);
        return;
      case "metadata":
        this.#publishing?.metadata(output.values);
        return;
      default:
        this.#leave();
    }
  }

  #request(request: StreamRequest): void {
    let entering: Awaitable<void>;
    try {
      entering = this.#enter(request);
    } catch (error) {
      this.#refuse(request, error as Error);
      return;
    }
    if (!(entering instanceof Promise)) return;
    const release = this.#conn.hold();
    void entering.catch((error: Error) => this.#refuse(request, error)).then(release);
  }

  /** Success is answered once the client is admitted and has its place. */
  #enter({ action, target }: StreamRequest): Awaitable<void> {
    const { door } = this.#context;
    const { id, visitor } = this.#conn;
    const { path, query } = target;
    this.#target = target;
    const credentials = credentialsOf(target);
    const admission = door.admit({ entrance: "rtmp", action, path, query, credentials, id, visitor });
    return when(admission, (result) => {
      if (this.#closed) throw gone();
      if (result.kind === "refused") throw new AuthError(result.reason);
      return action === "publish" ? this.#publish(target) : this.#read(target);
    });
  }

  #publish({ path: name }: RtmpTarget): Awaitable<void> {
    return when(this.#context.directory.claim(name, this), (path) => {
      if (this.#closed) {
        path.removePublisher(this);
        throw gone();
      }
      this.#role = this.#openPublishing(path);
      this.#accept();
    });
  }

  #openPublishing(path: Path): Publishing {
    const { clock, chunks, directory } = this.#context;
    const { logger } = this.#conn;
    try {
      const publishing = new Publishing({
        path,
        client: this,
        directory,
        logger,
        clock,
        memory: chunks.memory,
        fault: this.#fault,
      });
      this.#conn.chargeTo(publishing.share);
      return publishing;
    } catch (error) {
      path.removePublisher(this);
      throw error;
    }
  }

  #read({ path: name, query }: RtmpTarget): Awaitable<void> {
    const { directory } = this.#context;
    const opened = directory.open({ name, query, waiter: this.#conn.visitor });
    return when(opened, (here) => {
      if (this.#closed) throw gone();
      this.#isFound = true;
      return this.#attach(here);
    });
  }

  #attach(here: Here): Awaitable<void> {
    const { description } = here.stream;
    const { taken: tracks, others } = chooseTracks(
      description,
      capabilitiesOf(this.#machine.client?.members),
    );
    return when(this.#context.directory.attach(here, this), () => {
      const { path, stream } = here;
      const { logger, outbox } = this.#conn;
      if (this.#closed) {
        path.removeReader(this);
        throw gone();
      }
      const names = others.map((index) => trackLabel(description.tracks[index] as Track));
      if (names.length > 0)
        logger.info(`skipping tracks that the client doesn't support: ${names.join(", ")}`);
      this.#role = new Reading({
        path,
        stream,
        tracks,
        logger,
        outbox,
        client: this,
        fault: this.#fault,
      });
      this.#accept();
      this.#reading?.begin(this.#context.clock.now());
    });
  }

  #accept(): void {
    this.#machine.accept();
    this.#act();
  }

  readonly #fault = (error: Error): void => {
    reportUnexpected(this.#conn.logger, error, "the media of a connection");
    this.#conn.close(error);
  };

  /** Nothing has told the client of success: it gets an error, and the connection is closed. */
  #refuse({ action }: StreamRequest, error: Error): void {
    if (this.#closed) return;
    if (!isExpected(error)) reportUnexpected(this.#conn.logger, error, "a request");
    this.#machine.refuse(action === "publish" ? publishStatus(error) : playStatus(error, this.#isFound));
    this.#act();
    this.#conn.close(error);
  }

  #leave(): void {
    this.#role?.close();
    this.#role = undefined;
  }

  /** The socket has room again. */
  drained(): void {
    this.#reading?.drained(this.#context.clock.now());
  }

  /**
   * Called once a second.
   *
   * @param silentMs time since the last message
   * @returns why the connection must be closed
   */
  tick(now: number, silentMs: number): Error | undefined {
    const { readTimeout, writeTimeout } = this.#context;
    const stalled = this.#reading?.stalledSince;
    if (stalled !== undefined && now - stalled > writeTimeout) {
      return new EndError("write timeout: the reader does not read");
    }
    if (this.#publishing !== undefined && silentMs > readTimeout) {
      return new EndError("i/o timeout: nothing from the publisher");
    }
    this.#reading?.reportLoss();
    this.#publishing?.tick(readTimeout);
    return undefined;
  }

  live(rates: ByteRates): JsonObject {
    return this.#role?.live(rates) ?? {};
  }

  losses(): Losses {
    const { framesDropped } = this;
    return { packetsLost: 0, packetsDropped: this.#reading?.packetsLost ?? 0, framesDropped };
  }

  /** The server stops: asks a client that can to come back. */
  shutDown(): void {
    if (this.#closed || !capabilitiesOf(this.#machine.client?.members).canReconnect) return;
    this.#machine.askToReconnect("the server is closing");
    this.#act();
  }

  /** Also how the path ends its clients. */
  close(reason: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#publishing !== undefined && !(reason instanceof EndError)) this.#machine.failed(reason.message);
    this.#machine.ended();
    this.#act();
    this.#leave();
    this.#conn.close(reason);
  }
}

function credentialsOf({ credentials }: RtmpTarget): Credentials {
  return credentials === undefined ? { kind: "none" } : { kind: "plain", ...credentials };
}

function publishStatus(error: Error): Status {
  if (error instanceof AuthError) return failure("NetStream.Publish.Denied", "authentication failed");
  if (error instanceof BudgetError || !isExpected(error))
    return failure("NetStream.Publish.Failed", error.message);
  return failure("NetStream.Publish.BadName", error.message);
}

function playStatus(error: Error, isFound: boolean): Status {
  if (error instanceof AuthError) return failure("NetStream.Play.Failed", "authentication failed");
  const isMissing = !isFound || error instanceof NoStreamError;
  return failure(isMissing ? "NetStream.Play.StreamNotFound" : "NetStream.Play.Failed", error.message);
}

function failure(code: string, description: string): Status {
  return { level: "error", code, description: description.slice(0, 512) };
}
