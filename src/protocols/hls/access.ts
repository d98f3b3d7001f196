import { headerCredentials } from "../../auth/carriers.ts";
import type { Door } from "../../auth/door.ts";
import { ENTRANCES } from "../../auth/entrances.ts";
import { joinAddress } from "../../host/socket-address.ts";
import { clientAddress } from "../../http/client-address.ts";
import type { HttpEnvironment } from "../../http/server.ts";
import type { Logger } from "../../lib/log.ts";

export interface AccessOptions {
  readonly door: Door;
  readonly logger: Logger;
  readonly trustedProxies: readonly string[];
}

/** A request to read a path. */
export interface ReadRequest {
  readonly request: Request;
  readonly incoming: HttpEnvironment;
  readonly path: string;
  /** Of the URL, with its `?`. */
  readonly search: string;
}

/**
 * Admits a request to a path.
 *
 * @returns the response of a rejection, after its delay; undefined if the request is admitted
 * @throws {RefusedError} as `Door.admit`
 */
export async function refusal(read: ReadRequest, options: AccessOptions): Promise<Response | undefined> {
  const { request, incoming, path, search } = read;
  const { door, logger, trustedProxies } = options;
  const ip = clientAddress(request, incoming, trustedProxies);
  const admission = await door.admit({
    entrance: "hls",
    action: "read",
    path,
    query: search.slice(1),
    credentials: headerCredentials(request.headers.get("Authorization"), ENTRANCES.hls.schemes),
    id: null,
    visitor: {
      ip,
      get signal() {
        return request.signal;
      },
      hold: () => incoming.hold(),
    },
    log: (line) => {
      const { remoteAddress, remotePort } = incoming;
      const conn = ip === remoteAddress ? joinAddress(ip, remotePort) : ip;
      logger.info(`connection ${conn} ${line}`);
    },
  });
  if (admission.kind === "admitted") return undefined;
  const headers = admission.challenges ? { "WWW-Authenticate": 'Basic realm="mediamtx"' } : {};
  return new Response(null, { status: 401, headers });
}
