import { checkUrl } from "../../config/source-scheme.ts";
import type { Protocol } from "../protocol.ts";

/** WebRTC: known to configuration, API and metrics, not served yet. */
export const webrtc: Protocol = {
  sources: [
    { schemes: ["whep", "wheps"], type: "webRTCSource", label: "WebRTC/WHEP source", check: checkUrl },
  ],
};
