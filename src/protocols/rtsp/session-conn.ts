import type { Visitor } from "../../auth/newcomer.ts";
import type { Outbox } from "../../stream/outbox.ts";

/** The connection a session was made on, as the session needs it. */
export interface SessionConn {
  readonly remote: string;
  /** The peer's address without the port. */
  readonly remoteAddress: string;
  /** The connection, as authentication sees it. */
  readonly visitor: Visitor;
  readonly outbox: Outbox;
  /** Ends the connection, and with it the session. */
  close(reason: Error): void;
}
