import { parseIp } from "../lib/address.ts";

/** Wrong credentials that one address may try in a second. */
const VERDICTS_PER_SECOND = 50;
/** Verdicts that may wait for their turn, for one address. */
const WAITING_MAX = 500;
/** Connections of one address that have never been let in. */
const STRANGERS_MAX = 512;
/** Addresses that are remembered; beyond that the oldest are forgotten. */
const ADDRESSES_MAX = 10_000;
/** Between two verdicts, and longest wait for one, ms. */
const GAP_MS = 1_000 / VERDICTS_PER_SECOND;
const WAITING_MS = GAP_MS * WAITING_MAX;

interface Peer {
  /** When the next verdict may be given, monotonic ms. */
  nextVerdict: number;
  /** Connections that were never let in. */
  strangers: number;
}

/**
 * Slows down those who try passwords, address by address; the others notice nothing. With IPv6 a network of 64 bits
 * counts as one address, as whoever has one of its addresses has them all.
 */
export class LoginLimiter {
  readonly #peers = new Map<string, Peer>();

  /**
   * A wrong name or secret came from an address: how long its verdict has to wait.
   *
   * @returns ms; undefined when so many wait already that there is none to be given
   */
  wrong(address: string, now: number): number | undefined {
    const peer = this.#peer(address);
    const turn = Math.max(peer.nextVerdict, now);
    if (turn - now > WAITING_MS) return undefined;
    peer.nextVerdict = turn + GAP_MS;
    return turn - now;
  }

  /** Whether so many verdicts of an address wait that no credentials of it may be looked at now. */
  isFull(address: string, now: number): boolean {
    return this.delay(address, now) > WAITING_MS;
  }

  /** How long the next verdict of an address has to wait, whatever it is, ms. */
  delay(address: string, now: number): number {
    return Math.max((this.#peers.get(addressKey(address))?.nextVerdict ?? 0) - now, 0);
  }

  /** A connection comes; false when its address has too many that were never let in. */
  enter(address: string): boolean {
    const peer = this.#peer(address);
    if (peer.strangers >= STRANGERS_MAX) return false;
    peer.strangers += 1;
    return true;
  }

  /** A connection is no stranger any more: it was let in, or it is gone. */
  leave(address: string): void {
    const peer = this.#peers.get(addressKey(address));
    if (peer !== undefined) peer.strangers -= 1;
  }

  #peer(address: string): Peer {
    const key = addressKey(address);
    const known = this.#peers.get(key);
    if (known !== undefined) return known;
    if (this.#peers.size >= ADDRESSES_MAX) this.#forgetSome();
    const peer = { nextVerdict: 0, strangers: 0 };
    this.#peers.set(key, peer);
    return peer;
  }

  /** Makes room: those without connections go, the oldest first. */
  #forgetSome(): void {
    let left = ADDRESSES_MAX / 10;
    for (const [address, peer] of this.#peers) {
      if (peer.strangers > 0) continue;
      this.#peers.delete(address);
      left -= 1;
      if (left === 0) return;
    }
  }
}

/** What addresses are counted by: those of one IPv6 network of 64 bits are one. */
export function addressKey(address: string): string {
  if (!address.includes(":")) return address;
  const bytes = parseIp(address.replace(/%.*$/, ""));
  return bytes?.length === NETWORK_BYTES * 2 ? bytes.subarray(0, NETWORK_BYTES).join(".") : address;
}

/** Of an IPv6 network of 64 bits. */
const NETWORK_BYTES = 8;
