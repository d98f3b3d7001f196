import {
  type SyntheticOptions,
  type SyntheticTrack,
  syntheticSdp,
  syntheticTracks,
} from "../support/media.ts";
import { RtspClient } from "../support/rtsp-client.ts";
import { localHost } from "./reader.ts";
import { UdpPorts } from "./udp-ports.ts";

/** How often what is due is sent, ms. */
const TICK_MS = 10;
/** With more than this unsent the publisher waits for the server. */
const MAX_BACKLOG = 4 * 1024 * 1024;

/** Publishes a synthetic stream at its own pace. */
export class TestPublisher implements AsyncDisposable {
  readonly client: RtspClient;
  readonly tracks: readonly SyntheticTrack[];
  /** Packets sent of each track. */
  readonly sent: number[];
  /** Of each track, when its packets go in datagrams; and the server's port for RTP. */
  readonly ports: UdpPorts[] = [];
  serverPort = 0;
  #startedAt = 0;
  /** Frames of each track before the present start. */
  #before: number[];
  #timer: ReturnType<typeof setInterval> | undefined;

  private constructor(client: RtspClient, tracks: readonly SyntheticTrack[]) {
    this.client = client;
    this.tracks = tracks;
    this.sent = tracks.map(() => 0);
    this.#before = tracks.map(() => 0);
  }

  /** Announces and sets up the tracks; nothing is published before `record`. */
  static async announce(url: string, options: SyntheticOptions = {}, udp = false): Promise<TestPublisher> {
    const client = await RtspClient.connect(url);
    const publisher = new TestPublisher(client, syntheticTracks(options));
    try {
      await publisher.#announce(udp);
    } catch (error) {
      await publisher[Symbol.asyncDispose]();
      throw error;
    }
    return publisher;
  }

  async #announce(udp: boolean): Promise<void> {
    const { client, tracks } = this;
    await client.must("OPTIONS");
    const body = syntheticSdp(tracks);
    await client.must("ANNOUNCE", { headers: { "Content-Type": "application/sdp" }, body });
    for (let i = 0; i < tracks.length; i++) {
      if (udp) {
        await this.#setUpUdp(i);
        continue;
      }
      const transport = `RTP/AVP/TCP;unicast;interleaved=${2 * i}-${2 * i + 1};mode=record`;
      await client.must("SETUP", { url: `/trackID=${i}`, headers: { Transport: transport } });
    }
  }

  async #setUpUdp(track: number): Promise<void> {
    const ports = await UdpPorts.open(localHost(this.client.url));
    this.ports.push(ports);
    const headers = { Transport: `RTP/AVP;unicast;client_port=${ports.range};mode=record` };
    const response = await this.client.must("SETUP", { url: `/trackID=${track}`, headers });
    const given = /server_port=(\d+)-/.exec(response.headers.get("Transport") ?? "")?.[1];
    this.serverPort = Number(given);
  }

  /**
   * Announces, sets up and publishes.
   *
   * @param udp whether packets go in datagrams
   */
  static async start(url: string, options: SyntheticOptions = {}, udp = false): Promise<TestPublisher> {
    const publisher = await TestPublisher.announce(url, options, udp);
    await publisher.record();
    return publisher;
  }

  async record(): Promise<void> {
    await this.client.must("RECORD");
    this.resume();
  }

  /** Sends from here on what becomes due. */
  resume(): void {
    this.#startedAt = performance.now();
    this.#before = this.tracks.map((track, i) => Math.floor(this.sent[i]! / track.options.packetsPerFrame));
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS);
  }

  /** Sends nothing more, but stays connected. */
  fallSilent(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tick(): void {
    const isDeaf = this.client.isClosed && this.ports.length === 0;
    if (isDeaf) this.fallSilent();
    if (isDeaf || this.client.backlog > MAX_BACKLOG) return;
    const elapsed = (performance.now() - this.#startedAt) / 1_000;
    this.tracks.forEach((track, i) => {
      const { framesPerSecond, packetsPerFrame } = track.options;
      const due = (this.#before[i]! + Math.floor(elapsed * framesPerSecond)) * packetsPerFrame;
      this.sendUntil(i, due);
    });
  }

  /** Sends the packets of a track up to `number`, not included. */
  sendUntil(index: number, number: number): void {
    const track = this.tracks[index]!;
    const first = this.sent[index]!;
    if (number <= first) return;
    if (this.ports.length > 0) {
      for (let i = first; i < number; i++) this.sendDatagram(index, i);
      this.sent[index] = number;
      return;
    }
    const framed = 4 + track.options.packetBytes;
    const bytes = new Uint8Array((number - first) * framed);
    for (let i = 0; i < number - first; i++) {
      const at = i * framed;
      const size = track.write(bytes.subarray(at + 4), first + i);
      bytes.set([0x24, 2 * index, size >> 8, size & 0xff], at);
    }
    this.sent[index] = number;
    this.client.send(bytes);
  }

  /** Packet number `number` of a track. */
  packet(index: number, number: number): Uint8Array {
    const track = this.tracks[index]!;
    const bytes = new Uint8Array(track.options.packetBytes);
    return bytes.subarray(0, track.write(bytes, number));
  }

  /** Sends one packet in a datagram; does not count as sent. */
  sendDatagram(index: number, number: number): void {
    const { hostname } = new URL(this.client.url);
    const address = hostname.replace(/^\[|\]$/g, "");
    this.ports[index]!.send(false, this.packet(index, number), this.serverPort, address);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.fallSilent();
    // datagrams keep a session whose connection has ended
    if (this.ports.length > 0) await this.client.request("TEARDOWN", { url: "/" }).catch(() => {});
    for (const ports of this.ports.splice(0)) ports.close();
    await this.client[Symbol.asyncDispose]();
  }
}

/** As a program of its own it publishes until it is killed: `bun publisher.ts rtsp://host:port/path`. */
if (import.meta.main) {
  await TestPublisher.start(process.argv[2]!);
  console.log("publishing");
}
