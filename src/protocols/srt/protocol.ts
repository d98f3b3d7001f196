import { checkUrl } from "../../config/source-scheme.ts";
import type { Protocol } from "../protocol.ts";

/** SRT: known to configuration and API, not served yet. */
export const srt: Protocol = {
  sources: [{ schemes: ["srt"], type: "srtSource", label: "SRT source", check: checkUrl }],
};
