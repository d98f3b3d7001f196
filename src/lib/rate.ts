/** Rate of a counter that is sampled about once a second. */
export class Rate {
  #total = 0;
  #at: number | undefined;
  #perSecond = 0;

  /** @param total the count at `now`, monotonic ms; a lower one than before restarts */
  sample(total: number, now: number): void {
    const at = this.#at;
    const grown = total - this.#total;
    this.#total = total;
    this.#at = now;
    if (at === undefined || now <= at) return;
    this.#perSecond = perSecond(grown, now - at);
  }

  /** Per second, between the last two samples; 0 before there were two. */
  get perSecond(): number {
    return this.#perSecond;
  }
}

/**
 * Incoming and outgoing bitrate, from samples taken about once a second. Each connection and session has one, so it is a
 * flat object.
 */
export class ByteRates {
  #received = 0;
  #sent = 0;
  /** When the last sample was taken; NaN before the first. */
  #at = Number.NaN;
  /** Bytes per second between the last two samples. */
  #in = 0;
  #out = 0;

  /**
   * @param received bytes so far, as `sent`; a count lower than before has restarted
   * @param now monotonic ms
   */
  sample(received: number, sent: number, now: number): void {
    const ms = now - this.#at;
    if (ms > 0) {
      this.#in = perSecond(received - this.#received, ms);
      this.#out = perSecond(sent - this.#sent, ms);
    }
    this.#received = received;
    this.#sent = sent;
    this.#at = now;
  }

  /** bit/s between the last two samples; 0 before there are two. */
  get bitrateIn(): number {
    return Math.round(8 * this.#in);
  }

  /** bit/s, as `bitrateIn`. */
  get bitrateOut(): number {
    return Math.round(8 * this.#out);
  }
}

function perSecond(grown: number, ms: number): number {
  return grown < 0 ? 0 : (grown * 1000) / ms;
}
