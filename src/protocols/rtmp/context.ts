import type { Door } from "../../auth/door.ts";
import type { Hooks } from "../../hooks/hooks.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Logger } from "../../lib/log.ts";
import type { Registry } from "../../lib/registry.ts";
import type { Directory } from "../../path/directory.ts";
import type { ChunkMemory } from "./link.ts";

/** What the connections of one RTMP server share. */
export interface RtmpContext {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly chunks: ChunkMemory;
  readonly directory: Directory;
  /** Runs the commands of the configuration; none when left out. */
  readonly hooks?: Hooks | undefined;
  /** Whether the connections are encrypted. */
  readonly secure: boolean;
  readonly conns: Registry;
  /** Authenticates clients; shared with the other servers. */
  readonly door: Door;
  /** Timeout for messages of a publisher and for the first request of a connection, ms. */
  readonly readTimeout: number;
  /** Timeout for a reader that makes no progress while data is waiting, ms. */
  readonly writeTimeout: number;
}
