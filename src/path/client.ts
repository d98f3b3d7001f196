/** Somebody who publishes to or reads from a path. */
export interface Client {
  /** As the API names it: `rtspSession`. */
  readonly type: string;
  readonly id: string;
  /** Of the URL that it came with, without the question mark. */
  readonly query?: string;
  /** Bytes that a reader was sent. */
  readonly bytesSent?: number;
  /** Frames that a reader did not get, being too slow. */
  readonly framesDropped?: number;
  /** Age of the oldest packet that waits for a reader, ms. */
  readonly lagMs?: number;
  /** Called when the path ends it; it need not detach itself any more. */
  close(reason: Error): void;
}

/** A client that may have to wait for a stream. */
export interface Waiter {
  /** Aborted when the client disconnects. Read only if the client has to wait. */
  readonly signal: AbortSignal;
}
