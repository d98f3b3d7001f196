import { multicastInterfaces, type NetworkInterface } from "../../host/interfaces.ts";
import type { UdpSocket } from "../../host/udp.ts";
import { parseIp } from "../../lib/address.ts";
import { SourceError } from "../../lib/errors.ts";

/** Whether an address is one of a multicast group (RFC 5771 §3, RFC 4291 §2.7). */
export function isGroup(address: string): boolean {
  const bytes = parseIp(address.split("%")[0] as string);
  if (bytes === undefined) return false;
  const first = bytes[0] as number;
  return bytes.length === 4 ? first >= 224 && first < 240 : first === 0xff;
}

/**
 * Joins a group on every interface that supports it.
 *
 * @throws {SourceError} if there is none
 */
export function joinEverywhere(
  socket: Pick<UdpSocket, "joinGroup">,
  group: string,
  interfaces: readonly NetworkInterface[] = multicastInterfaces(group.includes(":") ? "IPv6" : "IPv4"),
): void {
  let joined = 0;
  for (const { address } of interfaces) {
    try {
      socket.joinGroup(group, address);
      joined += 1;
    } catch {
      // another interface may support it
    }
  }
  if (joined === 0) throw new SourceError("unable to activate multicast on any network interface");
}
