import type { MediaMemory } from "../../../wasm/core.ts";
import type { Config } from "../../config/load.ts";
import { listenTcp } from "../../host/tcp.ts";
import type { Cancel, Clock } from "../../lib/clock.ts";
import { errorText } from "../../lib/errors.ts";
import type { Logger } from "../../lib/log.ts";
import { Registry } from "../../lib/registry.ts";
import type { PathManager } from "../../path/manager.ts";
import { RtspConn } from "./conn.ts";
import type { RtspContext } from "./context.ts";
import type { RtspSession } from "./session.ts";

/** How often connections are looked at for what has waited too long, ms. */
const TICK_MS = 1_000;

export interface RtspServerOptions {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly config: Config;
  readonly paths: PathManager;
  readonly memory: MediaMemory;
}

/** A running RTSP server. */
export interface RtspServer {
  readonly conns: Registry<RtspConn>;
  readonly sessions: Registry<RtspSession>;
  /** Closes the listener and every connection. */
  close(): Promise<void>;
}

/** @throws {Error} if the address cannot be listened on */
export function startRtspServer(options: RtspServerOptions): RtspServer {
  const { logger, clock, config, paths, memory } = options;
  const context: RtspContext = {
    logger,
    clock,
    memory,
    paths,
    conns: new Registry<RtspConn>("rtspconns"),
    sessions: new Registry<RtspSession>("rtspsessions"),
    keys: new Map(),
    readTimeout: config.readTimeout,
    writeTimeout: config.writeTimeout,
    tcp: config.protocols.includes("tcp"),
  };
  const listener = listenTcp(config.rtspAddress, (socket) => new RtspConn(context, socket), {
    onFault: (error) => logFault(logger, error),
  });
  logger.info(`listener opened on ${listener.address} (TCP)`);
  let cancel: Cancel;
  const tick = () => {
    const now = clock.now();
    for (const conn of context.conns.values()) conn.tick(now);
    cancel = clock.after(TICK_MS, tick);
  };
  cancel = clock.after(TICK_MS, tick);
  return {
    conns: context.conns,
    sessions: context.sessions,
    close: async () => {
      logger.info("listener is closing");
      cancel();
      await listener.close();
      for (const conn of context.conns.values()) conn.close(new Error("terminated"));
    },
  };
}

/** A bug of ours, with its stack, one line each. */
function logFault(logger: Logger, error: unknown): void {
  const text = error instanceof Error && error.stack !== undefined ? error.stack : errorText(error);
  for (const line of text.split("\n")) logger.error(line);
}
