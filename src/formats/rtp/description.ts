import { CODECS } from "../../media/codecs.ts";
import type { Format, StreamDescription, Track } from "../../media/track.ts";
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
import { codecOfEncoding } from "./codecs.ts";
import { STATIC_RTPMAPS } from "./rtpmap.ts";

/** A parsed description: the stream, and the control attribute of each track. */
export interface DescribedStream {
  readonly description: StreamDescription;
  /** `a=control` of each track; undefined when it has none. */
  readonly controls: (string | undefined)[];
}

/**
 * Reads the tracks of a description: every media, every payload type of it, in order. Codecs are recognised by
 * encoding name, or by payload type where RFC 3551 fixes it; the rest is Generic, which needs a clock rate.
 *
 * @throws {ProtocolError} `invalid SDP: …` if there is no media, or what it says about one is missing or contradictory
 */
export function describeStream(sdp: SessionDescription): DescribedStream {
  if (sdp.medias.length === 0) throw invalidSdp("no media");
  if (sdp.medias.length > MAX_SDP_MEDIAS) throw invalidSdp(`more than ${MAX_SDP_MEDIAS} medias`);
  const tracks = sdp.medias.map(readTrack);
  const mids = new Set<string>();
  for (const { mid } of tracks) {
    if (mid !== undefined && mids.has(mid)) throw invalidSdp(`duplicate mid ${mid}`);
    if (mid !== undefined) mids.add(mid);
  }
  const description = { title: sdp.title, tracks, fecGroups: readFecGroups(sdp.attributes, mids) };
  return { description, controls: sdp.medias.map(({ attributes }) => sdpAttribute(attributes, "control")) };
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

function readTrack(media: SdpMedia): Track {
  if (!/(^|\/)RTP\//i.test(media.protocol))
    throw invalidSdp(`unsupported protocol of media: ${media.protocol}`);
  if (media.formats.length === 0) throw invalidSdp(`media ${media.type} without payload type`);
  const payloadTypes = media.formats.map(readPayloadType);
  const rtpmaps = new Map<number, string>();
  const fmtps = new Map<number, Map<string, string>>();
  for (const payloadType of payloadTypes) {
    if (fmtps.has(payloadType)) throw invalidSdp(`duplicate payload type ${payloadType}`);
    fmtps.set(payloadType, new Map());
  }
  for (const value of sdpAttributes(media.attributes, "rtpmap")) readRtpmap(value, fmtps, rtpmaps);
  for (const value of sdpAttributes(media.attributes, "fmtp")) readFmtp(value, fmtps);
  return {
    media: media.type,
    mid: sdpAttribute(media.attributes, "mid"),
    formats: payloadTypes.map((each) => readFormat(each, rtpmaps.get(each), fmtps.get(each) ?? new Map())),
  };
}

function readFormat(
  payloadType: number,
  rtpmap: string | undefined,
  fmtp: ReadonlyMap<string, string>,
): Format {
  const text = rtpmap ?? STATIC_RTPMAPS.get(payloadType);
  if (text === undefined) throw invalidSdp(`payload type ${payloadType} without rtpmap`);
  const [encoding = "", rate] = text.split("/").map((part) => part.trim());
  const codec = codecOfEncoding(encoding, fmtp);
  // some cameras omit the clock rate where the codec fixes it
  const clockRate = rate === undefined ? CODECS[codec].clockRate : Number(/^\d{1,9}$/.test(rate) ? rate : 0);
  if (clockRate === 0) throw invalidSdp(`invalid clock rate of payload type ${payloadType}: ${text}`);
  return { codec, payloadType, clockRate, rtpmap, fmtp };
}

function readPayloadType(text: string): number {
  if (!/^\d{1,3}$/.test(text) || Number(text) > 127) throw invalidSdp(`invalid payload type: ${text}`);
  return Number(text);
}

/** `<payload type> <encoding>/<clock rate>[/<parameters>]` (RFC 4566 §6). */
function readRtpmap(value: string, known: ReadonlyMap<number, unknown>, rtpmaps: Map<number, string>): void {
  const match = /^(\d{1,3})\s+(\S.*)$/.exec(value);
  if (match === null) throw invalidSdp(`malformed rtpmap: ${value}`);
  const payloadType = Number(match[1]);
  const rtpmap = match[2]!;
  if (!known.has(payloadType)) throw invalidSdp(`rtpmap of unlisted payload type ${payloadType}`);
  const other = rtpmaps.get(payloadType);
  if (other !== undefined && other.toLowerCase() !== rtpmap.toLowerCase()) {
    throw invalidSdp(`conflicting rtpmaps of payload type ${payloadType}: ${other}, ${rtpmap}`);
  }
  rtpmaps.set(payloadType, other ?? rtpmap);
}

/** `<payload type> <name>[=<value>]; …`. Some devices send lines for unlisted payload types: those are skipped. */
function readFmtp(value: string, fmtps: ReadonlyMap<number, Map<string, string>>): void {
  const match = /^(\d{1,3})\s+(.*)$/.exec(value);
  const fmtp = match === null ? undefined : fmtps.get(Number(match[1]));
  if (fmtp === undefined) return;
  for (const part of match![2]!.split(";")) {
    const equals = part.indexOf("=");
    const name = (equals < 0 ? part : part.slice(0, equals)).trim().toLowerCase();
    if (name !== "") fmtp.set(name, equals < 0 ? "" : part.slice(equals + 1).trim());
  }
}

/** Tags of `a=group:FEC` lines (RFC 5956 §4.1); groups of other kinds are dropped. */
function readFecGroups(attributes: readonly SdpAttribute[], mids: ReadonlySet<string>): string[][] {
  const groups: string[][] = [];
  for (const value of sdpAttributes(attributes, "group")) {
    const [kind, ...tags] = value.split(/\s+/);
    if (kind !== "FEC") continue;
    const unknown = tags.find((tag) => !mids.has(tag));
    if (unknown !== undefined) throw invalidSdp(`FEC group names an unknown media: ${unknown}`);
    groups.push(tags);
  }
  return groups;
}
