import { checkUrl } from "../../config/source-scheme.ts";
import { flag, object, text, word } from "../../lib/api-schema.ts";
import { ID, sessionSection } from "../columns.ts";
import type { Protocol } from "../protocol.ts";
import { identity, sessionResource, traffic } from "../resource.ts";

const SESSION = {
  WebRtcSession: object({
    ...identity(),
    peerConnectionEstablished: flag("whether media can flow"),
    localCandidate: text("`type/protocol/address/port`; empty before it is known"),
    remoteCandidate: text("`type/protocol/address/port`; empty before it is known"),
    state: word(["read", "publish"]),
    path: text("name of the path"),
    ...traffic(),
  }),
};

/** WebRTC. Declared for configuration, API and metrics; not served yet. */
export const webrtc: Protocol = {
  components: [],
  sources: [
    { schemes: ["whep", "wheps"], type: "webRTCSource", label: "WebRTC/WHEP source", check: checkUrl },
  ],
  resources: [
    sessionResource("WebRTC", { name: "webrtcsessions", schema: "WebRtcSession", schemas: SESSION }),
  ],
  sections: [{ ...sessionSection("webrtc", "WebRTC"), labels: [ID] }],
};
