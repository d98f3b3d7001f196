import type { Json, JsonObject } from "../lib/registry.ts";

/** What one registry contributes. */
export interface Section {
  /** The registry's name. */
  readonly registry: string;
  /** Beginning of the names of its metrics, and the whole name of the first. */
  readonly prefix: string;
  /** What one item is called in help texts, and several. */
  readonly nouns: readonly [string, string];
  /** Labels of the metrics that v1.0.3 has. */
  readonly labels: readonly Label[];
  /** Labels of the newer ones. */
  readonly newLabels: readonly Label[];
  readonly columns: readonly Column[];
}

export interface Label {
  readonly name: string;
  readonly read: (item: JsonObject) => Json | undefined;
}

/** One metric of the items of a section. */
export interface Column {
  /** Ending of its name; empty for the metric that is 1 for each item. */
  readonly suffix: string;
  /** What it says, with `%` for the item. */
  readonly help: string;
  /** @returns undefined when the item has no such number */
  readonly read: (item: JsonObject) => number | undefined;
  /** Whether it came after v1.0.3, and has the newer labels. */
  readonly isNew: boolean;
  /** Whether it is written, as 0 without labels, while there are no items. */
  readonly zero: boolean;
  /** A further label that splits it: numbers by its values. */
  readonly split?: {
    readonly label: string;
    readonly read: (item: JsonObject) => ReadonlyMap<string, number>;
  };
}

const ID: Label = { name: "id", read: ({ id }) => id };
const NAME: Label = { name: "name", read: ({ name }) => name };
const PATH: Label = { name: "path", read: ({ path }) => path };
const PATH_AS_NAME: Label = { name: "name", read: ({ path }) => path };
const REMOTE: Label = { name: "remote_addr", read: ({ remoteAddr }) => remoteAddr };
const STATE: Label = { name: "state", read: ({ state }) => state };
const READINESS: Label = { name: "state", read: ({ ready }) => (ready === true ? "ready" : "notReady") };

/** A number of the description itself. */
function own(field: string): Column["read"] {
  return (item) => numberIn(item, field);
}

/** A number of the object `live`, times `factor`. */
function live(field: string, factor = 1): Column["read"] {
  return ({ live: values }) => {
    const value = values === undefined ? undefined : numberIn(values as JsonObject, field);
    return value === undefined ? undefined : value * factor;
  };
}

/** A number of `live` that means something in one state only; 0 in the others. */
function liveIn(state: string, field: string): Column["read"] {
  const read = live(field);
  return (item) => (item["state"] === state ? (read(item) ?? 0) : 0);
}

function numberIn(object: JsonObject, field: string): number | undefined {
  const value = object[field];
  return typeof value === "number" ? value : undefined;
}

function old(suffix: string, help: string, read: Column["read"]): Column {
  return { suffix, help, read, isNew: false, zero: true };
}

function newer(suffix: string, help: string, read: Column["read"]): Column {
  return { suffix, help, read, isNew: true, zero: true };
}

/** A metric that no release of v1.0.3 or later has. */
function added(suffix: string, help: string, read: Column["read"]): Column {
  return { suffix, help, read, isNew: true, zero: false };
}

const PRESENT = old("", "1 for each %", () => 1);
const RECEIVED = old("bytes_received", "bytes received from the %", own("bytesReceived"));
const SENT = old("bytes_sent", "bytes sent to the %", own("bytesSent"));
const INBOUND = newer("inbound_bytes", "bytes received from the %", own("bytesReceived"));
const OUTBOUND = newer("outbound_bytes", "bytes sent to the %", own("bytesSent"));
const BITRATE_IN = added("bitrate_in", "bits a second that come in, over the last second", live("bitrateIn"));
const BITRATE_OUT = added(
  "bitrate_out",
  "bits a second that go out, over the last second",
  live("bitrateOut"),
);

const PICTURES: readonly Column[] = [
  added("frame_rate", "frames a second of the first video track", live("frameRate")),
  added("width", "width of the picture in pixels", live("width")),
  added("height", "height of the picture in pixels", live("height")),
  added("gop_frames", "frames from one key frame to the next", live("gopFrames")),
  added("key_frame_age_seconds", "time since the last key frame", live("keyFrameAgeMs", 1e-3)),
];
const LAG = added("lag_seconds", "age of the oldest packet that waits for the reader", live("lagMs", 1e-3));
const LOST = added(
  "packets_lost",
  "RTP packets that did not arrive, or that a slow reader did not get",
  live("packetsLost"),
);
const DROPPED = added("frames_dropped", "frames that slow readers did not get", live("framesDropped"));

const CONN_COLUMNS = [PRESENT, RECEIVED, SENT, INBOUND, OUTBOUND, BITRATE_IN, BITRATE_OUT];
const SESSION_COLUMNS = [
  ...CONN_COLUMNS,
  newer("inbound_rtp_packets", "RTP packets received from the %", liveIn("publish", "packetsReceived")),
  newer("inbound_rtp_packets_lost", "RTP packets that did not arrive", liveIn("publish", "packetsLost")),
  newer(
    "outbound_rtp_packets_discarded",
    "RTP packets that a slow reader did not get",
    liveIn("read", "packetsLost"),
  ),
  ...PICTURES,
  LAG,
  LOST,
  DROPPED,
];
const PATH_COLUMNS: readonly Column[] = [
  PRESENT,
  { ...RECEIVED, zero: false, help: "RTP bytes received by the %" },
  {
    ...newer("readers", "readers of the %", () => undefined),
    split: { label: "reader_type", read: readersByType },
  },
  { ...INBOUND, help: "RTP bytes received by the %" },
  { ...OUTBOUND, help: "bytes sent to the readers of the %" },
  { ...newer("bytes_sent", "bytes sent to the readers of the %", own("bytesSent")) },
  BITRATE_IN,
  BITRATE_OUT,
  ...PICTURES,
  LAG,
  { ...LOST, help: "RTP packets of the publisher that did not arrive" },
  DROPPED,
];

/** How many readers of each type a path has; an empty type for none. */
function readersByType({ readers }: JsonObject): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { type } of (readers ?? []) as readonly { readonly type: string }[]) {
    counts.set(type, (counts.get(type) ?? 0) + 1);
  }
  return counts.size === 0 ? new Map([["", 0]]) : counts;
}

/** Connections of a protocol that carries several sessions in them, or none. */
function conns(name: string, protocol: string): Section {
  return {
    registry: `${name}conns`,
    prefix: `${name}_conns`,
    nouns: [`${protocol} connection`, `${protocol} connections`],
    labels: [ID],
    newLabels: [ID],
    columns: CONN_COLUMNS,
  };
}

function sessions(name: string, protocol: string): Section {
  return {
    registry: `${name}sessions`,
    prefix: `${name}_sessions`,
    nouns: [`${protocol} session`, `${protocol} sessions`],
    labels: [ID, STATE],
    newLabels: [ID, PATH, REMOTE, STATE],
    columns: SESSION_COLUMNS,
  };
}

/** All sections in the order of the output. */
export const SECTIONS: readonly Section[] = [
  {
    registry: "paths",
    prefix: "paths",
    nouns: ["path", "paths"],
    labels: [NAME, READINESS],
    newLabels: [NAME, READINESS],
    columns: PATH_COLUMNS,
  },
  {
    registry: "hlsmuxers",
    prefix: "hls_muxers",
    nouns: ["HLS muxer", "HLS muxers"],
    labels: [PATH_AS_NAME],
    newLabels: [PATH_AS_NAME],
    columns: [PRESENT, SENT, OUTBOUND, BITRATE_OUT],
  },
  conns("rtsp", "RTSP"),
  sessions("rtsp", "RTSP"),
  conns("rtsps", "RTSPS"),
  sessions("rtsps", "RTSPS"),
  {
    ...conns("rtmp", "RTMP"),
    labels: [ID, STATE],
    newLabels: [ID, PATH, REMOTE, STATE],
    columns: [...CONN_COLUMNS, DROPPED],
  },
  { ...sessions("webrtc", "WebRTC"), labels: [ID] },
];
