import { checkUrlWithUser } from "../../config/source-scheme.ts";
import { streamConnSection } from "../columns.ts";
import type { Protocol } from "../protocol.ts";
import { streamConnResource } from "../resource.ts";

/** RTMP, with and without TLS. Declared for configuration, API and metrics; not served yet. */
export const rtmp: Protocol = {
  components: [],
  sources: [
    { schemes: ["rtmp", "rtmps"], type: "rtmpSource", label: "RTMP source", check: checkUrlWithUser },
  ],
  resources: [streamConnResource("rtmpconns", "RTMP"), streamConnResource("rtmpsconns", "RTMPS")],
  sections: [streamConnSection("rtmp", "RTMP")],
};
