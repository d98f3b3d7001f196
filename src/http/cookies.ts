import { isIP } from "node:net";

/** Most cookies of a source, and bytes of one and of all in a request. */
const COOKIES_MAX = 50;
const COOKIE_MAX = 4096;
const HEADER_MAX = 8192;

interface Cookie {
  readonly name: string;
  readonly value: string;
  /** Host that it is for; its subdomains too unless `isHostOnly`. */
  readonly domain: string;
  readonly isHostOnly: boolean;
  readonly path: string;
  readonly isSecure: boolean;
  /** ms since 1970. */
  readonly expires: number;
}

/** The cookies of one source (RFC 6265), as long as it runs. */
export class CookieJar {
  /** In the order in which they were set. */
  #cookies: Cookie[] = [];

  /**
   * Keeps what a response sets.
   *
   * @param headers the values of `Set-Cookie`
   * @param now ms since 1970
   */
  take(url: URL, headers: readonly string[] | undefined, now: number): void {
    for (const header of headers ?? []) {
      const cookie = readCookie(url, header, now);
      if (cookie === undefined) continue;
      this.#cookies = this.#cookies.filter((each) => !isSame(each, cookie));
      if (cookie.expires > now) this.#cookies.push(cookie);
    }
    this.#cookies = this.#cookies.slice(-COOKIES_MAX);
  }

  /** The header of a request with the cookies that belong to it. */
  headerFor(url: URL, now: number): { readonly Cookie?: string } {
    if (this.#cookies.length === 0) return {};
    const matching = this.#cookies.filter((cookie) => cookie.expires > now && isFor(cookie, url));
    // those with longer paths come first (§5.4)
    matching.sort((a, b) => b.path.length - a.path.length);
    let text = "";
    for (const { name, value } of matching) {
      const pair = `${text === "" ? "" : "; "}${name}=${value}`;
      if (text.length + pair.length <= HEADER_MAX) text += pair;
    }
    return text === "" ? {} : { Cookie: text };
  }
}

/** §5.2, §5.3; undefined when it is malformed, too long, or not for the host that sets it. */
function readCookie(url: URL, header: string, now: number): Cookie | undefined {
  const [pair = "", ...rest] = header.split(";");
  const equals = pair.indexOf("=");
  const name = pair.slice(0, equals).trim();
  const value = pair.slice(equals + 1).trim();
  if (equals < 0 || name === "" || pair.length > COOKIE_MAX) return undefined;
  if (/[^\x20-\x7e\x80-\xff]/.test(name + value)) return undefined;
  const attributes = new Map(rest.map((text) => splitAttribute(text)));
  const domain = (attributes.get("domain") ?? "").replace(/^\./, "").toLowerCase();
  if (domain !== "" && !mayBeFor(domain, url.hostname)) return undefined;
  const path = attributes.get("path") ?? "";
  return {
    name,
    value,
    domain: domain === "" ? url.hostname : domain,
    isHostOnly: domain === "" || isAddress(domain),
    path: path.startsWith("/") ? path : defaultPath(url.pathname),
    isSecure: attributes.has("secure"),
    expires: expiryOf(attributes, now),
  };
}

function splitAttribute(text: string): [string, string] {
  const equals = text.indexOf("=");
  if (equals < 0) return [text.trim().toLowerCase(), ""];
  return [text.slice(0, equals).trim().toLowerCase(), text.slice(equals + 1).trim()];
}

/** Max-Age comes before Expires (§5.3). */
function expiryOf(attributes: ReadonlyMap<string, string>, now: number): number {
  const age = attributes.get("max-age") ?? "";
  if (/^-?\d{1,12}$/.test(age)) return now + 1000 * Number(age);
  const date = Date.parse(attributes.get("expires") ?? "");
  return Number.isNaN(date) ? Number.POSITIVE_INFINITY : date;
}

/** Whether a host may set cookies of a domain: its own, or one above it that is more than a top-level domain. */
function mayBeFor(domain: string, host: string): boolean {
  return host === domain || (domain.includes(".") && isBelow(host, domain));
}

function isBelow(host: string, domain: string): boolean {
  return host.endsWith(`.${domain}`) && !isAddress(host);
}

function isAddress(host: string): boolean {
  return isIP(host) !== 0 || host.startsWith("[");
}

/** §5.1.4: the folder of the URL. */
function defaultPath(pathname: string): string {
  const slash = pathname.lastIndexOf("/");
  return slash <= 0 ? "/" : pathname.slice(0, slash);
}

function isFor({ domain, isHostOnly, path, isSecure }: Cookie, url: URL): boolean {
  const { hostname, pathname, protocol } = url;
  if (isSecure && protocol !== "https:") return false;
  if (hostname !== domain && (isHostOnly || !isBelow(hostname, domain))) return false;
  return pathname === path || pathname.startsWith(path.endsWith("/") ? path : `${path}/`);
}

function isSame(a: Cookie, b: Cookie): boolean {
  return a.name === b.name && a.domain === b.domain && a.path === b.path;
}
