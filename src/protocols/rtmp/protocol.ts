import { checkUrlWithUser } from "../../config/source-scheme.ts";
import type { Protocol } from "../protocol.ts";

/** RTMP, over TLS as well: known to configuration, API and metrics, not served yet. */
export const rtmp: Protocol = {
  sources: [
    { schemes: ["rtmp", "rtmps"], type: "rtmpSource", label: "RTMP source", check: checkUrlWithUser },
  ],
};
