import { syntheticTracks } from "../support/media.ts";
import { TestPublisher } from "./publisher.ts";
import { TestReader } from "./reader.ts";

/** What a reader in a process of its own saw. */
export interface PeerReport {
  readonly packets: number;
  /** Packets between the first and the last that did not come. */
  readonly lost: number;
  /** Anything but loss. */
  readonly faults: readonly string[];
  /** Sender reports. */
  readonly reports: number;
  /** Addresses the tracks came to, by multicast. */
  readonly groups: readonly string[];
}

/**
 * A publisher or reader of a synthetic stream in a process of its own, which may be on another host:
 *
 * - `bun peer.ts publish <tcp|udp> <url> [large]` prints `publishing` and goes on until it is killed
 * - `bun peer.ts read <tcp|udp|multicast> <url> <packets> [large]` reads that many packets, says goodbye and prints a
 *   `PeerReport`
 */
if (import.meta.main) await main(process.argv.slice(2));

async function main([role, transport, url = "", ...rest]: readonly string[]): Promise<void> {
  const udp = transport === "udp";
  // packets of 1,400 bytes with the last word
  const options = rest.at(-1) === "large" ? { bytesPerSecond: 200_000, packetBytes: 1_400 } : {};
  if (role === "publish") {
    await TestPublisher.start(url, options, udp);
    console.log("publishing");
    return;
  }
  await using reader = await TestReader.start(url, syntheticTracks(options), {
    udp,
    multicast: transport === "multicast",
  });
  await reader.until(() => reader.packets >= Number(rest[0]), "packets", 60_000);
  const report: PeerReport = {
    packets: reader.packets,
    lost: reader.checks.reduce((sum, check) => sum + (check?.lost ?? 0), 0),
    reports: reader.reports.length,
    groups: reader.groups.map(({ group }) => group),
    faults: reader.faults.filter((fault) => !/^\d+ follows \d+$/.test(fault)),
  };
  await reader.client.must("TEARDOWN", { url: "/" });
  console.log(JSON.stringify(report));
  process.exit(); // whatever still waits for a packet
}
