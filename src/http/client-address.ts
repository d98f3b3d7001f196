import { isInside, parseIp } from "../lib/address.ts";
import type { HttpEnvironment } from "./server.ts";

/**
 * The client's address: that of the peer, or the one in X-Forwarded-For if the peer is a trusted proxy. Each proxy appends
 * the address it has seen, so the last address that is not a trusted proxy is the client's. Earlier ones may be forged.
 */
export function clientAddress(
  request: Request,
  { remoteAddress }: Pick<HttpEnvironment, "remoteAddress">,
  trustedProxies: readonly string[],
): string {
  const forwarded = request.headers.get("X-Forwarded-For")?.split(",") ?? [];
  let address = remoteAddress;
  while (trustedProxies.some((range) => isInside(range, address))) {
    const before = forwarded.pop()?.trim() ?? "";
    if (parseIp(before) === undefined) break;
    address = before;
  }
  return address;
}
