import type { Json, JsonObject } from "../lib/registry.ts";

/** What one registry contributes: a line with the value 1 for each item, then one line for each field. */
export interface Section {
  /** The registry's name. */
  readonly registry: string;
  /** Name of the first metric and beginning of the others. */
  readonly prefix: string;
  /** Labels in the order in which they are written. */
  readonly labels: readonly Label[];
  /** Numbers of an item's description, with the ending of their metric. */
  readonly fields: readonly Field[];
  /** Whether the fields too are written, as 0, while there are no items. */
  readonly zeroFields: boolean;
}

interface Label {
  readonly name: string;
  readonly read: (item: JsonObject) => Json | undefined;
}

interface Field {
  readonly name: string;
  readonly suffix: string;
}

const ID: Label = { name: "id", read: ({ id }) => id };
const NAME: Label = { name: "name", read: ({ name }) => name };
const PATH_AS_NAME: Label = { name: "name", read: ({ path }) => path };
const STATE: Label = { name: "state", read: ({ state }) => state };
const READINESS: Label = { name: "state", read: ({ ready }) => (ready === true ? "ready" : "notReady") };

const RECEIVED: Field = { name: "bytesReceived", suffix: "bytes_received" };
const SENT: Field = { name: "bytesSent", suffix: "bytes_sent" };

/** All sections in the order of the output. */
export const SECTIONS: readonly Section[] = [
  { registry: "paths", prefix: "paths", labels: [NAME, READINESS], fields: [RECEIVED], zeroFields: false },
  { registry: "hlsmuxers", prefix: "hls_muxers", labels: [PATH_AS_NAME], fields: [SENT], zeroFields: true },
  { registry: "rtspconns", prefix: "rtsp_conns", labels: [ID], fields: [RECEIVED, SENT], zeroFields: true },
  {
    registry: "rtspsessions",
    prefix: "rtsp_sessions",
    labels: [ID, STATE],
    fields: [RECEIVED, SENT],
    zeroFields: true,
  },
  { registry: "rtspsconns", prefix: "rtsps_conns", labels: [ID], fields: [RECEIVED, SENT], zeroFields: true },
  {
    registry: "rtspssessions",
    prefix: "rtsps_sessions",
    labels: [ID, STATE],
    fields: [RECEIVED, SENT],
    zeroFields: true,
  },
  {
    registry: "rtmpconns",
    prefix: "rtmp_conns",
    labels: [ID, STATE],
    fields: [RECEIVED, SENT],
    zeroFields: true,
  },
  {
    registry: "webrtcsessions",
    prefix: "webrtc_sessions",
    labels: [ID],
    fields: [RECEIVED, SENT],
    zeroFields: true,
  },
];
