import type { Socket } from "bun";
import { ClientAuth } from "../../src/protocols/rtsp/proto/auth.ts";
import { RtspFramer } from "../../src/protocols/rtsp/proto/framer.ts";
import { RtspHeaders } from "../../src/protocols/rtsp/proto/headers.ts";
import { writeRequest } from "../../src/protocols/rtsp/proto/request.ts";
import type { RtspResponse } from "../../src/protocols/rtsp/proto/response.ts";
import { shrinkReceiveBuffer } from "./socket-options.ts";

export interface RequestOptions {
  /** Absolute, or appended to the client's own URL when it begins with a slash; that URL alone when left out. */
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Takes an interleaved frame; `payload` is borrowed. */
export type FrameHandler = (channel: number, payload: Uint8Array) => void;

/** One RTSP connection as a client has it: requests, responses, interleaved frames, and ways to misbehave. */
export class RtspClient implements AsyncDisposable {
  readonly url: string;
  /** Our side as the server's log names it. */
  local = "";
  /** Replaced by whoever wants media. */
  onFrame: FrameHandler = () => {};
  /** Sent with each request once the server has named it; set it to send another. */
  session: string | undefined;
  bytesReceived = 0;
  /** Common name of the server's certificate. */
  certificate: string | undefined;
  readonly closed: Promise<void>;
  #isClosed = false;
  #credentials: { readonly user: string; readonly pass: string } | undefined;
  #auth: ClientAuth | undefined;
  #socket!: Socket<undefined>;
  #cseq = 0;
  #resolveClosed!: () => void;
  readonly #framer = new RtspFramer("responses");
  readonly #waiting: { resolve: (response: RtspResponse) => void; reject: (error: Error) => void }[] = [];
  /** What the kernel did not take yet. */
  #unsent: Uint8Array[] = [];

  private constructor(url: string) {
    this.url = url;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  /** @param url `rtsp://host:port/path`, `rtsps:` to any certificate, or `ws:` for RTSP over a WebSocket */
  static async connect(url: string): Promise<RtspClient> {
    if (url.startsWith("ws:")) return await RtspClient.#overWebSocket(url);
    const { hostname, port, protocol, username, password } = new URL(url);
    const client = new RtspClient(url.replace(/\/\/[^/@]*@/, "//"));
    if (username !== "") client.#credentials = { user: username, pass: password };
    const secure = Promise.withResolvers<void>();
    client.#socket = await Bun.connect({
      ...(protocol === "rtsps:" && { tls: { rejectUnauthorized: false } }),
      hostname: hostname.replace(/^\[|\]$/g, ""),
      port: Number(port),
      allowHalfOpen: true,
      socket: {
        handshake: (socket) => {
          client.certificate = String(socket.getPeerCertificate()?.subject?.CN);
          secure.resolve();
        },
        data: (_, chunk) => client.#receive(chunk),
        drain: () => client.#flush(),
        end: (socket) => {
          socket.end();
        },
        close: () => {
          client.#ended();
          secure.resolve();
        },
        error: () => client.#ended(),
      },
    });
    if (protocol === "rtsps:") await secure.promise;
    const { localAddress, localPort } = client.#socket;
    client.local = `${localAddress.includes(":") ? `[${localAddress}]` : localAddress}:${localPort}`;
    return client;
  }

  static async #overWebSocket(url: string): Promise<RtspClient> {
    const client = new RtspClient(url.replace("ws:", "rtsp:"));
    const socket = new WebSocket(url, "rtsp.onvif.org");
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => client.#receive(new Uint8Array(data as ArrayBuffer));
    const opened = new Promise<void>((resolve) => {
      socket.onopen = () => resolve();
      socket.onclose = () => {
        client.#ended();
        resolve();
      };
    });
    client.#socket = {
      write: (bytes: Uint8Array) => {
        socket.send(bytes as Uint8Array<ArrayBuffer>);
        return bytes.length;
      },
      end: () => socket.close(),
      terminate: () => socket.terminate(),
    } as unknown as Socket<undefined>;
    await opened;
    return client;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Bytes that wait for the kernel. */
  get backlog(): number {
    return this.#unsent.reduce((sum, { length }) => sum + length, 0);
  }

  /** Sends a request; rejects when the connection ends first. */
  request(method: string, options: RequestOptions = {}): Promise<RtspResponse> {
    const response = new Promise<RtspResponse>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
    this.send(this.write(method, options));
    if (this.#isClosed) this.#ended();
    return response;
  }

  /** A request as bytes. */
  write(method: string, { url = "", headers = {}, body }: RequestOptions = {}): Uint8Array {
    this.#cseq += 1;
    const target = url === "" || url.startsWith("/") ? this.url + url : url;
    return writeRequest({
      method,
      url: target,
      headers: RtspHeaders.from({
        CSeq: String(this.#cseq),
        ...(this.session !== undefined && { Session: this.session }),
        ...(this.#auth !== undefined && { Authorization: this.#auth.authorize(method, target) }),
        ...headers,
      }),
      body: new TextEncoder().encode(body ?? ""),
    });
  }

  /**
   * A request that must be answered by 200; a challenge is answered when the URL has credentials.
   *
   * @throws {Error} otherwise
   */
  async must(method: string, options: RequestOptions = {}): Promise<RtspResponse> {
    let response = await this.request(method, options);
    if (response.status === 401 && this.#credentials !== undefined && this.#auth === undefined) {
      const challenges = response.headers.getAll("WWW-Authenticate");
      this.#auth = ClientAuth.all(challenges, this.#credentials, () => "00")[0];
      response = await this.request(method, options);
    }
    if (response.status !== 200) throw new Error(`${method} ${this.url}: ${response.status}`);
    const session = response.headers.get("Session");
    if (session !== undefined) this.session = session;
    return response;
  }

  /** Sends bytes as they are; they must not change until sent. */
  send(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    if (this.#unsent.length > 0) {
      this.#unsent.push(bytes);
      return;
    }
    const taken = Math.max(this.#socket.write(bytes), 0);
    if (taken < bytes.length) this.#unsent.push(bytes.subarray(taken));
  }

  /** Offers the kernel again what it did not take: a paused socket is not always told when there is room. */
  retry(): void {
    this.#flush();
  }

  #flush(): void {
    const unsent = this.#unsent;
    this.#unsent = [];
    unsent.forEach((bytes) => {
      this.send(bytes);
    });
  }

  /** Resolves once everything sent is with the kernel, or the connection has ended. */
  async sent(): Promise<void> {
    while (this.#unsent.length > 0 && !this.#isClosed) await Bun.sleep(1);
  }

  #receive(chunk: Uint8Array): void {
    this.bytesReceived += chunk.length;
    let at = 0;
    while (at < chunk.length) {
      at += this.#framer.receive(chunk, at);
      const item = this.#framer.poll();
      if (item?.kind === "interleaved") this.onFrame(item.channel, item.payload);
      else if (item?.kind === "response") this.#waiting.shift()?.resolve(item.response);
    }
  }

  #ended(): void {
    this.#isClosed = true;
    this.#unsent = [];
    for (const { reject } of this.#waiting.splice(0))
      reject(new Error(`${this.url}: the connection was closed`));
    this.#resolveClosed();
  }

  /** Stops and restarts reading. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Makes the kernel hold few received bytes, so that the server soon feels a reader that is slow. */
  shrinkReceiveBuffer(bytes: number): void {
    shrinkReceiveBuffer(this.#socket, bytes);
  }

  /** FIN, while reading on. */
  halfClose(): void {
    this.#socket.shutdown();
  }

  /** RST. */
  terminate(): void {
    this.#socket.terminate();
  }

  /** Ends it in order and waits for the other side. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#socket.end();
    await this.closed;
  }
}

/** An interleaved frame (RFC 2326 §10.12). */
export function interleaved(channel: number, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(4 + payload.length);
  frame.set([0x24, channel, payload.length >> 8, payload.length & 0xff]);
  frame.set(payload, 4);
  return frame;
}
