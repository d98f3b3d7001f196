import { ProtocolError } from "../../../lib/errors.ts";

/** Most characters of a playlist in an error message. */
const SHOWN_MAX = 80;

/** An error about a playlist. */
export function invalidPlaylist(reason: string): ProtocolError {
  return new ProtocolError(`invalid playlist: ${reason}`);
}

/** Text from a peer for an error message: clipped, in printable ASCII. */
export function shown(text: string): string {
  const plain = text.replace(/[^\x20-\x7e]/g, "?");
  return plain.length > SHOWN_MAX ? `${plain.slice(0, SHOWN_MAX)}…` : plain;
}

/** The attributes of a tag (RFC 8216 §4.2), quoted strings without their quotes. */
export class Attributes {
  readonly #tag: string;
  readonly #values = new Map<string, string>();

  /** @throws {ProtocolError} if the list is malformed, or has an attribute twice */
  constructor(tag: string, list: string) {
    this.#tag = tag;
    const pattern = /\s*([A-Za-z0-9-]+)\s*=\s*(?:"([^"\r\n]*)"|([^",]*))\s*(?:,|$)/y;
    while (pattern.lastIndex < list.length) {
      const match = pattern.exec(list);
      if (match === null) throw invalidPlaylist(`attributes of ${tag}: ${shown(list)}`);
      const [, name = "", quoted, plain = ""] = match;
      if (this.#values.has(name)) throw invalidPlaylist(`${tag} has ${shown(name)} twice`);
      this.#values.set(name, quoted ?? plain.trim());
    }
  }

  /** The value of an attribute as text; undefined if absent. */
  text(name: string): string | undefined {
    return this.#values.get(name);
  }

  /** @throws {ProtocolError} if it is not there or empty */
  needed(name: string): string {
    const value = this.#values.get(name);
    if (value === undefined || value === "") throw invalidPlaylist(`${this.#tag} without ${name}`);
    return value;
  }

  /**
   * A decimal integer or fraction.
   *
   * @throws {ProtocolError} if it is none
   */
  number(name: string): number | undefined {
    const value = this.#values.get(name);
    return value === undefined ? undefined : readNumber(value, `${this.#tag}: ${name}`);
  }

  isYes(name: string): boolean {
    return this.#values.get(name) === "YES";
  }
}

/**
 * A number that is not negative (RFC 8216 §4.2: decimal-integer, decimal-floating-point).
 *
 * @throws {ProtocolError} if it is none, or too large to count with
 */
export function readNumber(text: string, what: string): number {
  const value = /^\d{1,20}(\.\d{0,20})?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value <= Number.MAX_SAFE_INTEGER)) throw invalidPlaylist(`${what}: ${shown(text)}`);
  return value;
}

/** The same for a whole number. */
export function readInteger(text: string, what: string): number {
  const value = readNumber(text, what);
  if (!Number.isInteger(value)) throw invalidPlaylist(`${what}: ${shown(text)}`);
  return value;
}
