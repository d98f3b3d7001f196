import { createHash } from "node:crypto";

/** Authentication realm; known to clients of MediaMTX. */
export const REALM = "IPCAM";

/** A scheme of authentication (RFC 2617). */
export type AuthMethod = "basic" | "digest";

/** A parsed Authorization header. */
export type Authorization =
  | { readonly scheme: "basic"; readonly user: string; readonly pass: string }
  | { readonly scheme: "digest"; readonly params: ReadonlyMap<string, string> };

/**
 * Reads the Authorization header of a request.
 *
 * @param values all Authorization headers: more than one counts as none
 * @returns undefined when there are no usable credentials
 */
export function parseAuthorization(values: readonly string[]): Authorization | undefined {
  const [value, ...more] = values;
  if (value === undefined || more.length > 0) return undefined;
  const { scheme, rest } = splitScheme(value);
  if (scheme === "digest") return { scheme, params: parseParameters(rest) };
  if (scheme !== "basic") return undefined;
  const text = Buffer.from(rest, "base64").toString("utf8");
  const colon = text.indexOf(":");
  // the password may have colons, the name none (RFC 7617 §2)
  return colon < 0 ? undefined : { scheme, user: text.slice(0, colon), pass: text.slice(colon + 1) };
}

/** Values of WWW-Authenticate, one for each method. */
export function writeChallenges(methods: readonly AuthMethod[], nonce: string): string[] {
  const offered = methods.length === 0 ? (["basic", "digest"] as const) : methods;
  return offered.map((method) =>
    method === "basic" ? `Basic realm="${REALM}"` : `Digest realm="${REALM}", nonce="${nonce}"`,
  );
}

export interface DigestCheck {
  /** Empty if no nonce was issued: every digest is wrong then. */
  readonly nonce: string;
  readonly method: string;
  /** URLs that the client may have used, as it wrote them. */
  readonly urls: readonly string[];
  readonly user: string;
  readonly pass: string;
}

/**
 * Checks a digest (RFC 2069 §2.1.2; the fields of RFC 2617 are not asked for).
 *
 * @returns what is wrong with it; undefined when it is right
 */
export function checkDigest(params: ReadonlyMap<string, string>, check: DigestCheck): string | undefined {
  for (const name of ["realm", "nonce", "username", "uri", "response"]) {
    if (!params.has(name)) return `${name} is missing`;
  }
  if (check.nonce === "" || params.get("nonce") !== check.nonce) return "wrong nonce";
  if (params.get("realm") !== REALM) return "wrong realm";
  const uri = params.get("uri") as string;
  if (!check.urls.includes(uri)) return "wrong URL";
  const { user, pass, nonce, method } = check;
  const expected = digestResponse({ user, pass, realm: REALM, nonce, method, uri });
  const isRight =
    equals(params.get("username") as string, user) && equals(params.get("response") as string, expected);
  return isRight ? undefined : "authentication failed";
}

/** Compares in constant time. */
function equals(a: string, b: string): boolean {
  const hash = (text: string) => createHash("sha256").update(text).digest();
  const [x, y] = [hash(a), hash(b)];
  return x.reduce((difference, byte, i) => difference | (byte ^ (y[i] as number)), 0) === 0;
}

export interface DigestInput {
  readonly user: string;
  readonly pass: string;
  readonly realm: string;
  readonly nonce: string;
  readonly method: string;
  readonly uri: string;
}

/** The digest response without qop. */
export function digestResponse({ user, pass, realm, nonce, method, uri }: DigestInput, hash = md5): string {
  return hash(`${hash(`${user}:${realm}:${pass}`)}:${nonce}:${hash(`${method}:${uri}`)}`);
}

function md5(text: string): string {
  return createHash("md5").update(text).digest("hex");
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

export interface ClientCredentials {
  readonly user: string;
  readonly pass: string;
}

interface Challenge {
  readonly scheme: string;
  readonly params: ReadonlyMap<string, string>;
}

/** Answers the challenges of a server, request by request. */
export class ClientAuth {
  readonly #credentials: ClientCredentials;
  readonly #challenge: Challenge;
  readonly #random: () => string;
  #count = 0;

  /**
   * One for each challenge that is supported, the strongest first.
   *
   * @param challenges values of WWW-Authenticate
   * @param random returns a new client nonce, in hex
   */
  static all(
    challenges: readonly string[],
    credentials: ClientCredentials,
    random: () => string,
  ): ClientAuth[] {
    return challenges
      .flatMap((value) => value.split(/,\s*(?=(?:basic|digest)\s+[\w-]+\s*=)/i))
      .map(splitScheme)
      .map(({ scheme, rest }) => ({ scheme, params: parseParameters(rest) }))
      .filter(({ scheme, params }) => scheme === "basic" || (scheme === "digest" && isKnown(params)))
      .sort((a, b) => strength(b) - strength(a))
      .map((challenge) => new ClientAuth(challenge, credentials, random));
  }

  private constructor(challenge: Challenge, credentials: ClientCredentials, random: () => string) {
    this.#challenge = challenge;
    this.#credentials = credentials;
    this.#random = random;
  }

  /** Grows with the strength of the scheme. */
  get strength(): number {
    return strength(this.#challenge);
  }

  /** The nonce that is answered; empty with Basic. */
  get nonce(): string {
    return this.#challenge.params.get("nonce") ?? "";
  }

  /** Value of the Authorization header of a request. */
  authorize(method: string, uri: string): string {
    const { user, pass } = this.#credentials;
    if (this.#challenge.scheme === "basic")
      return `Basic ${Buffer.from(`${user}:${pass}`).toString("base64")}`;
    const { params } = this.#challenge;
    const [realm, nonce, opaque] = [params.get("realm") ?? "", this.nonce, params.get("opaque")];
    const algorithm = params.get("algorithm");
    const hash = algorithm?.toUpperCase() === "SHA-256" ? sha256 : md5;
    const parts = [
      `username=${quote(user)}`,
      `realm=${quote(realm)}`,
      `nonce=${quote(nonce)}`,
      `uri=${quote(uri)}`,
    ];
    if (params.get("qop") === undefined) {
      parts.push(`response="${digestResponse({ user, pass, realm, nonce, method, uri }, hash)}"`);
    } else {
      this.#count += 1;
      const [cnonce, count] = [this.#random(), this.#count.toString(16).padStart(8, "0")];
      const secret = hash(`${user}:${realm}:${pass}`);
      const response = hash(`${secret}:${nonce}:${count}:${cnonce}:auth:${hash(`${method}:${uri}`)}`);
      parts.push(`response="${response}"`, "qop=auth", `nc=${count}`, `cnonce="${cnonce}"`);
    }
    if (algorithm !== undefined) parts.push(`algorithm=${algorithm}`);
    if (opaque !== undefined) parts.push(`opaque=${quote(opaque)}`);
    return `Digest ${parts.join(", ")}`;
  }
}

/** Whether a digest challenge is supported. */
function isKnown(params: ReadonlyMap<string, string>): boolean {
  const algorithm = params.get("algorithm")?.toUpperCase() ?? "MD5";
  const offered = params.get("qop");
  const qop = offered?.split(",").map((part) => part.trim().toLowerCase());
  return (algorithm === "MD5" || algorithm === "SHA-256") && (qop === undefined || qop.includes("auth"));
}

function strength({ scheme, params }: Challenge): number {
  if (scheme === "basic") return 0;
  return params.get("algorithm")?.toUpperCase() === "SHA-256" ? 2 : 1;
}

function quote(text: string): string {
  return `"${text.replace(/[\\"]/g, "\\$&")}"`;
}

function splitScheme(value: string): { readonly scheme: string; readonly rest: string } {
  const [, scheme = "", rest = ""] = /^\s*(\S+)\s*(.*)$/.exec(value) ?? [];
  return { scheme: scheme.toLowerCase(), rest };
}

/**
 * `name=value` and `name="value"` between commas; the first value of a repeated name counts. A name is matched at
 * its beginning only, so that the time is linear in the length of a word.
 */
function parseParameters(text: string): ReadonlyMap<string, string> {
  const params = new Map<string, string>();
  for (const [, name = "", quoted, plain] of text.matchAll(
    /(?<![\w-])([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))/g,
  )) {
    const key = name.toLowerCase();
    if (!params.has(key))
      params.set(key, quoted === undefined ? (plain ?? "") : quoted.replace(/\\(.)/g, "$1"));
  }
  return params;
}
