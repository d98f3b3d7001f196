/** The shape of a protocol with the world taken out. */
export interface Machine<Input, Output> {
  /**
   * Takes what arrived. Bytes are borrowed: copy whatever must outlive the call.
   *
   * @throws {ProtocolError} if the peer broke the protocol; `poll` may still hold an error response
   */
  receive(input: Input, now: number): void;
  /** Takes the news that `deadline` has passed. */
  tick(now: number): void;
  /** Gives the owner its next job, or undefined when there is none left. */
  poll(): Output | undefined;
  /** When `tick` is due, ms; Infinity when nothing is pending. */
  readonly deadline: number;
}
