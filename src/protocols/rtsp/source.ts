import type { MediaMemory } from "../../../wasm/core.ts";
import type { Clock } from "../../lib/clock.ts";
import { isExpected, SourceError } from "../../lib/errors.ts";
import type { RunningSource, SourceFigures, SourceOwner } from "../../path/source.ts";
import type { IgnoredPackets } from "../../stream/ignored-packets.ts";
import { CarrierChoice } from "./carrier-choice.ts";
import { parseServerUrl, type RtspUrl } from "./proto/url.ts";
import { type Carrier, SourceAttempt } from "./source-attempt.ts";
import { type SourceNetwork, systemNetwork } from "./source-media.ts";

/** Most redirects that are followed. */
const REDIRECTS_MAX = 5;

export interface RtspSourceOptions {
  readonly clock: Clock;
  readonly memory: MediaMemory;
  readonly ignoredPackets: IgnoredPackets;
  /** Longest wait for the server, ms. */
  readonly readTimeout: number;
  /** How servers are reached; over the system's sockets when left out. */
  readonly network?: SourceNetwork;
}

/** Starts a source with an `rtsp://` or `rtsps://` URL, or one of their tunnels. */
export function startRtspSource(owner: SourceOwner, options: RtspSourceOptions): RunningSource {
  return new RtspSource(owner, options);
}

/** Fetches a stream from an RTSP server. */
class RtspSource implements RunningSource {
  readonly #owner: SourceOwner;
  readonly #options: RtspSourceOptions;
  readonly #url: RtspUrl;
  #attempt: SourceAttempt | undefined;
  /** Where both UDP and TCP may be used. */
  readonly #choice: CarrierChoice | undefined;
  #carrier: Carrier = "tcp";
  #redirects = 0;
  #over = false;

  constructor(owner: SourceOwner, options: RtspSourceOptions) {
    this.#owner = owner;
    this.#options = options;
    this.#url = parseServerUrl(owner.conf.source);
    const { sourceProtocol } = owner.conf;
    if (this.#url.tunnel !== undefined) this.#start(this.#url, "tcp");
    else if (sourceProtocol !== "automatic") this.#start(this.#url, sourceProtocol);
    else if (this.#url.scheme === "rtsps") this.#start(this.#url, "tcp");
    else {
      this.#choice = owner.recall(() => new CarrierChoice());
      this.#start(this.#url, this.#choice.carrier);
    }
  }

  #start(url: RtspUrl, carrier: Carrier): void {
    this.#carrier = carrier;
    const { network = systemNetwork, ...options } = this.#options;
    this.#attempt = new SourceAttempt({
      ...options,
      network,
      owner: this.#owner,
      url,
      carrier,
      isTrial: this.#owner.conf.sourceProtocol === "automatic" && carrier === "udp",
      fallBack: (reason) => {
        this.#owner.logger.warn(reason);
        this.#attempt?.close();
        this.#start(url, "tcp");
      },
      redirect: (location) => this.#redirect(url, location, carrier),
      failed: (error) => this.#fail(error),
    });
  }

  #redirect(from: RtspUrl, location: string, carrier: Carrier): void {
    this.#redirects += 1;
    if (this.#redirects > REDIRECTS_MAX) throw new SourceError(`more than ${REDIRECTS_MAX} redirects`);
    // where RTSP goes through a tunnel, the other server is reached in the same way
    const to = { ...(from.tunnel !== undefined && { tunnel: from.tunnel }), ...parseServerUrl(location) };
    const { user, password } = this.#url;
    // credentials go along, but never from an encrypted connection to a plain one
    const mayKnow =
      to.user === undefined && user !== undefined && !(from.scheme === "rtsps" && to.scheme === "rtsp");
    const known = mayKnow ? { user, ...(password !== undefined && { password }) } : {};
    this.#attempt?.close();
    this.#start({ ...to, ...known }, carrier);
  }

  #fail(error: Error): void {
    if (this.#over) return;
    this.#over = true;
    const attempt = this.#attempt;
    attempt?.close();
    this.#owner.failed(error);
    if (attempt?.isDescribed !== true || !isExpected(error)) return;
    if (this.#choice?.failed(this.#carrier, error.message, attempt.playedMs) === true) {
      this.#owner.logger.warn(`failed twice, switching to ${this.#choice.carrier.toUpperCase()}`);
    }
  }

  figures(): SourceFigures {
    return this.#attempt?.figures() ?? {};
  }

  close(): void {
    this.#over = true;
    this.#attempt?.close();
  }
}
