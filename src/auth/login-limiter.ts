import { parseIp } from "../lib/address.ts";

/** Failed logins per second and address. */
const FAILURES_PER_SECOND = 50;
/** Most delayed replies per address. */
const QUEUED_MAX = 500;
/** Most connections per address that have not authenticated. */
const UNAUTHENTICATED_MAX = 512;
/** Most addresses that are tracked; the oldest are forgotten. */
const ADDRESSES_MAX = 10_000;
/** Time between two replies to one address, and longest delay of one, ms. */
const GAP_MS = 1_000 / FAILURES_PER_SECOND;
const WAITING_MS = GAP_MS * QUEUED_MAX;

interface Peer {
  /** When the next reply may be sent, monotonic ms. */
  nextReply: number;
  /** Connections that have not authenticated. */
  unauthenticated: number;
}

/**
 * Slows down password guessing, per address. An IPv6 /64 network counts as one address, as one client usually has all
 * of it.
 */
export class LoginLimiter {
  readonly #peers = new Map<string, Peer>();

  /**
   * Counts a failed login of an address. The reply must be delayed.
   *
   * @returns the delay, ms; undefined if too many replies are already pending
   */
  wrong(address: string, now: number): number | undefined {
    const peer = this.#peer(address);
    const turn = Math.max(peer.nextReply, now);
    if (turn - now > WAITING_MS) return undefined;
    peer.nextReply = turn + GAP_MS;
    return turn - now;
  }

  /** Whether too many replies to an address are pending: its credentials are not checked now. */
  isFull(address: string, now: number): boolean {
    return this.delay(address, now) > WAITING_MS;
  }

  /** Delay of the next reply to an address, whatever the outcome, ms. */
  delay(address: string, now: number): number {
    return Math.max((this.#peers.get(addressKey(address))?.nextReply ?? 0) - now, 0);
  }

  /** Counts a new connection. @returns false if its address has too many that have not authenticated */
  enter(address: string): boolean {
    const peer = this.#peer(address);
    if (peer.unauthenticated >= UNAUTHENTICATED_MAX) return false;
    peer.unauthenticated += 1;
    return true;
  }

  /** Stops counting a connection that has authenticated or disconnected. */
  leave(address: string): void {
    const peer = this.#peers.get(addressKey(address));
    if (peer !== undefined) peer.unauthenticated -= 1;
  }

  #peer(address: string): Peer {
    const key = addressKey(address);
    const known = this.#peers.get(key);
    if (known !== undefined) return known;
    if (this.#peers.size >= ADDRESSES_MAX) this.#forgetSome();
    const peer = { nextReply: 0, unauthenticated: 0 };
    this.#peers.set(key, peer);
    return peer;
  }

  /** Forgets addresses without connections, the oldest first. */
  #forgetSome(): void {
    let left = ADDRESSES_MAX / 10;
    for (const [address, peer] of this.#peers) {
      if (peer.unauthenticated > 0) continue;
      this.#peers.delete(address);
      left -= 1;
      if (left === 0) return;
    }
  }
}

/** The key that an address is counted under: the /64 network for IPv6. */
export function addressKey(address: string): string {
  if (!address.includes(":")) return address;
  const bytes = parseIp(address.replace(/%.*$/, ""));
  return bytes?.length === NETWORK_BYTES * 2 ? bytes.subarray(0, NETWORK_BYTES).join(".") : address;
}

/** Bytes of an IPv6 address that name its /64 network. */
const NETWORK_BYTES = 8;
