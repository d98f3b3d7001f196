import type { RtpInfo } from "../../src/protocols/rtsp/proto/rtp-info.ts";
import { type SyntheticTrack, TrackCheck } from "../support/media.ts";
import { parseRtpInfo } from "../support/rtp-info.ts";
import { RtspClient } from "../support/rtsp-client.ts";
import { MulticastPorts } from "./multicast-ports.ts";
import { UdpPorts } from "./udp-ports.ts";

/** Longest time that media may keep us waiting in a test, ms. */
const PATIENCE_MS = 20_000;

/** A sender report (RFC 3550 §6.4.1). */
export interface SenderReport {
  readonly ssrc: number;
  /** ms since 1970. */
  readonly wall: number;
  readonly rtpTime: number;
  /** Our clock when it came, ms since 1970. */
  readonly arrival: number;
}

export interface ReaderOptions {
  /** Indexes of the tracks in the order in which they are set up. */
  readonly tracks?: readonly number[];
  /** First channel of the pair of each track, by position in `tracks`; the server chooses when left out. */
  readonly channels?: readonly number[];
  /** Whether whole frames may be missing. */
  readonly skips?: boolean;
  /** Whether packets come in datagrams. */
  readonly udp?: boolean;
  /** Whether they come to groups. */
  readonly multicast?: boolean;
}

/** Reads a synthetic stream and checks each byte of it. */
export class TestReader implements AsyncDisposable {
  readonly client: RtspClient;
  /** By index of the track; undefined for those not set up. */
  readonly checks: (TrackCheck | undefined)[];
  /** What came in this order: `sr0`, `rtp0`, … with the index of the track; the first few. */
  readonly order: string[] = [];
  readonly reports: SenderReport[] = [];
  rtpInfo: RtpInfo[] = [];
  /** Called for each RTP packet besides the checks. */
  onPacket: (track: number, packet: Uint8Array) => void = () => {};
  /** Where datagrams come to, in the order of set-up. */
  readonly ports: UdpPorts[] = [];
  readonly groups: MulticastPorts[] = [];
  readonly #unknown: string[] = [];
  readonly #trackOfChannel = new Map<number, number>();
  readonly #waiting = new Set<() => void>();

  private constructor(client: RtspClient, checks: (TrackCheck | undefined)[]) {
    this.client = client;
    this.checks = checks;
    client.onFrame = (channel, payload) => this.#frame(channel, payload);
    void client.closed.then(() => this.#wake());
  }

  /** Describes and sets up; nothing is sent before `play`. */
  static async setUp(
    url: string,
    tracks: readonly SyntheticTrack[],
    options: ReaderOptions = {},
  ): Promise<TestReader> {
    const { tracks: wanted = tracks.map((_, i) => i), channels, skips = false } = options;
    const client = await RtspClient.connect(url);
    const checks = tracks.map((track, i) => (wanted.includes(i) ? new TrackCheck(track, skips) : undefined));
    const reader = new TestReader(client, checks);
    try {
      await client.must("DESCRIBE", { headers: { Accept: "application/sdp" } });
      for (const [position, track] of wanted.entries()) {
        if (options.udp === true) await reader.#setUpUdp(track);
        else if (options.multicast === true) await reader.#setUpMulticast(track);
        else await reader.#setUpTcp(track, channels?.[position]);
      }
    } catch (error) {
      await reader[Symbol.asyncDispose]();
      throw error;
    }
    return reader;
  }

  /** @param first channel of the pair; the server chooses when left out */
  async #setUpTcp(track: number, first: number | undefined): Promise<void> {
    const pair = first === undefined ? "" : `;interleaved=${first}-${first + 1}`;
    const headers = { Transport: `RTP/AVP/TCP;unicast${pair}` };
    const response = await this.client.must("SETUP", { url: `/trackID=${track}`, headers });
    const given = /interleaved=(\d+)-/.exec(response.headers.get("Transport") ?? "")?.[1];
    this.#trackOfChannel.set(Number(given), track);
  }

  async #setUpUdp(track: number): Promise<void> {
    const ports = await UdpPorts.open(localHost(this.client.url));
    this.ports.push(ports);
    this.#trackOfChannel.set(2 * track, track);
    ports.onData = (rtcp, data) => this.#frame(2 * track + (rtcp ? 1 : 0), data);
    const headers = { Transport: `RTP/AVP;unicast;client_port=${ports.range}` };
    const response = await this.client.must("SETUP", { url: `/trackID=${track}`, headers });
    const transport = response.headers.get("Transport") ?? "";
    if (!transport.startsWith(`RTP/AVP;unicast;client_port=${ports.range};server_port=`))
      throw new Error(`Transport: ${transport}`);
  }

  async #setUpMulticast(track: number): Promise<void> {
    this.#trackOfChannel.set(2 * track, track);
    const headers = { Transport: "RTP/AVP;multicast" };
    const response = await this.client.must("SETUP", { url: `/trackID=${track}`, headers });
    const take = (rtcp: boolean, data: Uint8Array) => this.#frame(2 * track + (rtcp ? 1 : 0), data);
    this.groups.push(await MulticastPorts.join(response.headers.get("Transport") ?? "", take));
  }

  /** Sets up and plays. */
  static async start(
    url: string,
    tracks: readonly SyntheticTrack[],
    options: ReaderOptions = {},
  ): Promise<TestReader> {
    const reader = await TestReader.setUp(url, tracks, options);
    await reader.play();
    return reader;
  }

  async play(): Promise<void> {
    const response = await this.client.must("PLAY", { url: "/" });
    const info = response.headers.get("RTP-Info");
    this.rtpInfo = info === undefined ? [] : parseRtpInfo(info);
  }

  /** RTP packets received, of all tracks. */
  get packets(): number {
    return this.checks.reduce((sum, check) => sum + (check?.packets ?? 0), 0);
  }

  /** Everything that must not be. */
  get faults(): string[] {
    return [...this.#unknown, ...this.checks.flatMap((check) => check?.faults ?? [])];
  }

  #frame(channel: number, payload: Uint8Array): void {
    const track = this.#trackOfChannel.get(channel & ~1);
    if (track === undefined) {
      if (this.#unknown.length < 10) this.#unknown.push(`frame on channel ${channel}`);
      return;
    }
    const isRtp = channel % 2 === 0;
    if (this.order.length < 50) this.order.push(`${isRtp ? "rtp" : "sr"}${track}`);
    if (isRtp) {
      this.checks[track]?.receive(payload);
      this.onPacket(track, payload);
    } else {
      this.reports.push(readReport(payload));
    }
    if (this.#waiting.size > 0) this.#wake();
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }

  /** Resolves once the claim holds, asked again with every frame. @throws {Error} when it does not in time */
  async until(claim: () => boolean, what: string, patienceMs = PATIENCE_MS): Promise<void> {
    const end = performance.now() + patienceMs;
    while (!claim()) {
      if (this.client.isClosed) throw new Error(`the reader was closed before: ${what}`);
      const left = end - performance.now();
      if (left <= 0) throw new Error(`never came: ${what}`);
      await Promise.race([new Promise<void>((resolve) => this.#waiting.add(resolve)), Bun.sleep(left)]);
    }
  }

  /** Resolves once that many more packets have come. */
  async more(packets = 20): Promise<void> {
    const target = this.packets + packets;
    await this.until(() => this.packets >= target, `${packets} more packets`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // a session whose media is no part of its connection outlives that
    if (this.ports.length + this.groups.length > 0)
      await this.client.request("TEARDOWN", { url: "/" }).catch(() => {});
    for (const ports of this.ports.splice(0)) ports.close();
    for (const ports of this.groups.splice(0)) ports.close();
    await this.client[Symbol.asyncDispose]();
  }
}

/** Where a client of a URL binds its own sockets. */
export function localHost(url: string): string {
  const { hostname } = new URL(url);
  if (hostname.startsWith("127.")) return "127.0.0.1";
  return hostname.startsWith("[") ? "::" : "0.0.0.0";
}

function readReport(bytes: Uint8Array): SenderReport {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint8(1) !== 200) throw new Error(`RTCP packet of type ${view.getUint8(1)}`);
  const seconds = view.getUint32(8) + view.getUint32(12) / 0x1_0000_0000;
  return {
    ssrc: view.getUint32(4),
    wall: (seconds - 2_208_988_800) * 1_000,
    rtpTime: view.getUint32(16),
    arrival: Date.now(),
  };
}
