import { ConfigError } from "./errors.ts";

/** Where a listener binds. */
export interface ListenAddress {
  /**
   * A host name or an IP address without brackets. `::` accepts IPv6 and IPv4, `0.0.0.0` IPv4 only.
   */
  readonly hostname: string;
  /** 0–65535; 0 lets the system choose. */
  readonly port: number;
}

/** A range of IP addresses, as in `10.0.0.0/8`. */
export interface Network {
  /** First address of the range, 4 or 16 bytes. */
  readonly base: Uint8Array;
  /** Length of the prefix, bits: 0–32 or 0–128. */
  readonly bits: number;
}

const MAX_HOST_CHARS = 253;

/**
 * Reads the address of a listener: `:8554`, `host:port`, `127.0.0.1:9997`, `[::1]:80`, `[fe80::1%eth0]:80`.
 *
 * @throws {ConfigError} that names the address and what is wrong with it
 */
export function parseAddress(text: string): ListenAddress {
  const colon = text.lastIndexOf(":");
  const host = text.slice(0, Math.max(colon, 0));
  const bracketed = host.startsWith("[") && host.endsWith("]");
  if (colon < 0 || text.endsWith("]")) throw refused(text, "missing port in address");
  if (!bracketed && host.includes(":")) throw refused(text, "too many colons in address");
  const port = text.slice(colon + 1);
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) throw refused(text, "invalid port");
  const hostname = bracketed ? host.slice(1, -1) : host;
  if (bracketed ? !isIpv6(hostname) : !isHost(hostname)) throw refused(text, "invalid host");
  return { hostname: hostname === "" ? "::" : hostname, port: Number(port) };
}

function refused(text: string, reason: string): ConfigError {
  return new ConfigError(`address ${text.length > 100 ? `${text.slice(0, 100)}…` : text}: ${reason}`);
}

function isIpv6(text: string): boolean {
  const [, ip = "", zone] = /^([^%]*)(%[\w.-]{1,32})?$/.exec(text) ?? [];
  return parseIp(ip)?.length === 16 && (zone === undefined || zone.length > 1);
}

/** An empty host, an IPv4 address, or a name; text that looks like an IPv4 address must be valid. */
function isHost(text: string): boolean {
  if (/^[\d.]+$/.test(text)) return parseIp(text)?.length === 4;
  return text.length <= MAX_HOST_CHARS && /^[A-Za-z0-9._-]*$/.test(text);
}

/**
 * Reads an IP address.
 *
 * @returns 4 or 16 bytes in network order, undefined if the text is not an address; zones are not accepted
 */
export function parseIp(text: string): Uint8Array | undefined {
  if (text.length > 45) return undefined;
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)) {
    return undefined;
  }
  return Uint8Array.from(parts, Number);
}

function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? "", halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1] ?? "", true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 2) return undefined;
  return Uint8Array.from([...head, ...new Array<number>(missing).fill(0), ...tail]);
}

/** Bytes of groups joined by colons; the last group may be an IPv4 address when `atEnd`. */
function parseGroups(text: string, atEnd: boolean): number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const groups = text.split(":");
  for (const [index, group] of groups.entries()) {
    const ipv4 = atEnd && index === groups.length - 1 ? parseIpv4(group) : undefined;
    if (ipv4 !== undefined) bytes.push(...ipv4);
    else if (/^[0-9a-f]{1,4}$/i.test(group)) bytes.push(parseInt(group, 16) >> 8, parseInt(group, 16) & 0xff);
    else return undefined;
  }
  return bytes.length > 16 ? undefined : bytes;
}

/** Writes an address; IPv6 in its shortest form (RFC 5952), IPv4 inside IPv6 as IPv4. */
export function formatIp(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const mapped =
    bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  if (mapped) return bytes.subarray(12).join(".");
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0));
  const { start, length } = longestZeros(groups);
  const hex = (from: number, to?: number) =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(":");
  return length < 2 ? hex(0) : `${hex(0, start)}::${hex(start + length)}`;
}

function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (const [index, group] of groups.entries()) {
    if (group !== 0) start = index + 1;
    else if (index + 1 - start > best.length) best = { start, length: index + 1 - start };
  }
  return best;
}

/**
 * Reads a range such as `192.168.0.0/16`; bits behind the prefix are cleared.
 *
 * @returns undefined if the text is not a range
 */
export function parseNetwork(text: string): Network | undefined {
  const [, ip = "", prefix = ""] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const address = parseIp(ip);
  const bits = Number(prefix);
  if (address === undefined || bits > address.length * 8) return undefined;
  const base = address.map((byte, i) => byte & (0xff00 >> Math.min(Math.max(bits - i * 8, 0), 8)));
  return { base, bits };
}

/** Writes a range: `192.168.0.0/16`. */
export function formatNetwork({ base, bits }: Network): string {
  return `${formatIp(base)}/${bits}`;
}

/** Whether `range`, an address or a network, has the address `ip`. */
export function isInside(range: string, ip: string): boolean {
  const address = parseIp(ip.replace(/%.*$/, ""));
  const network: Network | undefined = range.includes("/") ? parseNetwork(range) : single(range);
  if (address === undefined || network === undefined || address.length !== network.base.length) return false;
  return address.every((byte, i) => {
    const mask = (0xff00 >> Math.min(Math.max(network.bits - i * 8, 0), 8)) & 0xff;
    return (byte & mask) === network.base[i];
  });
}

function single(text: string): Network | undefined {
  const base = parseIp(text);
  return base === undefined ? undefined : { base, bits: base.length * 8 };
}
