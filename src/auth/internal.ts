import type { PathConfig } from "../config/load.ts";
import { isInside } from "../lib/address.ts";
import { AuthError } from "../lib/errors.ts";
import type { Action, Credentials } from "./access.ts";
import { matches } from "./credentials.ts";

export interface InternalRequest {
  readonly action: Action;
  /** Parameters of the path. */
  readonly conf: PathConfig;
  /** The client's address without port. */
  readonly ip: string;
  readonly credentials: Credentials;
}

/**
 * Checks the address, then the credentials of a client that wants to publish to or read from a path.
 *
 * @throws {AuthError} if it may not
 */
export function checkInternally({ action, conf, ip, credentials }: InternalRequest): void {
  const { user, pass, ips } = demandsOf(action, conf);
  if (ips.length > 0 && !ips.some((range) => isInside(range, ip)))
    throw new AuthError(`IP ${ip} not allowed`);
  if (user === "") return;
  if (credentials.kind === "none") throw new AuthError("no credentials");
  if (credentials.kind === "proof") {
    const problem = credentials.check(user, pass);
    if (problem !== undefined) throw new AuthError(problem);
    return;
  }
  const isUser = matches(user, credentials.user);
  const isPass = matches(pass, credentials.pass);
  if (!isUser || !isPass) throw new AuthError("invalid credentials");
}

/** Whether an action requires credentials. */
export function asksForCredentials(action: Action, conf: PathConfig): boolean {
  return demandsOf(action, conf).user !== "";
}

/** Whether an action is open to everyone, from any address. */
export function isOpenTo(action: Action, conf: PathConfig): boolean {
  const { user, ips } = demandsOf(action, conf);
  return user === "" && ips.length === 0;
}

function demandsOf(action: Action, conf: PathConfig) {
  const { publishUser, publishPass, publishIPs, readUser, readPass, readIPs } = conf;
  return action === "publish"
    ? { user: publishUser, pass: publishPass, ips: publishIPs }
    : { user: readUser, pass: readPass, ips: readIPs };
}
