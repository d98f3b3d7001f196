import type { Config } from "../../config/load.ts";
import { checkUrlWithUser } from "../../config/source-scheme.ts";
import type { Logger } from "../../lib/log.ts";
import { pick } from "../../lib/pick.ts";
import { streamConnSection } from "../columns.ts";
import type { Component, Deps, Provided, Running } from "../component.ts";
import type { Protocol } from "../protocol.ts";
import { streamConnResource } from "../resource.ts";
import type { RtmpSettings } from "./server.ts";

const NEEDS = ["memory", "hooks", "paths"] as const;

/** The additional parameter applies to new streams only: a restart makes publishers reconnect. */
type Settings = RtmpSettings & Pick<Config, "writeQueueSize">;

const plainServer: Component<Settings> = {
  name: "rtmp",
  needs: NEEDS,
  slice: (config) => {
    if (!config.rtmp || config.rtmpEncryption === "strict") return undefined;
    return { ...sharedSettings(config), address: config.rtmpAddress };
  },
  start: (settings, deps) => start(settings, deps, deps.logger.child("RTMP")),
};

const secureServer: Component<Settings> = {
  name: "rtmps",
  needs: NEEDS,
  slice: (config) => {
    if (!config.rtmp || config.rtmpEncryption === "no") return undefined;
    const tls = { keyFile: config.rtmpServerKey, certFile: config.rtmpServerCert };
    return { ...sharedSettings(config), address: config.rtmpsAddress, tls };
  },
  start: (settings, deps) => start(settings, deps, deps.logger.child("RTMPS")),
};

function sharedSettings(config: Config) {
  return pick(config, "readTimeout", "writeTimeout", "writeQueueSize");
}

async function start(config: RtmpSettings, deps: Deps & Provided, logger: Logger): Promise<Running> {
  const { startRtmpServer } = await import("./server.ts");
  const { address, conns, close } = await startRtmpServer({ ...deps, config, logger });
  return { address, registries: [conns], close };
}

/** RTMP, with and without TLS. */
export const rtmp: Protocol = {
  components: [plainServer, secureServer],
  sources: [
    {
      schemes: ["rtmp", "rtmps"],
      type: "rtmpSource",
      label: "RTMP source",
      check: checkUrlWithUser,
      load: async () => (await import("./source.ts")).startRtmpSource,
    },
  ],
  resources: [streamConnResource("rtmpconns", "RTMP"), streamConnResource("rtmpsconns", "RTMPS")],
  sections: [streamConnSection("rtmp", "RTMP"), streamConnSection("rtmps", "RTMPS")],
};
