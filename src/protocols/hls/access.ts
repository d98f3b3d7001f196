import { asksForCredentials, authorize, type Credentials, isInside } from "../../auth/authorizer.ts";
import type { Guesses } from "../../auth/guesses.ts";
import type { PathConfig } from "../../config/load.ts";
import type { HttpEnvironment } from "../../http/server.ts";
import type { Clock } from "../../lib/clock.ts";
import { AuthError } from "../../lib/errors.ts";
import type { Logger } from "../../lib/log.ts";

/** How long the answer to wrong credentials waits, ms. */
const PAUSE_MS = 2_000;

export interface AccessOptions {
  readonly guesses: Guesses;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly trustedProxies: readonly string[];
}

/** Whether everybody may read a path. */
export function isOpen({ readUser, readIPs }: PathConfig): boolean {
  return readUser === "" && readIPs.length === 0;
}

/** The client's address: what a trusted proxy says, or the peer's. */
export function clientAddress(
  request: Request,
  { remoteAddress }: HttpEnvironment,
  trustedProxies: readonly string[],
): string {
  if (!trustedProxies.some((range) => isInside(range, remoteAddress))) return remoteAddress;
  const forwarded = request.headers.get("X-Forwarded-For")?.split(",")[0]?.trim();
  return forwarded === undefined || forwarded === "" ? remoteAddress : forwarded;
}

/**
 * Lets a request read a path.
 *
 * @param conf of the path; undefined where it is not configured, and that is nobody's business
 * @returns the refusal, after a pause where credentials were wrong; undefined when it may read, not before a refusal
 *   would have come
 */
export async function refusal(
  request: Request,
  conf: PathConfig | undefined,
  ip: string,
  { guesses, clock, logger }: AccessOptions,
): Promise<Response | undefined> {
  const credentials = readCredentials(request.headers.get("Authorization"));
  const asks = conf === undefined || asksForCredentials("read", conf);
  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      clock.after(ms, resolve);
    });
  try {
    // a verdict that is not slowed down any more would be one too many
    if (asks && credentials.kind !== "none" && guesses.isFull(ip, clock.now()))
      throw new AuthError("too many guesses");
    if (conf === undefined) throw new AuthError("no such user");
    authorize({ action: "read", conf, ip, credentials });
    const turn = asks ? guesses.delay(ip, clock.now()) : 0;
    if (turn > 0) await pause(turn);
    return undefined;
  } catch (error) {
    if (!(error instanceof AuthError)) throw error;
    if (credentials.kind === "none") {
      return new Response(null, { status: 401, headers: { "WWW-Authenticate": 'Basic realm="mediamtx"' } });
    }
    logger.info(`connection ${ip} failed to authenticate: ${error.message}`);
    const wait = guesses.wrong(ip, clock.now());
    await pause(Math.max(PAUSE_MS, wait ?? 0));
    return new Response(null, { status: 401 });
  }
}

function readCredentials(header: string | null): Credentials {
  const match = /^Basic\s+(\S+)$/i.exec(header ?? "");
  if (match === null) return { kind: "none" };
  const text = Buffer.from(match[1] as string, "base64").toString("utf8");
  const colon = text.indexOf(":");
  if (colon < 0) return { kind: "none" };
  return { kind: "plain", user: text.slice(0, colon), pass: text.slice(colon + 1) };
}
