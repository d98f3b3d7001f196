import { isInside, parseIp } from "../lib/address.ts";
import type { HttpEnvironment } from "./server.ts";

/**
 * The client's address: the peer's, or what a trusted proxy says. Each proxy appends the address that it has seen, so
 * that the last one of no trusted proxy is the client's; what stands in front of it anybody may have written.
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
