import { GLOBAL_ROWS } from "../../config/schema.ts";
import { checkUrlWithUser } from "../../config/source-scheme.ts";
import { count, object, ref, text, time } from "../../lib/api-schema.ts";
import { gauge } from "../../lib/metric-value.ts";
import { pick } from "../../lib/pick.ts";
import { BITRATE_OUT, OUTBOUND, PRESENT, SENT } from "../columns.ts";
import type { Component } from "../component.ts";
import type { Protocol } from "../protocol.ts";
import type { Label } from "../section.ts";
import type { HlsSettings } from "./server.ts";

const KEYS = Object.keys(GLOBAL_ROWS).filter((key): key is Exclude<keyof HlsSettings, "readTimeout"> =>
  key.startsWith("hls"),
);

const server: Component<HlsSettings> = {
  name: "hls",
  needs: ["paths"],
  slice: (config) => (config.hls ? pick(config, ...KEYS, "readTimeout") : undefined),
  start: async (config, deps) => {
    const { HlsServer } = await import("./server.ts");
    const hlsServer = new HlsServer({ ...deps, config, logger: deps.logger.child("HLS") });
    hlsServer.start();
    const { muxers } = hlsServer;
    const read = () => hlsServer.bytesKept;
    return {
      registries: [muxers],
      values: [gauge("media_hls_bytes", "bytes of the segments of all playlists", read)],
      close: () => hlsServer.close(),
    };
  },
};

const PATH_AS_NAME: Label = { name: "name", read: ({ path }) => path };

/** HLS. */
export const hls: Protocol = {
  components: [server],
  sources: [
    {
      schemes: ["http", "https"],
      type: "hlsSource",
      label: "HLS source",
      check: checkUrlWithUser,
      load: async () => (await import("./source.ts")).startHlsSource,
    },
  ],
  resources: [
    {
      name: "hlsmuxers",
      item: "muxer",
      items: "HLS muxers",
      by: "name",
      kick: false,
      schema: "HlsMuxer",
      schemas: {
        HlsMuxer: object({
          path: text("name of the path"),
          created: time("time of creation"),
          lastRequest: time("time of the last request"),
          bytesSent: count("bytes sent to viewers"),
          live: ref("Live"),
        }),
      },
    },
  ],
  sections: [
    {
      registry: "hlsmuxers",
      prefix: "hls_muxers",
      noun: "HLS muxer",
      labels: [PATH_AS_NAME],
      newLabels: [PATH_AS_NAME],
      columns: [PRESENT, SENT, OUTBOUND, BITRATE_OUT],
    },
  ],
  isShownFirst: true,
};
