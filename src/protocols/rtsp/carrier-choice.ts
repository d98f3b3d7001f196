import type { Carrier } from "./source-attempt.ts";

/** A stream that has played for longer has worked, ms. */
const WORKED_MS = 60_000;

/**
 * Chooses between UDP and TCP where `sourceProtocol` is `automatic`, for all attempts of a source: after two that failed
 * in the same way with one, the next one begins with the other.
 */
export class CarrierChoice {
  #carrier: Carrier = "udp";
  #failure: string | undefined;

  /** The one to begin with. */
  get carrier(): Carrier {
    return this.#carrier;
  }

  /**
   * An attempt has failed once its stream was described; what comes before does not depend on the carrier.
   *
   * @param playedMs how long it has played
   * @returns whether the other carrier is next
   */
  failed(carrier: Carrier, reason: string, playedMs: number): boolean {
    const failure = `${carrier}: ${reason}`;
    const isSecond = failure === this.#failure && playedMs < WORKED_MS;
    this.#failure = isSecond || playedMs >= WORKED_MS ? undefined : failure;
    if (isSecond) this.#carrier = carrier === "udp" ? "tcp" : "udp";
    return isSecond;
  }
}
