/**
 * An error that a peer, the configuration or the system can cause: it ends one exchange, start or reload, and is logged
 * in one line. Any other error is a bug, see `faults.ts`.
 */
export abstract class ExpectedError extends Error {
  override readonly name: string = "ExpectedError";
}

/** The peer broke the protocol: that connection ends, logged at `info` with the peer. */
export class ProtocolError extends ExpectedError {
  override readonly name = "ProtocolError";
}

/** The client is not authorized (yet): answered with the protocol's own status. Never contains a credential. */
export class AuthError extends ExpectedError {
  override readonly name = "AuthError";
}

/** Nothing is published on that path: the protocol's own "not found". */
export class NoStreamError extends ExpectedError {
  override readonly name = "NoStreamError";
}

/** A request that is rejected because of the configuration or the state of a path; the text is logged. */
export class RefusedError extends ExpectedError {
  override readonly name = "RefusedError";
}

/** A parameter is wrong. Start is refused; a reload keeps the old configuration. */
export class ConfigError extends ExpectedError {
  override readonly name = "ConfigError";
}

/** There is no such entry in the configuration: the API's 404. */
export class NoEntryError extends ExpectedError {
  override readonly name = "NoEntryError";
}

/** A remote source failed: logged, then retried with backoff. */
export class SourceError extends ExpectedError {
  override readonly name = "SourceError";
}

/** The media memory is used up: the new client is rejected, running streams continue. */
export class BudgetError extends ExpectedError {
  override readonly name = "BudgetError";
}

/** The system or the network failed: an address, a file, a connection, a command. */
export class SystemError extends ExpectedError {
  override readonly name = "SystemError";
}

/** A connection, session or stream has ended: the peer or we closed it, or it timed out. */
export class EndError extends ExpectedError {
  override readonly name = "EndError";
}

/** Whether a peer, the configuration or the system can cause this error. If not, it is a bug. */
export function isExpected(error: unknown): error is Error {
  return error instanceof ExpectedError || isSystemError(error);
}

/** Errors of system calls have codes such as `ECONNRESET`; `ERR_*` means that the runtime was called in a wrong way. */
function isSystemError(error: unknown): boolean {
  const code = error instanceof Error ? (error as { readonly code?: unknown }).code : undefined;
  return typeof code === "string" && /^E[A-Z0-9]+$/.test(code);
}

/** The text of anything thrown, for a log line. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The result of a parser; undefined if it throws `ProtocolError`. */
export function attempt<Result>(parse: () => Result): Result | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}
