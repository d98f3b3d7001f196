import type { MediaMemory } from "../../../wasm/core.ts";
import { connectTcp } from "../../host/connect.ts";
import type { Clock } from "../../lib/clock.ts";
import { SourceError } from "../../lib/errors.ts";
import type { RunningSource, SourceFigures, SourceOwner } from "../../path/source.ts";
import { parseSourceUrl, type RtmpSourceUrl } from "./proto/url.ts";
import { SourceAttempt } from "./source-attempt.ts";

/** Most redirects that are followed. */
const REDIRECTS_MAX = 5;

export interface RtmpSourceOptions {
  readonly clock: Clock;
  readonly memory: MediaMemory;
  /** Longest wait for the server, ms. */
  readonly readTimeout: number;
  /** Connects to a server; over the system's sockets when left out. */
  readonly connect?: typeof connectTcp;
}

/** Starts a source with a `rtmp://` or `rtmps://` URL. */
export function startRtmpSource(owner: SourceOwner, options: RtmpSourceOptions): RunningSource {
  return new RtmpSource(owner, options);
}

/** Fetches a stream from a RTMP server. */
class RtmpSource implements RunningSource {
  readonly #owner: SourceOwner;
  readonly #options: RtmpSourceOptions;
  #attempt: SourceAttempt | undefined;
  #redirects = 0;
  #over = false;

  constructor(owner: SourceOwner, options: RtmpSourceOptions) {
    this.#owner = owner;
    this.#options = options;
    this.#start(parseSourceUrl(owner.conf.source));
  }

  #start(url: RtmpSourceUrl): void {
    const { connect = connectTcp, ...options } = this.#options;
    this.#attempt = new SourceAttempt({
      ...options,
      connect,
      owner: this.#owner,
      url,
      redirect: (location) => this.#redirect(url, location),
      failed: (error) => this.#fail(error),
    });
  }

  /** The name of the stream stays, as a redirect names an application. */
  #redirect(from: RtmpSourceUrl, location: string): void {
    this.#redirects += 1;
    if (this.#redirects > REDIRECTS_MAX) throw new SourceError(`more than ${REDIRECTS_MAX} redirects`);
    const to = parseSourceUrl(`${location.replace(/#.*$/s, "")}#${from.stream}`);
    if (from.scheme === "rtmps" && to.scheme === "rtmp") {
      throw new SourceError("the server redirects to an unencrypted connection");
    }
    this.#attempt?.close();
    this.#start(to);
  }

  #fail(error: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#attempt?.close();
    this.#owner.failed(error);
  }

  figures(): SourceFigures {
    return this.#attempt?.figures() ?? {};
  }

  close(): void {
    this.#over = true;
    this.#attempt?.close();
  }
}
