import type { MediaMemory } from "../../../wasm/core.ts";
import type { ChunkReader } from "../../../wasm/rtmp-reader.ts";
import type { AmfObject } from "../../formats/amf/value.ts";
import { FlvInput, type FlvOwner } from "../../ingest/flv.ts";
import { when } from "../../lib/awaitable.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Logger } from "../../lib/log.ts";
import type { ByteRates } from "../../lib/rate.ts";
import type { JsonObject } from "../../lib/registry.ts";
import { Tally } from "../../lib/tally.ts";
import { trackList } from "../../media/track.ts";
import type { Client } from "../../path/client.ts";
import type { Directory } from "../../path/directory.ts";
import type { Path } from "../../path/path.ts";
import type { Stream } from "../../stream/stream.ts";
import { pushMessage } from "./media.ts";

export interface PublishingOptions {
  readonly path: Path;
  readonly client: Client;
  readonly directory: Directory;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly memory: MediaMemory;
  /** Ends the connection. */
  readonly fault: (error: Error) => void;
}

/** The publishing side of a session: its place on the path, and its stream once the tracks are known. */
export class Publishing {
  readonly state = "publish";
  readonly path: Path;
  readonly #options: PublishingOptions;
  readonly #input: FlvInput;
  readonly #tally: Tally;
  #stream: Stream | undefined;

  /** @throws {BudgetError} if the media memory is used up */
  constructor(options: PublishingOptions) {
    const { path, client, directory, logger, clock, memory, fault } = options;
    this.path = path;
    this.#options = options;
    const owner: FlvOwner = {
      logger,
      ready: (description, tracks, share) =>
        when(directory.publish(path, client, description, tracks, share), (stream) => {
          this.#stream = stream;
          logger.info(`is publishing to path '${path.id}', ${trackList(description.tracks)}`);
          return stream;
        }),
      failed: fault,
    };
    this.#tally = new Tally(clock, (what, times) =>
      logger.warn(times === 1 ? what : `${what} (${times} times)`),
    );
    const count = (what: string, times: number) => this.#tally.count(what, times);
    this.#input = new FlvInput({ owner, clock, memory, count });
  }

  /** That memory of its messages is charged to. */
  get share(): MediaMemory {
    return this.#input.share;
  }

  /** Takes an audio or video message. */
  push(message: ChunkReader): void {
    pushMessage(this.#input, message);
  }

  metadata(values: AmfObject): void {
    this.#input.describe(values);
  }

  /** Publishes what is new. @throws {Error} if the publisher cannot go on */
  publish(): void {
    this.#input.publish();
  }

  /** Called once a second. @throws {Error} if the publisher cannot go on */
  tick(readTimeout: number): void {
    this.#input.tick(readTimeout);
  }

  live({ bitrateIn }: ByteRates): JsonObject {
    return { bitrateIn, ...this.#stream?.stats.describe() };
  }

  /** Gives the place back. */
  close(): void {
    this.#input.close();
    this.#tally.flush();
    this.path.removePublisher(this.#options.client);
  }
}
