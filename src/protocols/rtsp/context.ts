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
  /** ms without a byte of a publisher, or without the first request of a connection. */
  readonly readTimeout: number;
  /** ms without progress of a reader that has something waiting. */
  readonly writeTimeout: number;
  /** Where clients come in; shared with the other servers. */
  readonly door: Door;
  /** Counts what was not taken; shared as well. */
  readonly ignoredPackets: IgnoredPackets;
  /** Schemes offered to clients; both when empty. */
  readonly authMethods: readonly AuthMethod[];
  /** Whether media over the RTSP connection is allowed. */
  readonly tcp: boolean;
  /** Sockets for media in datagrams; undefined where that is not allowed. */
  readonly udp: UdpListener | undefined;
  readonly multicast: MulticastGroups | undefined;
}
