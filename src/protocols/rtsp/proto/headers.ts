import { ProtocolError } from "../../../lib/errors.ts";
import { headerWithoutCredentials, withoutCredentials } from "../../../lib/redact.ts";

/** Longest method, in characters. */
export const MAX_METHOD_LENGTH = 64;
/** Longest URL of a request, in characters. */
export const MAX_URL_LENGTH = 2048;
/** Most header lines of one message. */
const MAX_HEADERS = 255;
/** Longest header name, in characters. */
const MAX_HEADER_NAME_LENGTH = 512;
/** Longest header value, in characters. */
const MAX_HEADER_VALUE_LENGTH = 2048;
/** Largest body of one message. */
export const MAX_BODY_BYTES = 128 * 1024;

const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Control characters but the tab. */
const CONTROL = /[^\P{Cc}\t]/u;
const ENCODER = new TextEncoder();

/** The headers of one message (RFC 2326 §12). Names are compared without case; a name may have several values. */
export class RtspHeaders {
  /** One entry per value. Messages have few, so a list is as fast as a map and takes less memory. */
  readonly #fields: Field[] = [];

  /** Headers with one value each. */
  static from(values: Readonly<Record<string, string>>): RtspHeaders {
    const headers = new RtspHeaders();
    for (const name in values) headers.set(name, values[name] as string);
    return headers;
  }

  /** How many values there are, of all names. */
  get size(): number {
    return this.#fields.length;
  }

  /** The first value of a name. */
  get(name: string): string | undefined {
    return this.#find(name.toLowerCase())?.value;
  }

  #find(key: string): Field | undefined {
    for (const field of this.#fields) if (field.key === key) return field;
    return undefined;
  }

  /** All values of a name in the order they came; empty when there is none. */
  getAll(name: string): readonly string[] {
    const key = name.toLowerCase();
    return this.#fields.filter((field) => field.key === key).map(({ value }) => value);
  }

  /** Replaces all values of a name with one. */
  set(name: string, value: string): void {
    const key = name.toLowerCase();
    for (let i = this.#fields.length - 1; i >= 0; i--) {
      if (this.#fields[i]?.key === key) this.#fields.splice(i, 1);
    }
    this.#fields.push({ key, name, value });
  }

  /** Adds one more value to a name, which keeps the spelling it had first. */
  add(name: string, value: string): void {
    const key = name.toLowerCase();
    this.#fields.push({ key, name: this.#find(key)?.name ?? name, value });
  }

  /** One pair per value, sorted by name in the order of its characters. */
  entries(): [name: string, value: string][] {
    return [...this.#fields].sort(byName).map(({ name, value }) => [name, value]);
  }

  /** Header lines of a message with a body of `size` bytes, sorted by name. */
  lines(size: number): string {
    const fields = this.#fields.filter(({ key }) => key !== "content-length");
    if (size > 0) fields.push({ key: "content-length", name: "Content-Length", value: String(size) });
    fields.sort(byName);
    let text = "";
    for (const { name, value } of fields) text += `${withoutControls(name)}: ${withoutControls(value)}\r\n`;
    return text;
  }
}

interface Field {
  /** The name in lower case. */
  readonly key: string;
  readonly name: string;
  readonly value: string;
}

function byName({ name: a }: Field, { name: b }: Field): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Reads `name: value` into `headers`; space around both is dropped.
 *
 * @throws {ProtocolError} if the line has no name, a name or value of invalid characters, or exceeds a limit
 */
export function parseHeaderLine(line: string, headers: RtspHeaders): void {
  if (headers.size >= MAX_HEADERS) throw new ProtocolError(`too many headers: more than ${MAX_HEADERS}`);
  const colon = line.indexOf(":");
  if (colon < 0) throw new ProtocolError(`invalid header line: ${clip(line)}`);
  const name = line.slice(0, colon).trimEnd();
  const value = line.slice(colon + 1).trim();
  if (name.length > MAX_HEADER_NAME_LENGTH) {
    throw new ProtocolError(`header name longer than ${MAX_HEADER_NAME_LENGTH}: ${clip(name)}`);
  }
  if (!NAME.test(name)) throw new ProtocolError(`invalid header name: ${clip(name)}`);
  if (value.length > MAX_HEADER_VALUE_LENGTH) {
    const shown = shownValue(name, value);
    throw new ProtocolError(`value of header ${clip(name)} longer than ${MAX_HEADER_VALUE_LENGTH}: ${shown}`);
  }
  if (CONTROL.test(value)) {
    throw new ProtocolError(`invalid value of header ${clip(name)}: ${shownValue(name, value)}`);
  }
  headers.add(name, value);
}

function shownValue(name: string, value: string): string {
  return clip(headerWithoutCredentials(name, value));
}

/**
 * Size of the body that follows, in bytes; 0 without a Content-Length (RFC 2326 §12.14).
 *
 * @throws {ProtocolError} if it is no number, above `MAX_BODY_BYTES`, or given twice with different values
 */
export function contentLength(headers: RtspHeaders): number {
  const values = headers.getAll("Content-Length");
  const text = values[0] ?? "0";
  if (!/^\d+$/.test(text) || values.some((value) => value !== text)) {
    throw new ProtocolError(`invalid Content-Length: ${clip(values.join(", "))}`);
  }
  const size = Number(text);
  if (size > MAX_BODY_BYTES) throw new ProtocolError(`body larger than ${MAX_BODY_BYTES}: ${clip(text)}`);
  return size;
}

/**
 * Writes a message: start line, headers sorted by name, body. Content-Length is ours to say, and said only when
 * there is a body. Control characters in values become spaces, so that no value can start a line.
 */
export function writeMessage(
  startLine: string,
  headers: RtspHeaders,
  body: Uint8Array | undefined,
): Uint8Array {
  const size = body?.length ?? 0;
  const head = ENCODER.encode(`${withoutControls(startLine)}\r\n${headers.lines(size)}\r\n`);
  if (body === undefined || size === 0) return head;
  const message = new Uint8Array(head.length + size);
  message.set(head);
  message.set(body, head.length);
  return message;
}

/** The beginning of a text from outside, short enough for an error message, without credentials. */
export function clip(whole: string): string {
  const text = withoutCredentials(whole);
  return text.length > 64 ? `${text.slice(0, 64)}…` : text;
}

function withoutControls(text: string): string {
  return CONTROL.test(text) ? text.replace(/[^\P{Cc}\t]/gu, " ") : text;
}
