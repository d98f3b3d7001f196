import { count, flag, list, object, ref, text } from "../lib/api-schema.ts";
import type { JsonObject } from "../lib/registry.ts";
import {
  BITRATE_IN,
  BITRATE_OUT,
  DROPPED,
  INBOUND,
  LAG,
  LOST,
  newer,
  OUTBOUND,
  PICTURES,
  PRESENT,
  RECEIVED,
  SENT,
} from "../protocols/columns.ts";
import type { Resource } from "../protocols/resource.ts";
import type { Label, Section } from "../protocols/section.ts";

/** Paths in the API. */
export const pathResource: Resource = {
  name: "paths",
  item: "path",
  items: "paths",
  by: "name",
  kick: false,
  schema: "Path",
  schemas: {
    Path: object({
      name: text("name of the path"),
      confName: text("key of the entry of `paths` it belongs to"),
      conf: ref("PathConfig"),
      source: { oneOf: [ref("Peer"), { type: "null" }], description: "publisher or source of the stream" },
      sourceReady: flag("old name of `ready`"),
      ready: flag("whether the stream is available"),
      readyTime: {
        type: ["string", "null"],
        format: "date-time",
        description: "when the stream became available",
      },
      tracks: list(text("codec"), "codecs of the stream"),
      bytesReceived: count("RTP bytes received since the path was made"),
      readers: list(ref("Peer"), "readers of the stream"),
      bytesSent: count("bytes sent to readers since the path was made"),
      live: ref("Live"),
    }),
    Peer: object({ type: text("kind: `rtspSession`, `hlsMuxer`, …"), id: text("id, if it has one") }),
  },
};

const NAME: Label = { name: "name", read: ({ name }) => name };
const READINESS: Label = { name: "state", read: ({ ready }) => (ready === true ? "ready" : "notReady") };

/** Paths in the metrics. */
export const pathSection: Section = {
  registry: "paths",
  prefix: "paths",
  noun: "path",
  labels: [NAME, READINESS],
  newLabels: [NAME, READINESS],
  columns: [
    PRESENT,
    { ...RECEIVED, zero: false, help: "RTP bytes received by the %" },
    {
      ...newer("readers", "readers of the %", () => undefined),
      split: { label: "readerType", read: readersByType },
    },
    { ...INBOUND, help: "RTP bytes received by the %" },
    { ...OUTBOUND, help: "bytes sent to the readers of the %" },
    { ...SENT, isNew: true, help: "bytes sent to the readers of the %" },
    BITRATE_IN,
    BITRATE_OUT,
    ...PICTURES,
    LAG,
    { ...LOST, help: "RTP packets of the publisher that did not arrive" },
    DROPPED,
  ],
};

/** Number of readers by type; an empty type if there are none. */
function readersByType({ readers }: JsonObject): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { type } of (readers ?? []) as readonly { readonly type: string }[]) {
    counts.set(type, (counts.get(type) ?? 0) + 1);
  }
  return counts.size === 0 ? new Map([["", 0]]) : counts;
}
