import type { ConnectOptions } from "../../../src/host/connect.ts";
import type { TcpConn, TcpSocket } from "../../../src/host/tcp-connection.ts";
import { reportUnexpected } from "../../../src/lib/faults.ts";
import { RtspFramer } from "../../../src/protocols/rtsp/proto/framer.ts";
import { RtspHeaders } from "../../../src/protocols/rtsp/proto/headers.ts";
import type { RtspRequest } from "../../../src/protocols/rtsp/proto/request.ts";
import { writeResponse } from "../../../src/protocols/rtsp/proto/response.ts";
import type { TransportSpec } from "../../../src/protocols/rtsp/proto/transport-header.ts";
import type {
  SourceMedia,
  SourceMediaOptions,
  SourceNetwork,
} from "../../../src/protocols/rtsp/source-media.ts";

/** A network of servers that do nothing until a test tells them to. */
export class FakeNetwork implements SourceNetwork {
  readonly connections: FakeConnection[] = [];
  readonly medias: FakeMedia[] = [];
  /** What opening sockets for datagrams waits for. */
  mediaReady: Promise<void> = Promise.resolve();

  connect(options: ConnectOptions): () => void {
    const connection = new FakeConnection(options);
    this.connections.push(connection);
    return () => {
      connection.cancelled = true;
    };
  }

  async openMedia(carrier: "udp" | "multicast", options: SourceMediaOptions): Promise<SourceMedia> {
    const media = new FakeMedia(carrier, options);
    this.medias.push(media);
    await this.mediaReady;
    return media;
  }

  /** The newest connection. */
  get last(): FakeConnection {
    return this.connections.at(-1)!;
  }
}

/** A connection from the server's side. */
export class FakeConnection implements TcpSocket {
  readonly options: ConnectOptions;
  readonly remote = "10.0.0.9:554";
  readonly remoteAddress = "10.0.0.9";
  readonly local = "10.0.0.1:40000";
  readonly descriptor = undefined;
  cancelled = false;
  ended = false;
  readonly #framer = new RtspFramer("requests");
  readonly #requests: RtspRequest[] = [];
  #conn: TcpConn | undefined;
  #answered: RtspRequest | undefined;

  constructor(options: ConnectOptions) {
    this.options = options;
  }

  /** It stands. */
  open(): void {
    this.#conn = this.options.open(this);
  }

  write(bytes: Uint8Array, offset: number, length: number): number {
    const chunk = bytes.slice(offset, offset + length);
    for (let at = 0; at < chunk.length; ) {
      at += this.#framer.receive(chunk, at);
      const item = this.#framer.poll();
      if (item?.kind === "request") this.#requests.push(item.request);
    }
    return length;
  }

  end(): void {
    this.ended = true;
  }

  terminate(): void {
    this.ended = true;
  }

  failed(error: unknown): void {
    reportUnexpected(this.options.logger, error, "the fake connection");
    this.#conn?.failed(error as Error);
  }

  pause(): void {}
  resume(): void {}
  receiveInto(): void {}

  /** The server ends it. */
  close(): void {
    this.#conn?.closed(undefined);
  }

  /** Sends bytes, as `host/tcp.ts` brings them. */
  feed(bytes: Uint8Array): void {
    try {
      this.#conn?.data(bytes);
    } catch (error) {
      this.failed(error);
    }
  }

  /** Methods of the requests that were not looked at yet. */
  get waiting(): readonly string[] {
    return this.#requests.map(({ method }) => method);
  }

  /** The next request, which must have this method. */
  take(method: string): RtspRequest {
    const request = this.#requests.shift();
    if (request?.method !== method) throw new Error(`${request?.method} instead of ${method}`);
    this.#answered = request;
    return request;
  }

  /** Answers the request that was taken last. */
  answer(headers: Readonly<Record<string, string>> = {}, body = "", status = 200): void {
    const sequence = this.#answered?.headers.get("CSeq") ?? "";
    const all = RtspHeaders.from({ ...headers, CSeq: sequence });
    this.feed(writeResponse({ status, headers: all, body: new TextEncoder().encode(body) }));
  }
}

/** Sockets for datagrams, from the server's side. */
export class FakeMedia implements SourceMedia {
  readonly carrier: "udp" | "multicast";
  readonly offers: readonly TransportSpec[];
  readonly answers: (TransportSpec | undefined)[] = [];
  punched = 0;
  reports = 0;
  closed = 0;
  readonly #options: SourceMediaOptions;

  constructor(carrier: "udp" | "multicast", options: SourceMediaOptions) {
    this.carrier = carrier;
    this.#options = options;
    this.offers = Array.from({ length: options.tracks }, (_, i) => ({
      protocol: "udp",
      delivery: carrier === "udp" ? "unicast" : "multicast",
      clientPort: [20_000 + 2 * i, 20_001 + 2 * i],
      mode: "play",
    }));
  }

  answered(track: number, transport: TransportSpec | undefined): void {
    this.answers[track] = transport;
  }

  punch(): void {
    this.punched += 1;
  }

  report(): void {
    this.reports += 1;
  }

  close(): void {
    this.closed += 1;
  }

  /** A datagram of the server, as `host/udp.ts` brings it. */
  datagram(track: number, data: Uint8Array, rtcp = false): void {
    try {
      this.#options.take(track, rtcp, data);
    } catch (error) {
      reportUnexpected(this.#options.logger, error, "a datagram");
      this.#options.failed(error as Error);
    }
  }
}
