/** Follows how fast a count grows, by samples that somebody takes about once a second. */
export class Rate {
  #total = 0;
  #at: number | undefined;
  #perSecond = 0;

  /** @param total the count at `now`, monotonic ms; one that is lower than before begins anew */
  sample(total: number, now: number): void {
    const at = this.#at;
    const grown = total - this.#total;
    this.#total = total;
    this.#at = now;
    if (at === undefined || now <= at) return;
    this.#perSecond = grown < 0 ? 0 : (grown * 1000) / (now - at);
  }

  /** Between the last two samples; 0 before there were two. */
  get perSecond(): number {
    return this.#perSecond;
  }
}

/** How fast bytes come in and go out. */
export class ByteRates {
  readonly #received = new Rate();
  readonly #sent = new Rate();

  /** @param received bytes so far, as `sent`; `now` in monotonic ms */
  sample(received: number, sent: number, now: number): void {
    this.#received.sample(received, now);
    this.#sent.sample(sent, now);
  }

  /** bit/s */
  get bitrateIn(): number {
    return Math.round(8 * this.#received.perSecond);
  }

  /** bit/s */
  get bitrateOut(): number {
    return Math.round(8 * this.#sent.perSecond);
  }
}
