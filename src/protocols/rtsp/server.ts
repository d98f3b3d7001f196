import type { MediaMemory } from "../../../wasm/core.ts";
import type { Door } from "../../auth/door.ts";
import type { Config } from "../../config/load.ts";
import type { Hooks } from "../../hooks/hooks.ts";
import { listenTcp, type TcpListener, type TcpSocket } from "../../host/tcp.ts";
import { listenTls } from "../../host/tls.ts";
import type { Cancel, Clock } from "../../lib/clock.ts";
import { EndError } from "../../lib/errors.ts";
import { reportUnexpected } from "../../lib/faults.ts";
import type { Logger } from "../../lib/log.ts";
import { Registry } from "../../lib/registry.ts";
import type { Directory } from "../../path/directory.ts";
import type { IgnoredPackets } from "../../stream/ignored-packets.ts";
import { RtspConn } from "./conn.ts";
import { MulticastGroups } from "./multicast.ts";
import type { RtspSession, SessionContext } from "./session.ts";
import { Tunnels } from "./tunnel.ts";
import { UDP_RECEIVE_BUFFER, UdpListener } from "./udp-listener.ts";

/** How often timeouts are checked, ms. */
const TICK_MS = 1_000;

/** The parameters of an RTSP server. */
export interface RtspSettings
  extends Pick<Config, "protocols" | "authMethods" | "readTimeout" | "writeTimeout"> {
  /** Address it listens on. */
  readonly address: string;
  /** Files with key and certificate, for RTSP over TLS; media then travels over the connection only. */
  readonly tls?: Pick<Config, "serverKey" | "serverCert">;
  /** Listeners for media over UDP; omitted if UDP is not allowed. */
  readonly udp?: Pick<Config, "rtpAddress" | "rtcpAddress">;
  readonly multicast?: Pick<Config, "multicastIPRange" | "multicastRTPPort" | "multicastRTCPPort">;
}

export interface RtspServerOptions {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly config: RtspSettings;
  readonly directory: Directory;
  /** Runs the commands of the configuration; none when left out. */
  readonly hooks?: Hooks | undefined;
  readonly memory: MediaMemory;
  readonly door: Door;
  readonly ignoredPackets: IgnoredPackets;
}

/** A running RTSP server. */
export interface RtspServer {
  /** Address it listens on, `address:port`. */
  readonly address: string;
  readonly conns: Registry<RtspConn>;
  readonly sessions: Registry<RtspSession>;
  /** Closes the listener and every connection. */
  close(): Promise<void>;
}

/** @throws {Error} if the address cannot be listened on */
export async function startRtspServer(options: RtspServerOptions): Promise<RtspServer> {
  const { logger, clock, config, directory, memory } = options;
  const secure = config.tls !== undefined;
  const datagrams = await openDatagrams(options);
  const conns = new Registry<RtspConn>(secure ? "rtspsconns" : "rtspconns");
  const sessions = new Registry<RtspSession>(secure ? "rtspssessions" : "rtspsessions");
  const context: SessionContext = {
    logger,
    clock,
    memory,
    directory,
    hooks: options.hooks,
    secure,
    door: options.door,
    ignoredPackets: options.ignoredPackets,
    authMethods: config.authMethods,
    conns,
    sessions,
    tunnels: new Tunnels(),
    keys: new Map(),
    readTimeout: config.readTimeout,
    writeTimeout: config.writeTimeout,
    tcp: config.protocols.includes("tcp"),
    udp: datagrams.udp,
    multicast: datagrams.multicast,
  };
  let listener: TcpListener;
  try {
    listener = listen(options, (socket) => new RtspConn(context, socket));
  } catch (error) {
    closeDatagrams(datagrams);
    throw error;
  }
  logger.info(`listener opened on ${listenerNames(listener, datagrams.udp)}`);
  let cancel: Cancel;
  const tick = () => {
    const now = clock.now();
    for (const conn of conns.values()) look(conn, now, logger);
    for (const session of sessions.values()) look(session, now, logger);
    cancel = clock.after(TICK_MS, tick);
  };
  cancel = clock.after(TICK_MS, tick);
  return {
    address: listener.address,
    conns,
    sessions,
    close: async () => {
      logger.info("listener is closing");
      cancel();
      await listener.close();
      for (const conn of conns.values()) conn.close(new EndError("terminated"));
      for (const session of sessions.values()) session.close(new EndError("terminated"));
      closeDatagrams(datagrams);
    },
  };
}

/** Ends the item if it has timed out; a bug ends this item only. */
function look(item: RtspConn | RtspSession, now: number, logger: Logger): void {
  try {
    item.tick(now);
  } catch (error) {
    reportUnexpected(logger, error, `the tick of ${item.remote}`);
    item.close(error as Error);
  }
}

function listen({ config, logger }: RtspServerOptions, accept: Accept): TcpListener {
  const { address, tls } = config;
  if (tls === undefined) return listenTcp(address, accept, { logger });
  const { serverKey: keyFile, serverCert: certFile } = tls;
  return listenTls(address, accept, { keyFile, certFile, logger });
}

type Accept = (socket: TcpSocket) => RtspConn;
type Datagrams = Partial<Pick<SessionContext, "udp" | "multicast">>;

async function openDatagrams({
  config,
  logger,
  memory,
  ignoredPackets,
}: RtspServerOptions): Promise<Datagrams> {
  const udp = config.udp && (await UdpListener.open({ ...config.udp, memory, ignoredPackets, logger }));
  if (udp !== undefined) warnOfSmallBuffer(udp, logger);
  try {
    const multicast = config.multicast && (await openMulticast(config.multicast, memory, logger));
    return { udp, multicast };
  } catch (error) {
    udp?.close();
    throw error;
  }
}

function openMulticast(
  { multicastIPRange: range, multicastRTPPort, multicastRTCPPort }: NonNullable<RtspSettings["multicast"]>,
  memory: MediaMemory,
  logger: Logger,
): Promise<MulticastGroups> {
  return MulticastGroups.open({ range, ports: [multicastRTPPort, multicastRTCPPort], memory, logger });
}

function closeDatagrams({ udp, multicast }: Datagrams): void {
  multicast?.close();
  udp?.close();
}

/** Warns if the system grants a smaller buffer than requested: packets of publishers get lost at high rates then. */
function warnOfSmallBuffer({ rtp }: UdpListener, logger: Logger): void {
  if (rtp.receiveBuffer === undefined || rtp.receiveBuffer >= UDP_RECEIVE_BUFFER) return;
  logger.warn(
    `UDP receive buffer is ${rtp.receiveBuffer} bytes instead of ${UDP_RECEIVE_BUFFER}: ` +
      `raise the limit with 'sysctl -w net.core.rmem_max=${UDP_RECEIVE_BUFFER}'`,
  );
}

function listenerNames(listener: TcpListener, udp: UdpListener | undefined): string {
  const names = [`${listener.address} (TCP)`];
  if (udp !== undefined) names.push(`${udp.rtp.address} (UDP/RTP)`, `${udp.rtcp.address} (UDP/RTCP)`);
  return names.join(", ");
}
