import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";

/** A network interface of this machine. */
export interface NetworkInterface {
  readonly name: string;
  /** One of its addresses. */
  readonly address: string;
}

/** IFF_UP and IFF_MULTICAST of Linux. */
const UP_AND_MULTICAST = 0x1001;

/** The interfaces that are up and take multicast, with the first address of a family each. */
export function multicastInterfaces(family: "IPv4" | "IPv6"): NetworkInterface[] {
  const found: NetworkInterface[] = [];
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    const address = addresses?.find((entry) => entry.family === family);
    if (address !== undefined && takesMulticast(name, address.internal)) {
      found.push({ name, address: address.address });
    }
  }
  return found;
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
