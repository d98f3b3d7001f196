import { RTP_CODECS } from "../../src/formats/rtp/codecs.ts";
import { writeDescription } from "../../src/formats/rtp/description.ts";
import type { CodecId } from "../../src/media/codec-parameters.ts";
import { UdpPorts } from "../integration/udp-ports.ts";
import { interleaved, RtspClient } from "../support/rtsp-client.ts";
import { readSenderReport, writeRtcp } from "../wasm/twin/rtcp.ts";
import { bare } from "./compare.ts";
import { Feed } from "./feed.ts";
import { type Bench, isEnough, type Protocol, type Publication, type ReadTrack } from "./protocol.ts";
import { describe, openReceiver, openSender, readDescription, SSRC, trackOf } from "./rtp.ts";
import { type Sample, START_S } from "./samples.ts";
import { addSource, removeSource, sourceReady } from "./source-path.ts";

type Transport = "tcp" | "udp";

/** A track may have any codec; those that no row describes are passed on. */
const CODECS = [...(Object.keys(RTP_CODECS) as CodecId[]), "generic"] as const;
const PATIENCE_MS = 20_000;

/** RTSP with both sides on one transport. */
export function rtsp(name: string, transport: Transport): Protocol {
  return {
    name,
    publish: {
      codecs: CODECS,
      isDescribed: true,
      choosesTimes: true,
      open: (bench, path, samples) => publish(bench, path, samples, transport),
    },
    read: { codecs: CODECS, open: (bench, path, samples) => read(bench, path, samples, transport) },
    normal: bare,
  };
}

/** RTSP as the server fetches it, from a path of its own that a client publishes to. */
export function rtspSource(name: string, transport: Transport): Protocol {
  return {
    name,
    publish: {
      codecs: CODECS,
      isDescribed: true,
      open: (bench, path, samples) => fetchFrom(bench, path, samples, transport),
    },
    normal: bare,
  };
}

/** A client, and where its datagrams come from and go to, by track. */
class Session implements AsyncDisposable {
  readonly client: RtspClient;
  readonly ports: UdpPorts[] = [];
  /** Ports of the server for RTP and RTCP, by track. */
  readonly serverPorts: number[][] = [];

  private constructor(client: RtspClient) {
    this.client = client;
  }

  static async connect(url: string): Promise<Session> {
    return new Session(await RtspClient.connect(url));
  }

  /** @param more parameters of the Transport header */
  async setUp(track: number, transport: Transport, more = ""): Promise<void> {
    const url = `/trackID=${track}`;
    if (transport === "tcp") {
      const Transport = `RTP/AVP/TCP;unicast;interleaved=${2 * track}-${2 * track + 1}${more}`;
      await this.client.must("SETUP", { url, headers: { Transport } });
      return;
    }
    const ports = await UdpPorts.open();
    this.ports.push(ports);
    const Transport = `RTP/AVP;unicast;client_port=${ports.range}${more}`;
    const { headers } = await this.client.must("SETUP", { url, headers: { Transport } });
    const given = /server_port=(\d+)-(\d+)/.exec(headers.get("Transport") ?? "") ?? [];
    this.serverPorts.push(given.slice(1).map(Number));
  }

  send(track: number, packet: Uint8Array, isRtcp = false): void {
    const ports = this.ports[track];
    const more = isRtcp ? 1 : 0;
    if (ports === undefined) this.client.send(interleaved(2 * track + more, packet));
    else ports.send(isRtcp, packet, (this.serverPorts[track] as number[])[more] as number);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // datagrams keep a session whose connection has ended
    await this.client.request("TEARDOWN", { url: "/" }).catch(() => {});
    for (const ports of this.ports) ports.close();
    await this.client[Symbol.asyncDispose]();
  }
}

async function publish(
  { server, memory }: Bench,
  path: string,
  samples: readonly Sample[],
  transport: Transport,
): Promise<Publication> {
  const session = await Session.connect(server.rtsp(path));
  const description = describe(samples);
  const body = writeDescription(description, { controlBase: "" });
  await session.client.must("ANNOUNCE", { headers: { "Content-Type": "application/sdp" }, body });
  for (const track of samples.keys()) await session.setUp(track, transport, ";mode=record");
  await session.client.must("RECORD");
  const wall = Date.now(); // all tracks begin at the same moment
  for (const [track, { format, rtpStart = 0 }] of samples.entries())
    session.send(track, senderReport((rtpStart + START_S * format.clockRate) >>> 0, wall), true);
  const senders = samples.map((_, track) => openSender(memory, description, track));
  const feed = new Feed(samples, (track, unit) => {
    const { rtpStart = 0 } = samples[track] as Sample;
    for (const packet of senders[track]?.packets(unit) ?? []) session.send(track, later(packet, rtpStart));
  });
  return {
    units: (sample) => feed.sent(sample),
    [Symbol.asyncDispose]: async () => {
      feed[Symbol.dispose]();
      for (const sender of senders) sender[Symbol.dispose]();
      await session[Symbol.asyncDispose]();
    },
  };
}

async function fetchFrom(
  bench: Bench,
  path: string,
  samples: readonly Sample[],
  transport: Transport,
): Promise<Publication> {
  const { server } = bench;
  const origin = `${path}-origin`;
  const publication = await publish(bench, origin, samples, "tcp");
  const from = server.log.length;
  await addSource(server, path, server.rtsp(origin), { sourceProtocol: transport });
  await sourceReady(server, path, from);
  return {
    units: (sample) => publication.units(sample),
    [Symbol.asyncDispose]: async () => {
      await removeSource(server, path);
      await publication[Symbol.asyncDispose]();
    },
  };
}

async function read(
  { server, memory }: Bench,
  path: string,
  samples: readonly Sample[],
  transport: Transport,
): Promise<ReadTrack[]> {
  using stack = new DisposableStack(); // closed last: until then packets come
  await using session = await Session.connect(server.rtsp(path));
  const { client } = session;
  const { body } = await client.must("DESCRIBE", { headers: { Accept: "application/sdp" } });
  const description = readDescription(body);
  const receivers = samples.map((_, track) => stack.use(openReceiver(memory, description, track)));
  for (const track of samples.keys()) await session.setUp(track, transport);
  const enough = Promise.withResolvers<void>();
  const zeros: (number | undefined)[] = samples.map(() => undefined);
  const rate = (track: number) => samples[track]?.format.clockRate as number;
  const take = (track: number, isRtcp: boolean, packet: Uint8Array) => {
    if (isRtcp) zeros[track] = zeroOf(packet, rate(track)) ?? zeros[track];
    else receivers[track]?.receive(packet);
    const isAll = receivers.every(({ units }, i) => zeros[i] !== undefined && isEnough(units, rate(i)));
    if (isAll) enough.resolve();
  };
  client.onFrame = (channel, packet) => take(channel >> 1, channel % 2 === 1, packet);
  for (const [track, ports] of session.ports.entries())
    ports.onData = (isRtcp, packet) => take(track, isRtcp, packet);
  const timer = setTimeout(() => {
    const counts = receivers.map(({ units }) => units.length);
    enough.reject(new Error(`units of ${path} that came: ${counts}`));
  }, PATIENCE_MS);
  await client.must("PLAY", { url: "/" });
  await enough.promise.finally(() => clearTimeout(timer));
  return receivers.map((receiver, track) => {
    // times of units have no wraps, those of reports have
    const wraps = Math.round(((receiver.units[0]?.pts ?? 0) - (zeros[track] as number)) / WRAP);
    return trackOf(description, track, receiver, (zeros[track] as number) + wraps * WRAP);
  });
}

/** RTP times repeat after so many ticks. */
const WRAP = 2 ** 32;

/** The packet with another RTP time, in place. */
function later(packet: Uint8Array, ticks: number): Uint8Array {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  view.setUint32(4, view.getUint32(4) + ticks);
  return packet;
}

/** Of NTP (RFC 5905 §6), s before 1970. */
const NTP_SECONDS = 2_208_988_800;
/** Sender reports place tracks on a clock that counts from here, ms since 1970: numbers of ticks stay exact. */
const EPOCH_MS = Date.now();

/** A sender report: RTP time `time` is at `wall`, ms since 1970. */
function senderReport(time: number, wall: number): Uint8Array {
  const fraction = Math.floor((wall % 1_000) * 4_294_967.296);
  const seconds = Math.floor(wall / 1_000) + NTP_SECONDS;
  return writeRtcp(0, 200, [SSRC, seconds, fraction, time, 0, 0]);
}

/** RTP time at `EPOCH_MS`, by a sender report. */
function zeroOf(packet: Uint8Array, clockRate: number): number | undefined {
  const report = readSenderReport(packet);
  if (report === undefined) return undefined;
  const wall = (report.seconds - NTP_SECONDS) * 1_000 + report.fraction / 4_294_967.296;
  return report.time - ((wall - EPOCH_MS) / 1_000) * clockRate;
}
