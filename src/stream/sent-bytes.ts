/** A group of readers that are sent the same bytes in one go. */
export interface SentGroup {
  /** Bytes sent to the group since it exists, and those of them that are media. */
  readonly groupBytes: number;
  readonly groupMedia: number;
}

/**
 * The bytes sent over one connection. Everything that is sent to a reader is counted here and nowhere else: connection,
 * session, path and metrics all show these figures.
 */
export class SentBytes {
  #total = 0;
  #media = 0;
  /** The group the reader is in, and the group's byte counters when it joined. */
  #group: SentGroup | undefined;
  #bytesBefore = 0;
  #mediaBefore = 0;

  /** Bytes the socket has accepted. */
  get total(): number {
    return this.#group === undefined ? this.#total : this.#total + this.#group.groupBytes - this.#bytesBefore;
  }

  /** Bytes of media accepted from the stream, without framing, including those that are still in the outbox. */
  get media(): number {
    return this.#group === undefined ? this.#media : this.#media + this.#group.groupMedia - this.#mediaBefore;
  }

  /** The socket has accepted bytes. */
  addTotal(size: number): void {
    this.#total += size;
  }

  /** Bytes of media were sent, or put into the outbox. */
  addMedia(size: number): void {
    this.#media += size;
  }

  /** Some of the bytes given to `addMedia` are framing. */
  deductFraming(size: number): void {
    this.#media -= size;
  }

  /** Counts with the group from now on. */
  join(group: SentGroup): void {
    this.#group = group;
    this.#bytesBefore = group.groupBytes;
    this.#mediaBefore = group.groupMedia;
  }

  leave(): void {
    const { total, media } = this;
    this.#group = undefined;
    this.#total = total;
    this.#media = media;
  }
}
