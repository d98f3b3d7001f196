import { urlWithoutCredentials } from "../lib/redact.ts";
import { clip } from "./scalars.ts";

/** A kind of source that is configured by URL, as its protocol declares it. */
export interface SourceScheme {
  /** URL schemes, in lower case and without `:`. */
  readonly schemes: readonly string[];
  /** Its name in error texts and log lines: `RTSP source`. */
  readonly label: string;
  /** Loads the code that pulls it. Omitted if there is none yet: the URL is checked, but has no effect. */
  readonly load?: () => Promise<unknown>;
  /** @returns what is wrong with the URL, without repeating its credentials; undefined if it is valid */
  check(url: string): string | undefined;
}

/** Every kind of source that is configured by URL, by scheme. */
export type SourceSchemes = ReadonlyMap<string, SourceScheme>;

/** Indexes kinds of sources by each of their schemes. */
export function sourceSchemes<S extends SourceScheme>(sources: readonly S[]): ReadonlyMap<string, S> {
  return new Map(sources.flatMap((source) => source.schemes.map((scheme) => [scheme, source] as const)));
}

/** The scheme of a source; empty if it is not a URL. */
export function schemeOf(source: string): string {
  return /^([a-z+]+):\/\//.exec(source)?.[1] ?? "";
}

/** Checks a URL that needs a host. @returns as `SourceScheme.check` */
export function checkUrl(url: string): string | undefined {
  return parseUrl(url) === undefined ? notValid(url) : undefined;
}

/** Checks a URL that has both user name and password, or neither. @returns as `SourceScheme.check` */
export function checkUrlWithUser(url: string): string | undefined {
  const parsed = parseUrl(url);
  if (parsed === undefined) return notValid(url);
  const isHalf = (parsed.username === "") !== (parsed.password === "");
  return isHalf ? "username and password must be both provided" : undefined;
}

/** Checks the URL of an RTSP server, which may name a tunnel. @returns as `SourceScheme.check` */
export function checkRtspUrl(url: string): string | undefined {
  return isRtspUrl(url.replace(/^(rtsps?)\+(?:http|ws):/, "$1:")) ? undefined : notValid(url);
}

/** Whether a text is a URL for RTSP, with or without TLS. */
export function isRtspUrl(text: string): boolean {
  const url = /^rtsps?:\/\//.test(text) && !text.includes("#") ? parseUrl(text) : undefined;
  return url !== undefined && url.port !== "0";
}

function notValid(url: string): string {
  return `'${masked(url)}' is not a valid URL${urlProblem(url)}`;
}

/** What is wrong with a URL, if known; follows "is not a valid URL". */
function urlProblem(url: string): string {
  const host = /^[a-z+]+:\/\/(?:[^/]*@)?([^/?#]*)/.exec(url)?.[1] ?? "";
  if (host === "") return ": no host";
  if (/^(\[.*\]|[^:]*):.*\D/.test(host)) return ": the port is not a number";
  return url.includes("#") ? ": it has a #fragment" : "";
}

/** A URL with a host; zones of IPv6 addresses (`%eth0`) are accepted, which `URL` does not know. */
function parseUrl(text: string): URL | undefined {
  const url = URL.parse(text.replace(/^([a-z+]+:\/\/[^/]*\[[0-9a-fA-F:.]+)%[^\]/]*\]/, "$1]"));
  return url === null || url.hostname === "" ? undefined : url;
}

/** A URL without user name and password, for error texts. */
export function masked(url: string): string {
  return clip(urlWithoutCredentials(url));
}
