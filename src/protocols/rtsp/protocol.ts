import type { Config } from "../../config/load.ts";
import { checkRtspUrl } from "../../config/source-scheme.ts";
import { object, text, word } from "../../lib/api-schema.ts";
import type { Logger } from "../../lib/log.ts";
import { pick } from "../../lib/pick.ts";
import { connSection, sessionSection } from "../columns.ts";
import type { Component, Deps, Provided, Running } from "../component.ts";
import type { Protocol } from "../protocol.ts";
import { connResource, identity, sessionResource, traffic } from "../resource.ts";
import type { RtspSettings } from "./server.ts";

const NEEDS = ["memory", "hooks", "paths"] as const;

/** The additional parameters apply to new streams only: a restart makes publishers reconnect. */
type PlainSettings = RtspSettings & Pick<Config, "writeQueueSize" | "udpMaxPayloadSize">;

const plainServer: Component<PlainSettings> = {
  name: "rtsp",
  needs: NEEDS,
  slice: (config) => {
    if (!config.rtsp || config.encryption === "strict") return undefined;
    const { protocols, rtspAddress } = config;
    return {
      ...sharedSettings(config),
      ...pick(config, "writeQueueSize", "udpMaxPayloadSize"),
      address: rtspAddress,
      ...(protocols.includes("udp") && { udp: pick(config, "rtpAddress", "rtcpAddress") }),
      ...(protocols.includes("multicast") && {
        multicast: pick(config, "multicastIPRange", "multicastRTPPort", "multicastRTCPPort"),
      }),
    };
  },
  start: (settings, deps) => start(settings, deps, deps.logger.child("RTSP")),
};

const secureServer: Component<RtspSettings> = {
  name: "rtsps",
  needs: NEEDS,
  slice: (config) => {
    if (!config.rtsp || config.encryption === "no") return undefined;
    const tls = pick(config, "serverKey", "serverCert");
    return { ...sharedSettings(config), address: config.rtspsAddress, tls };
  },
  start: (settings, deps) => start(settings, deps, deps.logger.child("RTSPS")),
};

function sharedSettings(config: Config) {
  return pick(config, "protocols", "authMethods", "readTimeout", "writeTimeout");
}

async function start(config: RtspSettings, deps: Deps & Provided, logger: Logger): Promise<Running> {
  const { startRtspServer } = await import("./server.ts");
  const { address, conns, sessions, close } = await startRtspServer({ ...deps, config, logger });
  return { address, registries: [conns, sessions], close };
}

const CONN = { Conn: object({ ...identity(), ...traffic() }) };
const SESSION = {
  RtspSession: object({
    ...identity(),
    state: word(["idle", "read", "publish"]),
    path: text("name of the path; empty while idle"),
    transport: { enum: ["UDP", "UDP-multicast", "TCP", null], description: "null while idle" },
    ...traffic(),
  }),
};

/** RTSP, with and without TLS. */
export const rtsp: Protocol = {
  components: [plainServer, secureServer],
  sources: [
    {
      schemes: ["rtsp", "rtsps", "rtsp+http", "rtsps+http", "rtsp+ws", "rtsps+ws"],
      type: "rtspSource",
      label: "RTSP source",
      check: checkRtspUrl,
      load: async () => (await import("./source.ts")).startRtspSource,
    },
  ],
  resources: [
    connResource("RTSP", { name: "rtspconns", kick: false, schema: "Conn", schemas: CONN }),
    sessionResource("RTSP", { name: "rtspsessions", schema: "RtspSession", schemas: SESSION }),
    connResource("RTSPS", { name: "rtspsconns", kick: false, schema: "Conn", schemas: CONN }),
    sessionResource("RTSPS", { name: "rtspssessions", schema: "RtspSession", schemas: SESSION }),
  ],
  sections: [
    connSection("rtsp", "RTSP"),
    sessionSection("rtsp", "RTSP"),
    connSection("rtsps", "RTSPS"),
    sessionSection("rtsps", "RTSPS"),
  ],
};
