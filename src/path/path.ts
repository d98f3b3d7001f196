import { type PathConfig, pathConfigToJson } from "../config/load.ts";
import { formatRfc3339 } from "../host/rfc3339.ts";
import { RefusedError } from "../lib/errors.ts";
import type { Logger } from "../lib/log.ts";
import type { JsonObject, Listed } from "../lib/registry.ts";
import { trackLabel } from "../media/track.ts";
import type { Stream } from "../stream/stream.ts";

/** Somebody who publishes to or reads from a path. */
export interface Client {
  /** As the API names it: `rtspSession`. */
  readonly type: string;
  readonly id: string;
  /** Called when the path ends it; it need not detach itself any more. */
  close(reason: Error): void;
}

export interface PathOptions {
  readonly name: string;
  readonly confName: string;
  readonly conf: PathConfig;
  readonly logger: Logger;
  /** Wall clock of now, ms since 1970. */
  readonly created: number;
  /** Told when nobody uses it any more. */
  readonly onIdle: (path: Path) => void;
}

/** A path: at most one publisher, its stream, and the readers of that. */
export class Path implements Listed {
  readonly id: string;
  readonly created: number;
  /** Key of the entry it belongs to; a reload may find it another one of the same parameters. */
  confName: string;
  readonly conf: PathConfig;
  readonly logger: Logger;
  readonly #onIdle: (path: Path) => void;
  readonly #readers = new Set<Client>();
  #publisher: Client | undefined;
  #ready: { readonly stream: Stream; readonly since: number } | undefined;
  /** RTP bytes of the streams that ended. */
  #bytesBefore = 0;
  #closed = false;

  constructor(options: PathOptions) {
    this.id = options.name;
    this.created = options.created;
    this.confName = options.confName;
    this.conf = options.conf;
    this.logger = options.logger;
    this.#onIdle = options.onIdle;
  }

  get stream(): Stream | undefined {
    return this.#ready?.stream;
  }

  /** Whether anybody is attached. */
  get used(): boolean {
    return this.#publisher !== undefined || this.#readers.size > 0;
  }

  /**
   * Gives the publisher's place to a newcomer; who had it is closed, with the readers.
   *
   * @throws {RefusedError} if the place is taken and may not be taken over, or is not for publishers
   */
  addPublisher(publisher: Client): void {
    if (this.conf.source !== "publisher") {
      throw new RefusedError(`can't publish to path '${this.id}' since 'source' is not 'publisher'`);
    }
    const old = this.#publisher;
    if (old !== undefined) {
      if (!this.conf.overridePublisher) {
        throw new RefusedError(`someone is already publishing to path '${this.id}'`);
      }
      this.logger.info("closing existing publisher");
      this.#publisher = publisher;
      this.endStream();
      old.close(new Error("terminated"));
    }
    this.#publisher = publisher;
  }

  /** Whether the place is still this publisher's. */
  isPublisher(publisher: Client): boolean {
    return this.#publisher === publisher;
  }

  /**
   * Makes the stream of the publisher available.
   *
   * @throws {RefusedError} if somebody else took the place meanwhile
   */
  startStream(publisher: Client, stream: Stream, now: number): void {
    if (this.#publisher !== publisher || this.#closed) {
      throw new RefusedError("publisher is not assigned to this path anymore");
    }
    this.#ready = { stream, since: now };
  }

  /** Ends the stream; its readers are disconnected. */
  endStream(): void {
    const ready = this.#ready;
    if (ready === undefined) return;
    this.#ready = undefined;
    this.#bytesBefore += ready.stream.bytesReceived;
    ready.stream.finish();
    const readers = [...this.#readers];
    this.#readers.clear();
    for (const reader of readers) reader.close(new Error("terminated"));
    ready.stream.close();
  }

  removePublisher(publisher: Client): void {
    if (this.#publisher !== publisher) return;
    this.#publisher = undefined;
    this.endStream();
    this.#idle();
  }

  /** @throws {RefusedError} if `maxReaders` are there already */
  addReader(reader: Client): void {
    const most = this.conf.maxReaders;
    if (most !== 0 && this.#readers.size >= most) throw new RefusedError("maximum reader count reached");
    this.#readers.add(reader);
  }

  removeReader(reader: Client): void {
    this.#readers.delete(reader);
    this.#idle();
  }

  #idle(): void {
    if (!this.used && !this.#closed) this.#onIdle(this);
  }

  describe(): JsonObject {
    const source = this.#publisher;
    const ready = this.#ready;
    return {
      name: this.id,
      confName: this.confName,
      conf: pathConfigToJson(this.conf),
      source: source === undefined ? null : { type: source.type, id: source.id },
      sourceReady: ready !== undefined,
      ready: ready !== undefined,
      readyTime: ready === undefined ? null : formatRfc3339(ready.since),
      tracks: ready === undefined ? [] : ready.stream.description.tracks.map(trackLabel),
      bytesReceived: this.#bytesBefore + (ready?.stream.bytesReceived ?? 0),
      readers: [...this.#readers].map(({ type, id }) => ({ type, id })),
    };
  }

  /** Disconnects everybody. */
  close(reason: Error): void {
    this.#closed = true;
    const publisher = this.#publisher;
    this.#publisher = undefined;
    this.endStream();
    for (const reader of [...this.#readers]) reader.close(reason);
    this.#readers.clear();
    publisher?.close(reason);
  }
}
