import { ProtocolError } from "../../../lib/errors.ts";
import { clip } from "./headers.ts";

/** Where the packets of one track begin. */
export interface RtpInfo {
  readonly url: string;
  /** Sequence number of the first packet, 0–65,535. */
  readonly seq?: number;
  /** RTP time of the first packet, in ticks, 0–2^32-1. */
  readonly rtpTime?: number;
}

/**
 * Reads the RTP-Info header (RFC 2326 §12.33).
 *
 * @returns one entry per track in header order. Numbers that are left out or out of range are undefined: they are
 *   hints, and some cameras send negative ones
 * @throws {ProtocolError} if an entry has no URL
 */
export function parseRtpInfo(value: string): RtpInfo[] {
  // URLs may hold commas and semicolons: cut only where the next word is known
  return value.split(/,(?=\s*url\s*=)/i).map((entry) => {
    const parts = entry.split(/;(?=\s*(?:url|seq|rtptime|ssrc)\s*=)/i);
    const found = new Map(parts.map(readPart));
    const url = found.get("url");
    if (url === undefined || url === "")
      throw new ProtocolError(`RTP-Info entry without URL: ${clip(entry)}`);
    const seq = readNumber(found.get("seq"), 0xffff);
    const rtpTime = readNumber(found.get("rtptime"), 0xffff_ffff);
    return { url, ...(seq !== undefined && { seq }), ...(rtpTime !== undefined && { rtpTime }) };
  });
}

/** Writes the RTP-Info header. */
export function writeRtpInfo(entries: readonly RtpInfo[]): string {
  return entries
    .map(({ url, seq, rtpTime }) => {
      const parts = [`url=${url}`];
      if (seq !== undefined) parts.push(`seq=${seq}`);
      if (rtpTime !== undefined) parts.push(`rtptime=${rtpTime}`);
      return parts.join(";");
    })
    .join(",");
}

function readPart(part: string): [name: string, value: string] {
  const equals = part.indexOf("=");
  return [part.slice(0, Math.max(0, equals)).trim().toLowerCase(), part.slice(equals + 1).trim()];
}

function readNumber(text: string | undefined, max: number): number | undefined {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return undefined;
  return Number(text) <= max ? Number(text) : undefined;
}
