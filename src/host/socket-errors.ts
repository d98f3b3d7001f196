import { errorText, SystemError } from "../lib/errors.ts";

/** The usual texts of system errors, by code. */
const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: "address already in use",
  EADDRNOTAVAIL: "cannot assign requested address",
  EACCES: "permission denied",
  ECONNRESET: "connection reset by peer",
  ETIMEDOUT: "connection timed out",
};

/** Codes by number, of Linux. */
const CODES: Readonly<Record<number, string>> = { 104: "ECONNRESET", 110: "ETIMEDOUT" };

/** The code of an error number; empty if it is none of the usual ones. */
export function codeOf(number: number): string {
  return CODES[number] ?? "";
}

/** `listen <protocol> <address>: <reason>`, with the usual text of the error. */
export function listenError(protocol: string, address: string, cause: unknown): Error {
  const reason = REASONS[errorCode(cause)] ?? errorText(cause);
  return new SystemError(`listen ${protocol} ${address}: ${reason}`, { cause });
}

/** `read tcp <local>-><remote>: read: <reason>`, if the reason is known; otherwise the runtime's text. */
export function readError({ local, remote }: Ends, cause: Error): Error {
  const reason = REASONS[errorCode(cause)];
  const text = reason === undefined ? errorText(cause) : `read tcp ${local}->${remote}: read: ${reason}`;
  return new SystemError(text, { cause });
}

export function isTaken(cause: unknown): boolean {
  return errorCode(cause) === "EADDRINUSE";
}

/** The code of a system error (`ECONNRESET`); empty if it has none. */
export function errorCode(error: unknown): string {
  const code = (error as { readonly code?: unknown } | null | undefined)?.code;
  return typeof code === "string" ? code : "";
}

/** The addresses of both ends of a connection. */
interface Ends {
  readonly local: string;
  readonly remote: string;
}
