import { checkRtspUrl } from "../../config/source-scheme.ts";
import type { Protocol } from "../protocol.ts";

/** RTSP, over TLS as well. */
export const rtsp: Protocol = {
  sources: [
    {
      schemes: ["rtsp", "rtsps"],
      type: "rtspSource",
      label: "RTSP source",
      check: checkRtspUrl,
      load: async () => (await import("./source.ts")).startRtspSource,
    },
  ],
};
