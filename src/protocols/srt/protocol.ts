import { checkUrl } from "../../config/source-scheme.ts";
import type { Protocol } from "../protocol.ts";
import { streamConnResource } from "../resource.ts";

/** SRT. Declared for configuration and API; not served yet. */
export const srt: Protocol = {
  components: [],
  sources: [{ schemes: ["srt"], type: "srtSource", label: "SRT source", check: checkUrl }],
  resources: [streamConnResource("srtconns", "SRT")],
  sections: [],
};
