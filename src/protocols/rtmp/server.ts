import type { Config } from "../../config/load.ts";
import { listenTcp, type TcpListener } from "../../host/tcp.ts";
import { listenTls } from "../../host/tls.ts";
import type { Cancel } from "../../lib/clock.ts";
import { EndError } from "../../lib/errors.ts";
import { reportUnexpected } from "../../lib/faults.ts";
import type { Logger } from "../../lib/log.ts";
import { Registry } from "../../lib/registry.ts";
import { RtmpConn } from "./conn.ts";
import type { RtmpContext } from "./context.ts";
import { ChunkMemory } from "./link.ts";

/** How often timeouts are checked, ms. */
const TICK_MS = 1_000;

/** The parameters of a RTMP server. */
export interface RtmpSettings extends Pick<Config, "readTimeout" | "writeTimeout"> {
  /** Address it listens on. */
  readonly address: string;
  /** Files with key and certificate, for RTMP over TLS. */
  readonly tls?: { readonly keyFile: string; readonly certFile: string };
}

export interface RtmpServerOptions
  extends Pick<RtmpContext, "logger" | "clock" | "directory" | "hooks" | "door"> {
  readonly config: RtmpSettings;
  readonly memory: ChunkMemory["memory"];
}

/** A running RTMP server. */
export interface RtmpServerHandle {
  /** Address it listens on, `address:port`. */
  readonly address: string;
  readonly conns: Registry<RtmpConn>;
  /** Closes the listener and every connection. */
  close(): Promise<void>;
}

/** @throws {Error} if the address cannot be listened on */
export async function startRtmpServer(options: RtmpServerOptions): Promise<RtmpServerHandle> {
  const { logger, clock, config, memory } = options;
  const secure = config.tls !== undefined;
  const conns = new Registry<RtmpConn>(secure ? "rtmpsconns" : "rtmpconns");
  const chunks = new ChunkMemory(memory);
  const { directory, hooks, door } = options;
  const { readTimeout, writeTimeout } = config;
  const context = { logger, clock, chunks, directory, hooks, secure, conns, door, readTimeout, writeTimeout };
  const listener = listen(config, context);
  logger.info(`listener opened on ${listener.address}`);
  let cancel: Cancel;
  const tick = () => {
    const now = clock.now();
    for (const conn of conns.values()) look(conn, now, logger);
    cancel = clock.after(TICK_MS, tick);
  };
  cancel = clock.after(TICK_MS, tick);
  return {
    address: listener.address,
    conns,
    close: async () => {
      logger.info("listener is closing");
      cancel();
      await listener.close();
      for (const conn of conns.values()) conn.shutDown(new EndError("terminated"));
    },
  };
}

function listen({ address, tls }: RtmpSettings, context: RtmpContext): TcpListener {
  const { logger } = context;
  const accept = (socket: ConstructorParameters<typeof RtmpConn>[1]) => new RtmpConn(context, socket);
  return tls === undefined
    ? listenTcp(address, accept, { logger })
    : listenTls(address, accept, { ...tls, logger });
}

/** Ends the connection if it has timed out; a bug ends this one only. */
function look(conn: RtmpConn, now: number, logger: Logger): void {
  try {
    conn.tick(now);
  } catch (error) {
    reportUnexpected(logger, error, `the tick of ${conn.remote}`);
    conn.close(error as Error);
  }
}
