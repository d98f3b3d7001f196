import { count, object, ref, text, time, word } from "../lib/api-schema.ts";
import type { JsonObject } from "../lib/registry.ts";
import { added, BITRATE_IN, JITTER, LAST_PACKET, LOST, ROUND_TRIP } from "../protocols/columns.ts";
import type { Declaration } from "../protocols/protocol.ts";
import type { Resource } from "../protocols/resource.ts";
import type { Column, Label, Section } from "../protocols/section.ts";
import type { AllDeps } from "./parts.ts";

const resource: Resource = {
  name: "sources",
  item: "source",
  items: "sources",
  by: "name",
  kick: false,
  schema: "Source",
  schemas: {
    Source: object({
      path: text("name of its path"),
      type: text("kind: `rtspSource`, `hlsSource`, `udpSource`, …"),
      state: word(["idle", "connecting", "ready", "retrying"]),
      created: time("time of creation"),
      transport: {
        type: ["string", "null"],
        description: "`UDP`, `UDP-multicast` or `TCP`; null while not connected",
      },
      attempts: count("how often it was started"),
      lastError: { type: ["string", "null"], description: "why the last failed attempt ended" },
      lastErrorTime: { type: ["string", "null"], format: "date-time", description: "when that was" },
      bytesReceived: count("RTP bytes received since it was created"),
      live: ref("Live"),
    }),
  },
};

const LABELS = ["path", "type", "state"].map(
  (name): Label => ({ name, read: (item: JsonObject) => item[name] }),
);

const section: Section = {
  registry: "sources",
  prefix: "sources",
  noun: "source",
  labels: LABELS,
  newLabels: LABELS,
  columns: [
    added("", "1 for each %", () => 1),
    added("attempts", "how often the % was started", numberOf("attempts")),
    added("bytes_received", "RTP bytes received from the %", numberOf("bytesReceived")),
    { ...LOST, help: "packets of the % that did not arrive" },
    JITTER,
    ROUND_TRIP,
    LAST_PACKET,
    BITRATE_IN,
    worded("transport", "1 for the transport in use", "transport", "transport"),
    worded("last_error", "1 for the error of the last failed attempt", "lastError", "error"),
  ],
};

function numberOf(field: string): Column["read"] {
  return (item) => item[field] as number;
}

/** A text of the items, as a further label of a metric that is 1; items without it have no line. */
function worded(suffix: string, help: string, field: string, label: string): Column {
  const read = ({ [field]: word }: JsonObject) => new Map(typeof word === "string" ? [[word, 1]] : []);
  return { ...added(suffix, help, () => undefined), split: { label, read } };
}

/** The sources that paths pull their streams from, of every protocol; `paths` has their registry. */
export const sources: Declaration<AllDeps> = { components: [], resources: [resource], sections: [section] };
