import type { StreamDescription, Track } from "../../media/track.ts";
import {
  invalidSdp,
  type SdpAttribute,
  type SdpMedia,
  type SessionDescription,
  sdpAttribute,
  sdpAttributes,
} from "../sdp/model.ts";
import { DEFAULT_ORIGIN, MAX_SDP_MEDIAS } from "../sdp/parse.ts";
import { writeSdp } from "../sdp/write.ts";
import { readTrack, type TrackReading } from "./read-track.ts";

/** A parsed description: the stream, and the control attribute of each track. */
export interface DescribedStream {
  readonly description: StreamDescription;
  /** `a=control` of each track; undefined when it has none. */
  readonly controls: readonly (string | undefined)[];
  /** The same of the medias that are left out. */
  readonly unusedControls: readonly (string | undefined)[];
  /** A log line for each media of which something is left out. */
  readonly notes: readonly string[];
}

export interface DescribeOptions {
  /** Whether tracks that only receive are left out: back channels of a camera (ONVIF Streaming Specification §5.3). */
  readonly withoutBackChannels?: boolean;
}

/**
 * Reads the tracks of a description, in order. One that cannot be used does not spoil the others: it is left out and
 * named in `notes`.
 *
 * @throws {ProtocolError} `invalid SDP: …` if there is no media, or none can be used
 */
export function describeStream(sdp: SessionDescription, options: DescribeOptions = {}): DescribedStream {
  if (sdp.medias.length === 0) throw invalidSdp("no media");
  if (sdp.medias.length > MAX_SDP_MEDIAS) throw invalidSdp(`more than ${MAX_SDP_MEDIAS} medias`);
  const tracks: Track[] = [];
  const controls: (string | undefined)[] = [];
  const unusedControls: (string | undefined)[] = [];
  const reasons: string[] = [];
  const notes: string[] = [];
  const mids = new Set<string>();
  const isBackChannel = options.withoutBackChannels === true ? backChannels(sdp) : () => false;
  sdp.medias.forEach((media, i) => {
    const { track, problems } = isBackChannel(media) ? BACK_CHANNEL : readTrack(media);
    reasons.push(...problems);
    const what = `${track === undefined ? "" : "formats of "}track ${i + 1} (${media.type})`;
    if (problems.length > 0) notes.push(`skipping ${what}: ${problems.join(", ")}`);
    const control = sdpAttribute(media.attributes, "control");
    (track === undefined ? unusedControls : controls).push(control);
    if (track !== undefined) tracks.push(withDistinctMid(track, mids));
  });
  if (tracks.length === 0) throw invalidSdp(reasons[0] ?? "no media");
  const fecGroups = readFecGroups(sdp.attributes, mids);
  return { description: { title: sdp.title, tracks, fecGroups }, controls, unusedControls, notes };
}

const BACK_CHANNEL: TrackReading = { track: undefined, problems: ["back channel"] };

/**
 * The medias that a camera wants to be sent: those that are `sendonly`, from the view of its clients. Where all are,
 * the word is meant from the view of the camera.
 */
function backChannels({ medias }: SessionDescription): (media: SdpMedia) => boolean {
  const isSendOnly = ({ attributes }: SdpMedia) => attributes.some(({ name }) => /^sendonly$/i.test(name));
  return medias.every(isSendOnly) ? () => false : isSendOnly;
}

/** A tag that another media has too is dropped: it only serves to group medias. */
function withDistinctMid(track: Track, mids: Set<string>): Track {
  if (track.mid === undefined) return track;
  if (mids.has(track.mid)) return { ...track, mid: undefined };
  mids.add(track.mid);
  return track;
}

/** What `writeDescription` needs besides the stream. */
export interface DescriptionOptions {
  /** Absolute URL to which `trackID=<n>` is appended, so ending in a slash. */
  readonly controlBase: string;
  /** Announces a multicast address, which makes VLC ask for multicast. */
  readonly multicast?: boolean;
}

/** Writes the description that RTSP readers get. */
export function writeDescription(description: StreamDescription, options: DescriptionOptions): string {
  const { title, tracks, fecGroups } = description;
  return writeSdp({
    origin: DEFAULT_ORIGIN,
    title,
    connection: options.multicast === true ? "IN IP4 224.1.0.0" : "IN IP4 0.0.0.0",
    bandwidths: [],
    timing: "0 0",
    attributes: fecGroups.map((mids) => ({ name: "group", value: ["FEC", ...mids].join(" ") })),
    medias: tracks.map((track, index) => writeTrack(track, `${options.controlBase}trackID=${index}`)),
  });
}

/** Writes the parameters of a format: names sorted, `name=value` joined by `; `, a name alone without a value. */
export function writeFmtp(fmtp: ReadonlyMap<string, string>): string {
  return [...fmtp]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => (value === "" ? name : `${name}=${value}`))
    .join("; ");
}

function writeTrack(track: Track, control: string): SdpMedia {
  const attributes: SdpAttribute[] = [];
  if (track.mid !== undefined) attributes.push({ name: "mid", value: track.mid });
  attributes.push({ name: "control", value: control });
  for (const { payloadType, rtpmap, fmtp } of track.formats) {
    if (rtpmap !== undefined) attributes.push({ name: "rtpmap", value: `${payloadType} ${rtpmap}` });
    if (fmtp.size > 0) attributes.push({ name: "fmtp", value: `${payloadType} ${writeFmtp(fmtp)}` });
  }
  return {
    type: track.media,
    port: 0,
    protocol: "RTP/AVP",
    formats: track.formats.map(({ payloadType }) => String(payloadType)),
    connection: undefined,
    bandwidths: [],
    attributes,
  };
}

/** Tags of `a=group:FEC` lines (RFC 5956 §4.1); groups of other kinds, or with medias that are left out, are dropped. */
function readFecGroups(attributes: readonly SdpAttribute[], mids: ReadonlySet<string>): string[][] {
  const groups: string[][] = [];
  for (const value of sdpAttributes(attributes, "group")) {
    const [kind, ...tags] = value.split(/\s+/);
    if (kind !== "FEC") continue;
    if (tags.length > 0 && tags.every((tag) => mids.has(tag))) groups.push(tags);
  }
  return groups;
}
