import type { Visitor } from "../../auth/newcomer.ts";
import type { RtspResponse } from "./proto/response.ts";
import type { RtspSession } from "./session.ts";

/** What a request leads to, besides the response. */
export interface Answer {
  readonly response: RtspResponse;
  /** Ends the connection once the response is sent. */
  readonly fault?: Error;
  /** Called when the response is sent. */
  readonly after?: (now: number) => void;
}

/** What the responder needs of the connection. */
export interface RequestOwner {
  readonly id: string;
  readonly remote: string;
  /** The connection, as authentication sees it. */
  readonly visitor: Visitor;
  /** The session this connection is bound to. */
  readonly session: RtspSession | undefined;
  /** Ends that session; the connection stays. */
  endSession(reason: Error): void;
  /**
   * Binds the connection to a session that another one made.
   *
   * @throws {ProtocolError} if it may not be
   * @throws {RefusedError} if the connection is closed
   */
  adopt(session: RtspSession): void;
  /**
   * Makes a session and binds the connection to it.
   *
   * @throws {RefusedError} if the connection is closed
   */
  createSession(): RtspSession;
}
