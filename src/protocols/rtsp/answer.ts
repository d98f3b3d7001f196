import type { RtspResponse } from "./proto/response.ts";
import type { RtspSession } from "./session.ts";

/** What a request leads to, besides the response. */
export interface Answer {
  readonly response: RtspResponse;
  /** Ends the connection once the response is sent. */
  readonly fault?: Error;
  /** Called when the response is sent. */
  readonly after?: (now: number) => void;
  /** How long the response has to wait, ms. */
  readonly delayMs?: number;
}

/** What the responder needs of the connection. */
export interface RequestOwner {
  readonly id: string;
  readonly remote: string;
  /** The peer's address without the port. */
  readonly remoteAddress: string;
  /** False once the connection is gone or about to go. */
  readonly isOpen: boolean;
  /** The session this connection is bound to. */
  readonly session: RtspSession | undefined;
  /** Ends that session; the connection stays. */
  endSession(reason: Error): void;
  /**
   * Binds the connection to a session that another one made.
   *
   * @throws {ProtocolError} if it may not be
   */
  adopt(session: RtspSession): void;
  /** Makes a session and binds the connection to it. */
  createSession(): RtspSession;
  /** The peer may do something: it is no stranger any more. */
  letIn(): void;
}
