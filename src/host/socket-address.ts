import { formatIp, parseIp } from "../lib/address.ts";

/** Address families of Linux. */
const AF_INET = 2;
const AF_INET6 = 10;

/** `address` with its actual port. */
export function shownAddress(address: string, port: number): string {
  return address.replace(/:\d+$/, `:${port}`);
}

/** Shows address and port; IPv4-mapped addresses as IPv4. */
export function joinAddress(address: string, port: number): string {
  const plain = plainAddress(address);
  // `join`: a template string would keep its parts in memory for each connection
  return (plain.includes(":") ? ["[", plain, "]:", port] : [plain, ":", port]).join("");
}

/** Converts an IPv4-mapped address (RFC 4291 §2.5.5.2) to IPv4; others are unchanged. */
export function plainAddress(address: string): string {
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(address) ? address.slice(7) : address;
}

/** Writes a peer as the system takes it (`sockaddr_in`, `sockaddr_in6` of Linux). */
export function encodePeer(address: string, port: number, isIpv6: boolean): Uint8Array {
  const bytes = new Uint8Array(isIpv6 ? 28 : 16);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, isIpv6 ? AF_INET6 : AF_INET, true);
  view.setUint16(2, port);
  const ip = parseIp(address) ?? new Uint8Array(0);
  if (!isIpv6) {
    bytes.set(ip.subarray(-4), 4);
  } else if (ip.length === 16) {
    bytes.set(ip, 8);
  } else {
    bytes.set([0xff, 0xff], 18); // IPv4-mapped (RFC 4291 §2.5.5.2)
    bytes.set(ip, 20);
  }
  return bytes;
}

/** Most addresses whose text is remembered. */
const KNOWN_MAX = 4_096;

/** The texts of the addresses of senders, as the runtime writes them; making one costs as much as receiving. */
export class PeerTexts {
  readonly #known = new Map<number, { readonly sender: Uint8Array; readonly text: string }>();

  /** The port of a `sockaddr`. */
  static port(sender: Uint8Array): number {
    return ((sender[2] as number) << 8) | (sender[3] as number);
  }

  text(sender: Uint8Array): string {
    const isIpv6 = sender[0] === AF_INET6;
    const at = isIpv6 ? 20 : 4;
    const key =
      (((sender[at] as number) << 24) |
        ((sender[at + 1] as number) << 16) |
        ((sender[at + 2] as number) << 8) |
        (sender[at + 3] as number)) >>>
      0;
    const known = this.#known.get(key);
    if (known !== undefined && isSame(known.sender, sender, isIpv6)) return known.text;
    if (this.#known.size >= KNOWN_MAX) this.#known.clear();
    const text = textOf(sender, isIpv6);
    this.#known.set(key, { sender: sender.slice(), text });
    return text;
  }
}

/** Whether two have the same address, whatever their ports. */
function isSame(a: Uint8Array, b: Uint8Array, isIpv6: boolean): boolean {
  if (a[0] !== b[0]) return false;
  const [from, to] = isIpv6 ? [8, 24] : [4, 8];
  for (let i = from; i < to; i++) if (a[i] !== b[i]) return false;
  return true;
}

function textOf(sender: Uint8Array, isIpv6: boolean): string {
  if (!isIpv6) return formatIp(sender.subarray(4, 8));
  const text = formatIp(sender.subarray(8, 24));
  return text.includes(":") ? text : `::ffff:${text}`;
}
