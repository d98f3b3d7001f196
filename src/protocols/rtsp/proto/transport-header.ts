import { attempt, ProtocolError } from "../../../lib/errors.ts";
import { clip } from "./headers.ts";

/** RTP first, RTCP second. */
export type Pair = readonly [rtp: number, rtcp: number];

/** One way to carry a track (RFC 2326 §12.39). */
export interface TransportSpec {
  protocol: "udp" | "tcp";
  /** Undefined when left out: means unicast, whatever the RFC says. */
  delivery: "unicast" | "multicast" | undefined;
  /** Channels, 0–255. Whether they are a pair is for the caller to say. */
  interleaved?: Pair;
  /** Ports, 0–65,535. */
  clientPort?: Pair;
  serverPort?: Pair;
  /** Ports of a multicast group. */
  port?: Pair;
  destination?: string;
  source?: string;
  /** 0–255. */
  ttl?: number;
  mode?: "play" | "record";
  ssrc?: number;
}

/**
 * Reads the Transport header of a request. Transports that are not RTP/AVP over UDP or TCP are skipped, and those with a
 * malformed parameter beside others; so are unknown parameters.
 *
 * @returns the rest in header order, possibly none
 * @throws {ProtocolError} if there is none but those with a malformed number or an unknown mode
 */
export function parseTransport(value: string): TransportSpec[] {
  const entries = splitOutsideQuotes(value).map((entry) => entry.split(";").map((part) => part.trim()));
  const known = entries.filter(([name = ""]) => PROTOCOLS.has(name.toUpperCase()));
  const specs = known.map((entry) => attempt(() => parseEntry(entry))).filter((spec) => spec !== undefined);
  return specs.length === 0 ? known.map(parseEntry) : specs;
}

function parseEntry([name = "", ...parameters]: readonly string[]): TransportSpec {
  const protocol = PROTOCOLS.get(name.toUpperCase()) ?? "udp";
  const spec: TransportSpec = { protocol, delivery: undefined };
  for (const parameter of parameters) Object.assign(spec, parseParameter(parameter));
  return spec;
}

/**
 * Reads the Transport header of a response: what is malformed in it is left out. An unknown name of a transport is told
 * by its parameters.
 *
 * @returns undefined when there is none
 */
export function readTransport(value: string): TransportSpec | undefined {
  const [entry] = splitOutsideQuotes(value);
  if (entry === undefined) return undefined;
  const [name = "", ...parameters] = entry.split(";");
  const spec: TransportSpec = { protocol: "udp", delivery: undefined };
  for (const parameter of parameters)
    Object.assign(
      spec,
      attempt(() => parseParameter(parameter)),
    );
  const isInterleaved = spec.interleaved !== undefined;
  spec.protocol = isInterleaved ? "tcp" : (PROTOCOLS.get(name.trim().toUpperCase()) ?? "udp");
  return spec;
}

/** Writes one transport, as the header of a request or of its response. */
export function writeTransport(spec: TransportSpec): string {
  const parts = [spec.protocol === "tcp" ? "RTP/AVP/TCP" : "RTP/AVP"];
  if (spec.delivery !== undefined) parts.push(spec.delivery);
  if (spec.destination !== undefined) parts.push(`destination=${spec.destination}`);
  if (spec.source !== undefined) parts.push(`source=${spec.source}`);
  if (spec.port !== undefined) parts.push(`port=${spec.port.join("-")}`);
  if (spec.clientPort !== undefined) parts.push(`client_port=${spec.clientPort.join("-")}`);
  if (spec.serverPort !== undefined) parts.push(`server_port=${spec.serverPort.join("-")}`);
  if (spec.interleaved !== undefined) parts.push(`interleaved=${spec.interleaved.join("-")}`);
  if (spec.ttl !== undefined) parts.push(`ttl=${spec.ttl}`);
  if (spec.ssrc !== undefined) parts.push(`ssrc=${spec.ssrc.toString(16).toUpperCase().padStart(8, "0")}`);
  if (spec.mode !== undefined) parts.push(`mode=${spec.mode}`);
  return parts.join(";");
}

function parseParameter(parameter: string): Partial<TransportSpec> {
  const equals = parameter.indexOf("=");
  const name = (equals < 0 ? parameter : parameter.slice(0, equals)).trim().toLowerCase();
  const value = equals < 0 ? "" : parameter.slice(equals + 1).trim();
  return PARAMETERS.get(name)?.(value) ?? {};
}

const PROTOCOLS: ReadonlyMap<string, "udp" | "tcp"> = new Map([
  ["RTP/AVP", "udp"],
  ["RTP/AVP/UDP", "udp"],
  ["RTP/AVP/TCP", "tcp"],
]);

const PARAMETERS = new Map<string, (value: string) => Partial<TransportSpec>>([
  ["unicast", () => ({ delivery: "unicast" })],
  ["multicast", () => ({ delivery: "multicast" })],
  ["interleaved", (value) => ({ interleaved: parsePair(value, "interleaved IDs", 255) })],
  ["client_port", (value) => ({ clientPort: parsePair(value, "client ports", 65_535) })],
  ["server_port", (value) => ({ serverPort: parsePair(value, "server ports", 65_535) })],
  ["port", (value) => ({ port: parsePair(value, "ports", 65_535) })],
  ["ttl", (value) => ({ ttl: parseNumber(value, "TTL", 255) })],
  ["mode", (value) => ({ mode: parseMode(value) })],
  ["ssrc", parseSsrc],
  ["destination", (value) => (value === "" ? {} : { destination: value })],
  ["source", (value) => (value === "" ? {} : { source: value })],
]);

/** `a-b`; `a` alone means `a` and the next. */
function parsePair(value: string, what: string, max: number): Pair {
  const [first = "", second, ...more] = value.split("-");
  if (more.length > 0) throw new ProtocolError(`invalid ${what}: ${clip(value)}`);
  const rtp = parseNumber(first, what, max);
  return [
    rtp,
    second === undefined ? parseNumber(String(rtp + 1), what, max) : parseNumber(second, what, max),
  ];
}

function parseNumber(text: string, what: string, max: number): number {
  const trimmed = text.trim();
  if (!/^\d{1,10}$/.test(trimmed) || Number(trimmed) > max) {
    throw new ProtocolError(`invalid ${what}: ${clip(text)}`);
  }
  return Number(trimmed);
}

function parseMode(value: string): "play" | "record" {
  const mode = value.replaceAll('"', "").trim().toLowerCase();
  if (mode === "play") return "play";
  // "receive" is what old versions of FFmpeg send
  if (mode === "record" || mode === "receive") return "record";
  throw new ProtocolError(`transport header contains a invalid mode (${clip(value)})`);
}

/** Only a hint. Cameras send odd values (decimal, spaces, more than 32 bits), which are ignored. */
function parseSsrc(value: string): Partial<TransportSpec> {
  return /^[0-9A-Fa-f]{1,8}$/.test(value) ? { ssrc: Number.parseInt(value, 16) } : {};
}

/** Parts between commas; `mode="PLAY,RECORD"` is one part. */
function splitOutsideQuotes(value: string): string[] {
  return (value.match(/(?:[^",]|"[^"]*"?)+/g) ?? []).map((part) => part.trim());
}
