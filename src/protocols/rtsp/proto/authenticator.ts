import { ClientAuth, type ClientCredentials } from "./auth.ts";

/** Most times that a request is signed again with a new nonce. */
const RENEWALS_MAX = 1;

/** Answers the challenges of one server: each scheme in turn, the strongest first. */
export class Authenticator {
  readonly #credentials: ClientCredentials;
  readonly #random: () => string;
  #auth: ClientAuth | undefined;
  /** Whether a request with these credentials was accepted, by this scheme. */
  #isGood = false;
  #renewals = 0;

  /** @param random returns a new client nonce, in hex */
  constructor(credentials: ClientCredentials, random: () => string) {
    this.#credentials = credentials;
    this.#random = random;
  }

  /** Value of the Authorization header of a request; undefined while none was asked for. */
  authorize(method: string, uri: string): string | undefined {
    return this.#auth?.authorize(method, uri);
  }

  /** Called when a request was not answered with a challenge. */
  accepted(): void {
    this.#isGood = this.#auth !== undefined;
    this.#renewals = 0;
  }

  /**
   * Takes the challenges with which a request was answered. A new nonce is answered again if the server calls the old
   * one stale, or has accepted the credentials before: some cameras leave `stale` out.
   *
   * @param challenges values of WWW-Authenticate
   * @returns whether the request is to be repeated
   */
  challenged(challenges: readonly string[]): boolean {
    const offers = ClientAuth.all(challenges, this.#credentials, this.#random);
    const used = this.#auth;
    if (used === undefined) return this.#use(offers[0]);
    const isStale = challenges.some((challenge) => /stale\s*=\s*"?true/i.test(challenge));
    const same = offers.find(({ strength }) => strength === used.strength);
    if (same !== undefined && same.nonce !== used.nonce && (isStale || this.#isGood)) {
      this.#renewals += 1;
      if (this.#renewals <= RENEWALS_MAX) return this.#use(same);
    }
    this.#renewals = 0;
    this.#isGood = false;
    return this.#use(offers.find(({ strength }) => strength < used.strength));
  }

  #use(auth: ClientAuth | undefined): boolean {
    if (auth !== undefined) this.#auth = auth;
    return auth !== undefined;
  }
}
