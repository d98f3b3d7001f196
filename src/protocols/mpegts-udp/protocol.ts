import { masked } from "../../config/source-scheme.ts";
import { parseAddress } from "../../lib/address.ts";
import type { Protocol } from "../protocol.ts";

/** MPEG-TS over UDP. */
export const mpegtsUdp: Protocol = {
  components: [],
  sources: [
    {
      schemes: ["udp"],
      type: "udpSource",
      label: "UDP source",
      check: checkUdpUrl,
      load: async () => (await import("./source.ts")).startUdpSource,
    },
  ],
  resources: [],
  sections: [],
};

function checkUdpUrl(url: string): string | undefined {
  try {
    parseAddress(url.slice("udp://".length));
    return undefined;
  } catch {
    return `'${masked(url)}' is not a valid UDP URL`;
  }
}
