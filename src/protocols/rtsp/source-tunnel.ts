import { randomBytes } from "node:crypto";
import type { ConnectOptions } from "../../host/connect.ts";
import type { TcpConn, TcpSocket } from "../../host/tcp-connection.ts";
import { EndError, SourceError } from "../../lib/errors.ts";
import { FrameSink } from "./frame-sink.ts";
import { requestTunnel, type SourceTunnelOptions } from "./http-exchange.ts";
import { ChunkedDecoder } from "./proto/chunked.ts";
import { RtspFramer } from "./proto/framer.ts";
import { TUNNEL_TYPE } from "./proto/http-tunnel.ts";
import {
  acceptKey,
  CLOSE,
  NORMAL_CLOSURE,
  PONG,
  WEBSOCKET_PROTOCOL,
  WEBSOCKET_VERSION,
  WebSocketReader,
} from "./proto/websocket.ts";
import { WebSocketSink } from "./websocket-sink.ts";

/**
 * Connects to a server through the tunnel that the URL names.
 *
 * @param connection its `open` gets the tunnel as if it were a socket
 * @returns a function that cancels it
 */
export function connectTunnel(connection: ConnectOptions, options: SourceTunnelOptions): () => void {
  const isHttp = options.url.tunnel === "http";
  return isHttp ? connectHttp(connection, options) : connectWebSocket(connection, options);
}

/** Two requests with one cookie: GET for what the server sends, POST for what it receives. */
function connectHttp(connection: ConnectOptions, options: SourceTunnelOptions): () => void {
  const cookie = { "x-sessioncookie": randomBytes(11).toString("hex") };
  const cancels = [
    requestTunnel(connection, options, {
      headers: { ...cookie, Accept: TUNNEL_TYPE, "Cache-Control": "no-cache", Pragma: "no-cache" },
      status: 200,
      open: (socket, { response, writeRequest }) => {
        const coding = response.headers.get("Transfer-Encoding") ?? "";
        const downlink = new HttpDownlink(socket, connection, /\bchunked$/i.test(coding));
        const request = writeRequest("POST", {
          ...cookie,
          "Content-Type": TUNNEL_TYPE,
          "Content-Length": POST_LENGTH,
          "Cache-Control": "no-cache",
          Pragma: "no-cache",
        });
        const open = (post: TcpSocket) => new HttpUplink(post, { downlink, request });
        const failed = (error: Error) => downlink.failed(error);
        cancels.push(options.connect({ ...connection, open, failed }), () => socket.end());
        return downlink;
      },
    }),
  ];
  return () => {
    for (const cancel of cancels) cancel();
  };
}

/** Content-Length of the POST request, whose body has no end (Tunnelling RTSP and RTP over HTTP, Apple). */
const POST_LENGTH = "32767";

/** The GET of a tunnel, whose response has no end. */
class HttpDownlink implements TcpConn {
  readonly #socket: TcpSocket;
  readonly #connection: ConnectOptions;
  /** Where something between the server and us has put the answer into chunks. */
  readonly #chunks: ChunkedDecoder | undefined;
  #conn: TcpConn | undefined;

  constructor(socket: TcpSocket, connection: ConnectOptions, isChunked: boolean) {
    this.#socket = socket;
    this.#connection = connection;
    if (!isChunked) return;
    this.#chunks = new ChunkedDecoder(
      (bytes) => this.#conn?.data(bytes),
      () => socket.failed(new EndError("EOF")),
    );
  }

  /** Both requests are sent: RTSP may begin. */
  open(write: TcpSocket["write"], post: TcpSocket): void {
    const end = () => {
      post.end();
      this.#socket.end();
    };
    this.#conn = this.#connection.open(new TunnelSocket(this.#socket, write, end));
  }

  data(chunk: Uint8Array): void {
    if (this.#chunks === undefined) this.#conn?.data(chunk);
    else this.#chunks.receive(chunk);
  }

  /** Nothing is sent on this side. */
  drain(): void {}

  /** The uplink has room again. */
  drained(): void {
    this.#conn?.drain();
  }

  failed(error: Error): void {
    if (this.#conn === undefined) this.#connection.failed(error);
    else this.#conn.failed(error);
  }

  closed(error: Error | undefined): void {
    this.failed(error ?? new EndError("EOF"));
  }
}

/** Most bytes that are encoded at once; a multiple of three, so that only the last piece may need padding. */
const PIECE = 3 * 8_192;

/** The POST of a tunnel: requests and reports in Base64. Servers need not answer it. */
class HttpUplink implements TcpConn {
  readonly #downlink: HttpDownlink;
  readonly #sink: FrameSink;
  readonly #framer = new RtspFramer("HTTP responses");
  #isAnswered = false;

  constructor(
    socket: TcpSocket,
    { downlink, request }: { readonly downlink: HttpDownlink; readonly request: Uint8Array },
  ) {
    this.#downlink = downlink;
    this.#sink = new FrameSink(socket);
    this.#sink.send(request);
    downlink.open((...piece) => this.#write(...piece), socket);
  }

  #write(bytes: Uint8Array, offset: number, length: number): number {
    return this.#sink.writePieces(bytes, { offset, length, max: PIECE }, (piece) =>
      this.#sink.send(Buffer.from(Buffer.from(piece).toString("base64"))),
    );
  }

  data(chunk: Uint8Array): void {
    if (this.#isAnswered) return;
    this.#framer.receive(chunk, 0);
    const framed = this.#framer.poll();
    if (framed?.kind !== "response") return;
    this.#isAnswered = true;
    const { status, reason = "" } = framed.response;
    if (status >= 300)
      throw new SourceError(`the server ends the tunnel: bad status code: ${status} (${reason})`);
  }

  drain(): void {
    if (this.#sink.drain()) this.#downlink.drained();
  }

  failed(error: Error): void {
    this.#downlink.failed(error);
  }

  closed(error: Error | undefined): void {
    this.failed(error ?? new EndError("the server has closed the POST request of the tunnel"));
  }
}

/** One connection, upgraded to a WebSocket. */
function connectWebSocket(connection: ConnectOptions, options: SourceTunnelOptions): () => void {
  const key = randomBytes(16).toString("base64");
  return requestTunnel(connection, options, {
    headers: {
      Connection: "Upgrade",
      "Sec-WebSocket-Key": key,
      "Sec-WebSocket-Protocol": WEBSOCKET_PROTOCOL,
      "Sec-WebSocket-Version": WEBSOCKET_VERSION,
      Upgrade: "websocket",
    },
    status: 101,
    open: (socket, { response }) => {
      if (response.headers.get("Sec-WebSocket-Accept") !== acceptKey(key)) {
        throw new SourceError("the server opens no tunnel: invalid Sec-WebSocket-Accept");
      }
      return new WebSocketClient(socket, connection);
    },
  });
}

class WebSocketClient implements TcpConn {
  readonly #conn: TcpConn;
  readonly #sink: WebSocketSink;
  readonly #reader: WebSocketReader;

  constructor(socket: TcpSocket, connection: ConnectOptions) {
    const sink = new WebSocketSink(socket, () => randomBytes(4));
    this.#sink = sink;
    this.#reader = new WebSocketReader(
      {
        data: (bytes) => this.#conn.data(bytes),
        ping: (payload) => sink.control(PONG, payload),
        close: () => this.#conn.closed(undefined),
      },
      "server",
    );
    const end = () => {
      sink.control(CLOSE, NORMAL_CLOSURE);
      socket.end();
    };
    this.#conn = connection.open(new TunnelSocket(socket, (...piece) => sink.write(...piece), end));
  }

  data(chunk: Uint8Array): void {
    this.#reader.receive(chunk);
  }

  drain(): void {
    if (this.#sink.drain()) this.#conn.drain();
  }

  failed(error: Error): void {
    this.#conn.failed(error);
  }

  closed(error: Error | undefined): void {
    this.#conn.closed(error);
  }
}

/** A tunnel in the shape of a socket, for whoever speaks RTSP through it. */
class TunnelSocket implements TcpSocket {
  readonly remote: string;
  readonly remoteAddress: string;
  readonly local: string;
  readonly descriptor = undefined;
  readonly write: TcpSocket["write"];
  readonly end: () => void;
  /** The connection on which the server sends. */
  readonly #socket: TcpSocket;

  constructor(socket: TcpSocket, write: TcpSocket["write"], end: () => void) {
    this.#socket = socket;
    this.write = write;
    this.end = end;
    this.remote = socket.remote;
    this.remoteAddress = socket.remoteAddress;
    this.local = socket.local;
  }

  terminate(): void {
    this.#socket.terminate();
    this.end();
  }

  failed(error: unknown): void {
    this.#socket.failed(error);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** The bytes of a tunnel come out of what carries them. */
  receiveInto(): void {}
}
