import type { Credentials } from "../../auth/access.ts";
import type { Authorizer } from "../../auth/authorizer.ts";
import { asksForCredentials, checkInternally } from "../../auth/internal.ts";
import type { LoginLimiter } from "../../auth/login-limiter.ts";
import type { PathConfig } from "../../config/load.ts";
import { joinAddress } from "../../host/tcp.ts";
import { clientAddress } from "../../http/client-address.ts";
import type { HttpEnvironment } from "../../http/server.ts";
import { type Clock, pause } from "../../lib/clock.ts";
import { AuthError } from "../../lib/errors.ts";
import type { Logger } from "../../lib/log.ts";

/** How long the answer to wrong credentials waits, ms. */
const PAUSE_MS = 2_000;

export interface AccessOptions {
  readonly loginLimiter: LoginLimiter;
  readonly authorizer: Authorizer;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly trustedProxies: readonly string[];
}

/** A request that wants to read a path. */
export interface Visit {
  readonly request: Request;
  readonly incoming: HttpEnvironment;
  readonly path: string;
  /** Of the URL, with its `?`. */
  readonly search: string;
  /** Of the path; undefined where it is not configured, and that is nobody's business. */
  readonly conf: PathConfig | undefined;
}

/** Whether everybody may read a path. */
export function isOpen({ readUser, readIPs }: PathConfig): boolean {
  return readUser === "" && readIPs.length === 0;
}

/**
 * Lets a request read a path.
 *
 * @returns the refusal, after a pause where credentials were wrong; undefined when it may read, not before a refusal
 *   would have come
 */
export async function refusal(visit: Visit, options: AccessOptions): Promise<Response | undefined> {
  const { request, incoming } = visit;
  const { authorizer, clock, logger, trustedProxies } = options;
  const credentials = readCredentials(request.headers.get("Authorization"));
  const ip = clientAddress(request, incoming, trustedProxies);
  try {
    if (authorizer.isExternal) await askExternally(visit, ip, credentials, authorizer);
    else {
      const turn = pass(visit, ip, credentials, options); // at once, so that each one counts before the next
      if (turn > 0) await pause(clock, turn, NEVER);
    }
    return undefined;
  } catch (error) {
    if (!(error instanceof AuthError)) throw error;
    if (credentials.kind === "none") {
      return new Response(null, { status: 401, headers: { "WWW-Authenticate": 'Basic realm="mediamtx"' } });
    }
    const { remoteAddress, remotePort } = incoming;
    const conn = ip === remoteAddress ? joinAddress(ip, remotePort) : ip;
    logger.info(`connection ${conn} failed to authenticate: ${error.message}`);
    // an authentication server is asked less often instead
    const wait = authorizer.isExternal ? 0 : options.loginLimiter.wrong(ip, clock.now());
    await pause(clock, Math.max(PAUSE_MS, wait ?? 0), NEVER);
    return new Response(null, { status: 401 });
  }
}

const NEVER = new AbortController().signal;

/** @throws {AuthError} if the request may not pass */
async function askExternally(
  { incoming, path, search }: Visit,
  ip: string,
  credentials: Credentials,
  authorizer: Authorizer,
): Promise<void> {
  incoming.hold(); // the server may take as long as the connection may be idle
  const query = search.slice(1);
  await authorizer.ask({ ip, path, protocol: "hls", id: null, action: "read", query }, credentials);
}

/** @returns how long the answer has to wait, ms @throws {AuthError} if the request may not pass */
function pass(
  { conf }: Visit,
  ip: string,
  credentials: Credentials,
  { loginLimiter, clock }: AccessOptions,
): number {
  const asks = conf === undefined || asksForCredentials("read", conf);
  // a verdict that is not slowed down any more would be one too many
  if (asks && credentials.kind !== "none" && loginLimiter.isFull(ip, clock.now()))
    throw new AuthError("too many guesses");
  if (conf === undefined) throw new AuthError("no such user");
  checkInternally({ action: "read", conf, ip, credentials });
  return asks ? loginLimiter.delay(ip, clock.now()) : 0;
}

function readCredentials(header: string | null): Credentials {
  const match = /^Basic\s+(\S+)$/i.exec(header ?? "");
  if (match === null) return { kind: "none" };
  const text = Buffer.from(match[1] as string, "base64").toString("utf8");
  const colon = text.indexOf(":");
  if (colon < 0) return { kind: "none" };
  return { kind: "plain", user: text.slice(0, colon), pass: text.slice(colon + 1) };
}
