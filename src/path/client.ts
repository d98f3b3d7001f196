/** A publisher or reader of a path. */
export interface Client {
  /** As the API names it: `rtspSession`. */
  readonly type: string;
  readonly id: string;
  /** Query of its URL, without the question mark. */
  readonly query?: string;
  /** Bytes sent to a reader. */
  readonly bytesSent?: number;
  /** Frames dropped because a reader is too slow. */
  readonly framesDropped?: number;
  /** Age of the oldest packet waiting for a reader, ms. */
  readonly lagMs?: number;
  /** Called when the path disconnects it. It is detached already. */
  close(reason: Error): void;
}

/** A client that may have to wait for a stream. */
export interface Waiter {
  /** Aborted when the client disconnects. Read only if the client has to wait. */
  readonly signal: AbortSignal;
}
