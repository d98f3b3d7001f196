import { ProtocolError } from "../../../lib/errors.ts";
import { clip } from "./headers.ts";

/** The Session header in its parts. */
export interface SessionHeader {
  /** Opaque; other servers put more than letters and digits into it. */
  readonly id: string;
  /** After how much silence the server ends the session; undefined means 60 s. */
  readonly timeoutSeconds?: number;
}

/**
 * Reads the Session header (RFC 2326 §12.37). A timeout that is not a whole number above 0 counts as left out.
 *
 * @throws {ProtocolError} if there is no id
 */
export function parseSession(value: string): SessionHeader {
  const [id = "", ...parameters] = value.split(";").map((part) => part.trim());
  if (id === "") throw new ProtocolError(`invalid Session header: ${clip(value)}`);
  for (const parameter of parameters) {
    const match = /^timeout\s*=\s*(\d{1,9})$/i.exec(parameter);
    if (match !== null && Number(match[1]) > 0) return { id, timeoutSeconds: Number(match[1]) };
  }
  return { id };
}

/** Reads the Public header (RFC 2326 §12.28): method names in upper case, in header order. */
export function parsePublic(value: string): string[] {
  return value
    .split(",")
    .map((method) => method.trim().toUpperCase())
    .filter((method) => method !== "");
}
