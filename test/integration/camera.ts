import type { Socket } from "bun";
import { RtspFramer } from "../../src/protocols/rtsp/proto/framer.ts";
import { RtspHeaders } from "../../src/protocols/rtsp/proto/headers.ts";
import type { RtspRequest } from "../../src/protocols/rtsp/proto/request.ts";
import { writeResponse } from "../../src/protocols/rtsp/proto/response.ts";
import { type SyntheticTrack, syntheticSdp, syntheticTracks } from "../support/media.ts";
import { interleaved } from "../support/rtsp-client.ts";
import { UdpPorts } from "./udp-ports.ts";

export interface CameraOptions {
  /** Seconds that a session lives without a sign of its client. */
  readonly timeout?: number;
  /** Of every answer, besides the usual ones. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A camera of ours: it answers every request, and sends what a test tells it to, in the client's way. */
export class TestCamera implements AsyncDisposable {
  readonly tracks: readonly SyntheticTrack[] = syntheticTracks();
  /** Requests so far. */
  readonly methods: string[] = [];
  /** Where the client wants datagrams of each track, as far as it does. */
  readonly clientPorts: number[] = [];
  readonly playing: Promise<void>;
  readonly #ports: readonly UdpPorts[];
  readonly #timeout: number;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #play = Promise.withResolvers<void>();
  readonly #listener: import("bun").TCPSocketListener<RtspFramer>;
  #socket: Socket<RtspFramer> | undefined;

  private constructor(ports: readonly UdpPorts[], { timeout = 60, headers = {} }: CameraOptions) {
    this.#ports = ports;
    this.#timeout = timeout;
    this.#headers = headers;
    this.playing = this.#play.promise;
    this.#listener = Bun.listen<RtspFramer>({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        open: (socket) => {
          socket.data = new RtspFramer("requests");
          this.#socket = socket;
        },
        data: (socket, chunk) => this.#receive(socket, chunk),
      },
    });
  }

  static async open(options: CameraOptions = {}): Promise<TestCamera> {
    return new TestCamera([await UdpPorts.open(), await UdpPorts.open()], options);
  }

  get url(): string {
    return `rtsp://127.0.0.1:${this.#listener.port}/stream`;
  }

  #receive(socket: Socket<RtspFramer>, chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      at += socket.data.receive(chunk, at);
      const item = socket.data.poll();
      if (item?.kind === "request") this.#answer(socket, item.request);
    }
  }

  #answer(socket: Socket<RtspFramer>, { method, headers }: RtspRequest): void {
    this.methods.push(method);
    const answer: Record<string, string> = { ...this.#headers, CSeq: headers.get("CSeq") ?? "" };
    let body = "";
    if (method === "DESCRIBE") {
      body = syntheticSdp(this.tracks);
      answer["Content-Type"] = "application/sdp";
    }
    if (method === "SETUP") {
      answer["Session"] = `cam;timeout=${this.#timeout}`;
      answer["Transport"] = this.#transport(headers.get("Transport") ?? "");
    }
    const response = { status: 200, headers: RtspHeaders.from(answer), body: new TextEncoder().encode(body) };
    socket.write(writeResponse(response));
    if (method === "PLAY") this.#play.resolve();
  }

  #transport(asked: string): string {
    const port = /client_port=(\d+)/.exec(asked)?.[1];
    if (port === undefined) return asked;
    const ports = this.#ports[this.clientPorts.length]!;
    this.clientPorts.push(Number(port));
    return `${asked.split(";mode")[0]};server_port=${ports.range}`;
  }

  /** Packet number `number` of a track. */
  packet(track: number, number: number): Uint8Array {
    const bytes = new Uint8Array(this.tracks[track]!.options.packetBytes);
    return bytes.subarray(0, this.tracks[track]!.write(bytes, number));
  }

  /** Sends it where the client wants it. */
  send(track: number, number: number, packet = this.packet(track, number)): void {
    const port = this.clientPorts[track];
    if (port === undefined) this.#socket?.write(interleaved(2 * track, packet));
    else this.#ports[track]!.send(false, packet, port);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#listener.stop(true);
    for (const ports of this.#ports) ports.close();
    return Promise.resolve();
  }
}
