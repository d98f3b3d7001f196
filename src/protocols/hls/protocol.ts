import { checkUrlWithUser } from "../../config/source-scheme.ts";
import type { Protocol } from "../protocol.ts";

/** HLS. */
export const hls: Protocol = {
  sources: [
    {
      schemes: ["http", "https"],
      type: "hlsSource",
      label: "HLS source",
      check: checkUrlWithUser,
      load: async () => (await import("./source.ts")).startHlsSource,
    },
  ],
};
