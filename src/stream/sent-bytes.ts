/** A group of readers that are sent the same bytes in one go. */
export interface SentGroup {
  /** Bytes sent to the group since it exists. */
  readonly groupBytes: number;
}

/**
 * The bytes sent over one connection. Everything that is sent to a reader is counted here and nowhere else: connection,
 * session, path and metrics all show these figures.
 */
export class SentBytes {
  #total = 0;
  #media = 0;
  /** The group the reader is in, and the group's byte counter when it joined. */
  #group: SentGroup | undefined;
  #joinedAt = 0;

  /** Bytes the socket has accepted. */
  get total(): number {
    return this.#total + this.#groupBytes;
  }

  /** Bytes of media accepted from the stream, including those that are still in the outbox. */
  get media(): number {
    return this.#media + this.#groupBytes;
  }

  get #groupBytes(): number {
    return this.#group === undefined ? 0 : this.#group.groupBytes - this.#joinedAt;
  }

  /** The socket has accepted bytes. */
  addTotal(size: number): void {
    this.#total += size;
  }

  /** Bytes of media were sent, or put into the outbox. */
  addMedia(size: number): void {
    this.#media += size;
  }

  /** Counts with the group from now on. */
  join(group: SentGroup): void {
    this.#group = group;
    this.#joinedAt = group.groupBytes;
  }

  leave(): void {
    const bytes = this.#groupBytes;
    this.#group = undefined;
    this.#total += bytes;
    this.#media += bytes;
  }
}
