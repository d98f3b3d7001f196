import type { JsonObject } from "../lib/registry.ts";
import type { Column, Label, Section } from "./section.ts";

/** The id of an item. */
export const ID: Label = { name: "id", read: ({ id }) => id };
const PATH: Label = { name: "path", read: ({ path }) => path };
const REMOTE: Label = { name: "remote_addr", read: ({ remoteAddr }) => remoteAddr };
const STATE: Label = { name: "state", read: ({ state }) => state };
/** Labels of what has an id and a state, as newer releases have them. */
const CLIENT_LABELS = [ID, PATH, REMOTE, STATE];

/** A number of the description itself. */
function own(field: string): Column["read"] {
  return (item) => numberIn(item, field);
}

/** A number of the object `live`, times `factor`. */
function live(field: string, factor = 1): Column["read"] {
  return (item) => {
    const stats = item["live"];
    const value = stats === undefined ? undefined : numberIn(stats as JsonObject, field);
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

/** A metric that a release after v1.0.3 has. */
export function newer(suffix: string, help: string, read: Column["read"]): Column {
  return { suffix, help, read, isNew: true, zero: true };
}

/** A metric that no release of v1.0.3 or later has. */
function added(suffix: string, help: string, read: Column["read"]): Column {
  return { suffix, help, read, isNew: true, zero: false };
}

/** 1 for each item. */
export const PRESENT = old("", "1 for each %", () => 1);
/** Bytes that came in. */
export const RECEIVED = old("bytes_received", "bytes received from the %", own("bytesReceived"));
/** Bytes that went out. */
export const SENT = old("bytes_sent", "bytes sent to the %", own("bytesSent"));
/** Bytes that came in, under their newer name. */
export const INBOUND = newer("inbound_bytes", "bytes received from the %", own("bytesReceived"));
/** Bytes that went out, under their newer name. */
export const OUTBOUND = newer("outbound_bytes", "bytes sent to the %", own("bytesSent"));
/** How fast bytes come in. */
export const BITRATE_IN = added(
  "bitrate_in",
  "bits a second that come in, over the last second",
  live("bitrateIn"),
);
/** How fast bytes go out. */
export const BITRATE_OUT = added(
  "bitrate_out",
  "bits a second that go out, over the last second",
  live("bitrateOut"),
);

/** Of the stream of a publisher or a path. */
export const PICTURES: readonly Column[] = [
  added("frame_rate", "frames a second of the first video track", live("frameRate")),
  added("width", "width of the picture in pixels", live("width")),
  added("height", "height of the picture in pixels", live("height")),
  added("gop_frames", "frames from one key frame to the next", live("gopFrames")),
  added("key_frame_age_seconds", "time since the last key frame", live("keyFrameAgeMs", 1e-3)),
];
/** How far a reader is behind. */
export const LAG = added(
  "lag_seconds",
  "age of the oldest packet that waits for the reader",
  live("lagMs", 1e-3),
);
/** Packets that did not get through. */
export const LOST = added(
  "packets_lost",
  "RTP packets that did not arrive, or that a slow reader did not get",
  live("packetsLost"),
);
/** Frames that did not get through. */
export const DROPPED = added("frames_dropped", "frames that slow readers did not get", live("framesDropped"));

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

/** Connections that carry several sessions in them, or none. @param name of the protocol in names of metrics */
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

/** Connections that publish or read by themselves, without sessions. */
export function streamConnSection(name: string, protocol: string): Section {
  return {
    ...connSection(name, protocol),
    labels: [ID, STATE],
    newLabels: CLIENT_LABELS,
    columns: [...CONN_COLUMNS, DROPPED],
  };
}

/** Sessions of a protocol that carries RTP. */
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
