import type { MediaMemory } from "../../../wasm/core.ts";
import { openUdp, type UdpSocket } from "../../host/udp.ts";
import { MpegtsInput } from "../../ingest/mpegts.ts";
import { parseAddress } from "../../lib/address.ts";
import type { Cancel, Clock } from "../../lib/clock.ts";
import { SourceError } from "../../lib/errors.ts";
import { Tally } from "../../lib/tally.ts";
import type { RunningSource, SourceFigures, SourceOwner } from "../../path/source.ts";
import { isGroup, joinEverywhere } from "./group.ts";

/** How often timeouts are checked, ms. */
const TICK_MS = 250;
const RECEIVE_BUFFER = 4 * 1024 * 1024;
const PACKET_BYTES = 188;
const SCHEME = "udp://";

export interface UdpSourceOptions {
  readonly clock: Clock;
  readonly memory: MediaMemory;
  /** Longest silence, ms. */
  readonly readTimeout: number;
  /** Opens the socket; the system's by default. */
  readonly open?: typeof openUdp;
}

/** Starts a source with a `udp://` URL: MPEG-TS in datagrams. */
export function startUdpSource(owner: SourceOwner, options: UdpSourceOptions): RunningSource {
  return new UdpSource(owner, options);
}

/** Receives MPEG-TS over UDP, from any sender. */
class UdpSource implements RunningSource {
  readonly #owner: SourceOwner;
  readonly #options: UdpSourceOptions;
  readonly #tally: Tally;
  readonly #input: MpegtsInput;
  readonly #address: string;
  #socket: UdpSocket | undefined;
  #timer: Cancel | undefined;
  #lastData: number;
  /** Size of the last datagram with an invalid size, bytes. */
  #wrongSize = 0;
  #isDue = false;
  #closed = false;

  /**
   * @throws {BudgetError} if the media memory is used up
   * @throws {ConfigError} if the URL has no address
   */
  constructor(owner: SourceOwner, options: UdpSourceOptions) {
    const { clock, memory } = options;
    this.#owner = owner;
    this.#options = options;
    this.#address = owner.conf.source.slice(SCHEME.length);
    this.#lastData = clock.now();
    this.#tally = new Tally(clock, (what, count) => this.#warn(what, count));
    this.#input = new MpegtsInput({ owner, clock, memory, count: this.#count });
    const { hostname } = parseAddress(this.#address);
    this.#open(hostname).catch((error: Error) => this.#fail(error));
    this.#tickLater();
  }

  async #open(hostname: string): Promise<void> {
    const group = isGroup(hostname) ? hostname : undefined;
    const { open = openUdp } = this.#options;
    const socket = await open(this.#address, {
      receive: this.#receive,
      logger: this.#owner.logger,
      failed: (error) => this.#fail(error),
      receiveBuffer: RECEIVE_BUFFER,
      reuse: group !== undefined,
    });
    if (this.#closed) {
      socket.close();
      return;
    }
    this.#socket = socket;
    if (group !== undefined) joinEverywhere(socket, group);
    this.#owner.logger.debug(`listening on ${socket.address}`);
  }

  /** The socket passes exceptions on to `#fail`. */
  readonly #receive = (data: Uint8Array): void => {
    if (this.#closed) return;
    if (data.length === 0 || data.length % PACKET_BYTES !== 0) {
      this.#wrongSize = data.length;
      this.#tally.count("size");
      return;
    }
    this.#lastData = this.#options.clock.now();
    this.#input.push(data);
    if (this.#isDue) return;
    this.#isDue = true;
    this.#options.clock.soon(this.#publish);
  };

  /** Publishes the media of all datagrams of this turn. */
  readonly #publish = (): void => {
    this.#isDue = false;
    if (this.#closed) return;
    try {
      this.#input.publish();
    } catch (error) {
      this.#fail(error as Error);
    }
  };

  readonly #count = (what: string, times: number): void => {
    this.#tally.count(what, times);
  };

  #warn(what: string, count: number): void {
    const { logger } = this.#owner;
    const times = count === 1 ? "" : ` (${count} times)`;
    if (what !== "size") logger.warn(`${what}${times}`);
    else logger.warn(`received packet with size ${this.#wrongSize} not multiple of ${PACKET_BYTES}${times}`);
  }

  #tickLater(): void {
    this.#timer = this.#options.clock.after(TICK_MS, () => {
      try {
        this.#tick();
      } catch (error) {
        this.#fail(error as Error);
      }
      if (!this.#closed) this.#tickLater();
    });
  }

  #tick(): void {
    const { clock, readTimeout } = this.#options;
    if (clock.now() - this.#lastData > readTimeout) {
      throw new SourceError(`read udp ${this.#socket?.address ?? this.#address}: i/o timeout`);
    }
    this.#input.tick(readTimeout);
  }

  figures(): SourceFigures {
    if (this.#socket === undefined) return {};
    const transport = isGroup(parseAddress(this.#address).hostname) ? "UDP-multicast" : "UDP";
    return { transport, packetsLost: this.#input.continuityErrors };
  }

  #fail(error: Error): void {
    if (this.#closed) return;
    this.close();
    this.#owner.failed(error);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.();
    this.#socket?.close();
    this.#input.close();
    this.#tally.flush();
  }
}
