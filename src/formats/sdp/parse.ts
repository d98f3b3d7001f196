import { invalidSdp, type SdpAttribute, type SdpMedia, type SessionDescription } from "./model.ts";

/** Longest description, in characters. */
export const MAX_SDP_LENGTH = 128 * 1024;
/** Most `m=` lines. */
export const MAX_SDP_MEDIAS = 32;
/** Most `a=` lines, of session and medias together. */
export const MAX_SDP_ATTRIBUTES = 1024;
/** Most formats of one `m=` line. */
export const MAX_SDP_FORMATS = 128;
/** Most `b=` lines. */
const MAX_BANDWIDTHS = 128;

/**
 * Reads a session description (RFC 4566 §5). Cameras leave lines out, shuffle them, end them in LF or CR alone and
 * add lines of their own: lines without a type, and of unused types, are skipped. What is missing in `m=` is `-`.
 *
 * @throws {ProtocolError} if a limit is exceeded
 */
export function parseSdp(text: string): SessionDescription {
  if (text.length > MAX_SDP_LENGTH) throw invalidSdp(`longer than ${MAX_SDP_LENGTH}`);
  const session: Draft = {
    origin: undefined,
    title: undefined,
    connection: undefined,
    timing: undefined,
    bandwidths: [],
    attributes: [],
    medias: [],
  };
  const counts = { attributes: 0, bandwidths: 0 };
  for (const raw of text.split(/\r\n?|\n/)) {
    const [, type, value] = /^([A-Za-z])\s*=\s*(.*)$/s.exec(trimLine(raw)) ?? [];
    if (type !== undefined && value !== undefined) readLine(type, value, session, counts);
  }
  return {
    origin: session.origin ?? DEFAULT_ORIGIN,
    title: session.title ?? "",
    connection: session.connection,
    bandwidths: session.bandwidths,
    timing: session.timing ?? "0 0",
    attributes: session.attributes,
    medias: session.medias,
  };
}

/** Value of `o=` where there is nothing to say. */
export const DEFAULT_ORIGIN = "- 0 0 IN IP4 127.0.0.1";

function readLine(type: string, value: string, session: Draft, counts: Counts): void {
  const part: Part = session.medias.at(-1) ?? session;
  switch (type) {
    case "m":
      if (session.medias.length >= MAX_SDP_MEDIAS) throw invalidSdp(`more than ${MAX_SDP_MEDIAS} medias`);
      session.medias.push(parseMedia(value));
      break;
    case "a":
      if (++counts.attributes > MAX_SDP_ATTRIBUTES)
        throw invalidSdp(`more than ${MAX_SDP_ATTRIBUTES} attributes`);
      part.attributes.push(parseAttribute(value));
      break;
    case "b":
      if (++counts.bandwidths > MAX_BANDWIDTHS) throw invalidSdp(`more than ${MAX_BANDWIDTHS} bandwidths`);
      part.bandwidths.push(value);
      break;
    case "c":
      part.connection ??= value === "" ? undefined : value;
      break;
    case "o":
      session.origin ??= value === "" ? undefined : value;
      break;
    case "s":
      session.title ??= value;
      break;
    case "t":
      session.timing ??= value === "" ? undefined : value;
      break;
  }
}

/** `<type> <port>[/<count>] <protocol> <format> …` (RFC 4566 §5.14). A port that is none is 0, as RTSP has its own. */
function parseMedia(value: string): DraftMedia {
  const [type, portText = "", protocol = "-", ...formats] = value.split(/\s+/);
  const given = Number(/^(\d{1,5})(?:\/\d+)?$/.exec(portText)?.[1] ?? 0);
  const port = given <= 65_535 ? given : 0;
  if (formats.length > MAX_SDP_FORMATS) throw invalidSdp(`more than ${MAX_SDP_FORMATS} formats in one media`);
  return {
    type: type || "-",
    port,
    protocol,
    formats,
    connection: undefined,
    bandwidths: [],
    attributes: [],
  };
}

/** Names are in lower case: some devices write them in capitals. */
function parseAttribute(value: string): SdpAttribute {
  const colon = value.indexOf(":");
  if (colon < 0) return { name: value.toLowerCase(), value: undefined };
  return { name: value.slice(0, colon).trim().toLowerCase(), value: value.slice(colon + 1).trim() };
}

/** Trims spaces and NUL characters: some devices pad with them. */
function trimLine(line: string): string {
  return line.replaceAll("\0", " ").trim();
}

interface Part {
  connection: string | undefined;
  readonly bandwidths: string[];
  readonly attributes: SdpAttribute[];
}

interface DraftMedia extends Part, Omit<SdpMedia, keyof Part> {}

interface Draft extends Part {
  origin: string | undefined;
  title: string | undefined;
  timing: string | undefined;
  readonly medias: DraftMedia[];
}

interface Counts {
  attributes: number;
  bandwidths: number;
}
