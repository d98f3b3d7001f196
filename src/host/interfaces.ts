import { readFileSync } from "node:fs";
import { hostname, type NetworkInterfaceInfo, networkInterfaces } from "node:os";

/** A network interface of this machine. */
export interface NetworkInterface {
  readonly name: string;
  /** One of its addresses; IPv6 with its zone, which is needed to join a multicast group. */
  readonly address: string;
}

/** Name of this machine. */
export function hostName(): string {
  return hostname();
}

/** IFF_UP and IFF_MULTICAST of Linux. */
const UP_AND_MULTICAST = 0x1001;

/** The interfaces that are up and support multicast, each with its first address of a family. */
export function multicastInterfaces(family: "IPv4" | "IPv6"): NetworkInterface[] {
  const found: NetworkInterface[] = [];
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    const address = addresses?.find((entry) => entry.family === family);
    if (address !== undefined && takesMulticast(name, address.internal)) {
      const zone = family === "IPv6" && !address.address.includes("%") ? `%${zoneOf(name, address)}` : "";
      found.push({ name, address: address.address + zone });
    }
  }
  return found;
}

/** Windows takes the index of an interface, other systems its name. */
function zoneOf(name: string, address: NetworkInterfaceInfo): string {
  return process.platform === "win32" ? String((address as { scopeid?: number }).scopeid ?? 0) : name;
}

function takesMulticast(name: string, internal: boolean): boolean {
  if (process.platform !== "linux") return !internal;
  try {
    const flags = Number(readFileSync(`/sys/class/net/${name}/flags`, "utf8").trim());
    return (flags & UP_AND_MULTICAST) === UP_AND_MULTICAST;
  } catch {
    return !internal; // /sys is not there: as elsewhere
  }
}
