import type { JsonObject } from "../lib/registry.ts";
import type { Column, Label, Section } from "./section.ts";

/** The id of an item. */
export const ID: Label = { name: "id", read: ({ id }) => id };
const PATH: Label = { name: "path", read: ({ path }) => path };
const REMOTE: Label = { name: "remoteAddr", read: ({ remoteAddr }) => remoteAddr };
const STATE: Label = { name: "state", read: ({ state }) => state };
/** Labels of a client, as in newer releases. */
const CLIENT_LABELS = [ID, PATH, REMOTE, STATE];

/** A number at the top level of the description. */
function own(field: string): Column["read"] {
  return (item) => numberIn(item, field);
}

/** A number in the object `live`, multiplied by `factor`. */
function live(field: string, factor = 1): Column["read"] {
  return (item) => {
    const stats = item["live"];
    const value = stats === undefined ? undefined : numberIn(stats as JsonObject, field);
    return value === undefined ? undefined : value * factor;
  };
}

/** A number in `live` that is meaningful in one state only; 0 in the others. */
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

/** A metric that newer releases than v1.0.3 have. */
export function newer(suffix: string, help: string, read: Column["read"]): Column {
  return { suffix, help, read, isNew: true, zero: true };
}

/** A metric of this server alone. */
export function added(suffix: string, help: string, read: Column["read"]): Column {
  return { suffix, help, read, isNew: true, zero: false };
}

/** 1 per item. */
export const PRESENT = old("", "1 for each %", () => 1);
/** Bytes received. */
export const RECEIVED = old("bytes_received", "bytes received from the %", own("bytesReceived"));
/** Bytes sent. */
export const SENT = old("bytes_sent", "bytes sent to the %", own("bytesSent"));
/** Bytes received, under the newer name. */
export const INBOUND = newer("inbound_bytes", "bytes received from the %", own("bytesReceived"));
/** Bytes sent, under the newer name. */
export const OUTBOUND = newer("outbound_bytes", "bytes sent to the %", own("bytesSent"));
/** Bit rate received. */
export const BITRATE_IN = added(
  "bitrate_in",
  "bits per second received, over the last second",
  live("bitrateIn"),
);
/** Bit rate sent. */
export const BITRATE_OUT = added(
  "bitrate_out",
  "bits per second sent, over the last second",
  live("bitrateOut"),
);

/** Video of a publisher or a path. */
export const PICTURES: readonly Column[] = [
  added("frame_rate", "frames per second of the first video track", live("frameRate")),
  added("width", "width of the picture in pixels", live("width")),
  added("height", "height of the picture in pixels", live("height")),
  added("gop_frames", "frames from one key frame to the next", live("gopFrames")),
  added("key_frame_age_seconds", "time since the last key frame", live("keyFrameAgeMs", 1e-3)),
];
/** How far a reader lags behind. */
export const LAG = added(
  "lag_seconds",
  "age of the oldest packet waiting for the reader",
  live("lagMs", 1e-3),
);
/** Jitter of a source over UDP. */
export const JITTER = added(
  "jitter_seconds",
  "interarrival jitter of RTP packets, of the worst track",
  live("jitterMs", 1e-3),
);
/** Time that a server takes to answer. */
export const ROUND_TRIP = added(
  "round_trip_seconds",
  "time from the last request to its response",
  live("roundTripMs", 1e-3),
);
/** Silence of a source. */
export const LAST_PACKET = added(
  "last_packet_age_seconds",
  "time since the last packet",
  live("lastPacketAgeMs", 1e-3),
);
/** Packets lost. */
export const LOST = added(
  "packets_lost",
  "RTP packets lost on the way in, or dropped for a slow reader",
  live("packetsLost"),
);
/** Frames dropped. */
export const DROPPED = added("frames_dropped", "frames dropped for slow readers", live("framesDropped"));

const CONN_COLUMNS = [PRESENT, RECEIVED, SENT, INBOUND, OUTBOUND, BITRATE_IN, BITRATE_OUT];
const SESSION_COLUMNS = [
  ...CONN_COLUMNS,
  newer("inbound_rtp_packets", "RTP packets received from the %", liveIn("publish", "packetsReceived")),
  newer("inbound_rtp_packets_lost", "RTP packets lost", liveIn("publish", "packetsLost")),
  newer(
    "outbound_rtp_packets_discarded",
    "RTP packets dropped for a slow reader",
    liveIn("read", "packetsLost"),
  ),
  ...PICTURES,
  LAG,
  LOST,
  DROPPED,
];

/** Connections that carry sessions. @param name of the protocol in metric names */
export function connSection(name: string, protocol: string): Section {
  return {
    registry: `${name}conns`,
    prefix: `${name}_conns`,
    noun: `${protocol} connection`,
    labels: [ID],
    newLabels: [ID],
    columns: CONN_COLUMNS,
  };
}

/** Connections that publish or read without a session. */
export function streamConnSection(name: string, protocol: string): Section {
  return {
    ...connSection(name, protocol),
    labels: [ID, STATE],
    newLabels: CLIENT_LABELS,
    columns: [...CONN_COLUMNS, DROPPED],
  };
}

/** Sessions of a protocol based on RTP. */
export function sessionSection(name: string, protocol: string): Section {
  return {
    registry: `${name}sessions`,
    prefix: `${name}_sessions`,
    noun: `${protocol} session`,
    labels: [ID, STATE],
    newLabels: CLIENT_LABELS,
    columns: SESSION_COLUMNS,
  };
}
