import { CODECS } from "../../media/codecs.ts";
import type { Format, Track } from "../../media/track.ts";
import { type SdpMedia, sdpAttribute, sdpAttributes } from "../sdp/model.ts";
import { codecOfEncoding } from "./codecs.ts";
import { STATIC_RTPMAPS } from "./rtpmap.ts";

/** What is understood of one media. */
export interface TrackReading {
  /** Undefined when nothing of it can be used. */
  readonly track: Track | undefined;
  /** What cannot be used, and why. */
  readonly problems: readonly string[];
}

/**
 * Reads a media of a description: every payload type that can be used, in order. Codecs are recognised by encoding
 * name, by payload type where RFC 3551 fixes it, or by parameters that only one codec has; the rest is Generic, which
 * needs a clock rate.
 */
export function readTrack(media: SdpMedia): TrackReading {
  const unusable = (problem: string): TrackReading => ({ track: undefined, problems: [problem] });
  if (media.protocol === "-") return unusable("malformed media");
  if (!PROTOCOL.test(media.protocol)) return unusable(`unsupported protocol of media: ${media.protocol}`);
  const { payloadTypes, rtpmaps, problems } = readPayloadTypes(media);
  const fmtps = new Map(payloadTypes.map((each) => [each, new Map<string, string>()]));
  for (const value of sdpAttributes(media.attributes, "fmtp")) readFmtp(value, fmtps);
  const formats: Format[] = [];
  for (const each of payloadTypes) {
    const format = readFormat(each, rtpmaps.get(each), fmtps.get(each) ?? new Map());
    if (typeof format === "string") problems.push(format);
    else formats.push(format);
  }
  if (formats.length > 0) {
    const mid = sdpAttribute(media.attributes, "mid");
    return { track: { media: media.type, mid, formats }, problems };
  }
  return { track: undefined, problems: problems.length > 0 ? problems : ["no payload type"] };
}

/** RTP in any spelling, over any transport: how it is carried is negotiated by SETUP. */
const PROTOCOL = /(^|\/)S?AVPF?(\/|$)|(^|\/)RTP(\/|$)|^(UDP|TCP|AVP)$/i;

/** The payload types of a media that are listed; if none of them can be used, those that have an rtpmap. */
function readPayloadTypes(media: SdpMedia) {
  const rtpmaps = new Map<number, string>();
  for (const value of sdpAttributes(media.attributes, "rtpmap")) {
    const [, number, rtpmap] = /^(\d{1,3})\s+(\S.*)$/.exec(value) ?? [];
    const payloadType = readPayloadType(number ?? "");
    if (payloadType === undefined || rtpmap === undefined || rtpmaps.has(payloadType)) continue;
    rtpmaps.set(payloadType, rtpmap);
  }
  const listed = new Set<number>();
  const problems: string[] = [];
  for (const text of media.formats) {
    const payloadType = readPayloadType(text);
    if (payloadType === undefined) problems.push(`invalid payload type: ${text}`);
    else listed.add(payloadType);
  }
  const isUsable = [...listed].some((each) => rtpmaps.has(each) || STATIC_RTPMAPS.has(each));
  if (isUsable || rtpmaps.size === 0) return { payloadTypes: [...listed], rtpmaps, problems };
  // a TP-Link camera lists `smart/1/90000` where its rtpmap says 95
  return { payloadTypes: [...rtpmaps.keys()], rtpmaps, problems: [] };
}

function readPayloadType(text: string): number | undefined {
  return /^\d{1,3}$/.test(text) && Number(text) <= 127 ? Number(text) : undefined;
}

/** A format, or why there is none. */
function readFormat(
  payloadType: number,
  given: string | undefined,
  fmtp: ReadonlyMap<string, string>,
): Format | string {
  const rtpmap = given ?? (STATIC_RTPMAPS.has(payloadType) ? undefined : impliedRtpmap(fmtp));
  const text = rtpmap ?? STATIC_RTPMAPS.get(payloadType);
  if (text === undefined) return `payload type ${payloadType} without rtpmap`;
  const [encoding = "", rate = ""] = text.split("/").map((part) => part.trim());
  const codec = codecOfEncoding(encoding, fmtp);
  // some cameras omit the clock rate, or get it wrong, where the codec fixes it
  const clockRate = /^\d{1,9}$/.test(rate) && Number(rate) > 0 ? Number(rate) : CODECS[codec].clockRate;
  if (clockRate === 0) return `invalid clock rate of payload type ${payloadType}: ${text}`;
  return { codec, payloadType, clockRate, rtpmap, fmtp };
}

/** The rtpmap of a codec that its parameters give away. */
function impliedRtpmap(fmtp: ReadonlyMap<string, string>): string | undefined {
  if (fmtp.has("sprop-sps")) return "H265/90000";
  return fmtp.has("sprop-parameter-sets") || fmtp.has("packetization-mode") ? "H264/90000" : undefined;
}

/** `<payload type> <name>[=<value>]; …`. Some devices send lines for unlisted payload types: those are skipped. */
function readFmtp(value: string, fmtps: ReadonlyMap<number, Map<string, string>>): void {
  const [, payloadType, parameters] = /^(\d{1,3})\s+(.*)$/s.exec(value) ?? [];
  const fmtp = fmtps.get(Number(payloadType));
  if (fmtp === undefined || parameters === undefined) return;
  for (const part of parameters.split(";")) {
    const equals = part.indexOf("=");
    const name = (equals < 0 ? part : part.slice(0, equals)).trim().toLowerCase();
    if (name !== "") fmtp.set(name, equals < 0 ? "" : unquoted(part.slice(equals + 1).trim()));
  }
}

function unquoted(text: string): string {
  return /^"([^"]*)"$/.exec(text)?.[1]?.trim() ?? text;
}
