import type { MediaMemory } from "../../../wasm/core.ts";
import type { Door } from "../../auth/door.ts";
import type { Hooks } from "../../hooks/hooks.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Logger } from "../../lib/log.ts";
import type { Registry } from "../../lib/registry.ts";
import type { Directory } from "../../path/directory.ts";
import type { IgnoredPackets } from "../../stream/ignored-packets.ts";
import type { MulticastGroups } from "./multicast.ts";
import type { AuthMethod } from "./proto/auth.ts";
import type { Tunnels } from "./tunnel.ts";
import type { UdpListener } from "./udp-listener.ts";

/** What the connections and sessions of one RTSP server share. */
export interface RtspContext {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly memory: MediaMemory;
  readonly directory: Directory;
  /** Runs the commands of the configuration; none when left out. */
  readonly hooks?: Hooks | undefined;
  /** Whether the connections are encrypted. */
  readonly secure: boolean;
  readonly conns: Registry;
  readonly sessions: Registry;
  /** Tunnels over HTTP. */
  readonly tunnels: Tunnels;
  /** Timeout for bytes of a publisher and for the first request of a connection, ms. */
  readonly readTimeout: number;
  /** Timeout for a reader that makes no progress while data is waiting, ms. */
  readonly writeTimeout: number;
  /** Authenticates clients; shared with the other servers. */
  readonly door: Door;
  /** Counts ignored packets; shared as well. */
  readonly ignoredPackets: IgnoredPackets;
  /** Schemes offered to clients; both when empty. */
  readonly authMethods: readonly AuthMethod[];
  /** Whether media over the RTSP connection is allowed. */
  readonly tcp: boolean;
  /** Sockets for media in datagrams; undefined where that is not allowed. */
  readonly udp: UdpListener | undefined;
  readonly multicast: MulticastGroups | undefined;
}
