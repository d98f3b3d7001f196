/** The peer broke the protocol: that connection ends, logged at `info` with the peer. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
}

/** Not allowed (yet): answered by the protocol's own refusal. Never carries a credential. */
export class AuthError extends Error {
  override readonly name = "AuthError";
}

/** Nothing is published on that path: the protocol's own "not found". */
export class NoStreamError extends Error {
  override readonly name = "NoStreamError";
}

/** A request that the state of a path or the configuration refuses; the text goes to the peer's log line. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
}

/** A parameter is wrong. Start is refused; a reload keeps the old configuration. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** There is no such entry in the configuration: the API's 404. */
export class NoEntryError extends Error {
  override readonly name = "NoEntryError";
}

/** A remote source failed: logged, then retried with backoff. */
export class SourceError extends Error {
  override readonly name = "SourceError";
}

/** The media memory is used up: the newcomer is refused, running streams go on. */
export class BudgetError extends Error {
  override readonly name = "BudgetError";
}

/** The text of anything thrown, for a log line. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What a parser makes of a peer's bytes; undefined where it throws `ProtocolError`. */
export function attempt<Result>(parse: () => Result): Result | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}
