import { clip } from "./scalars.ts";

/** A kind of source whose URLs have one of these schemes, as the protocol that fetches it declares it. */
export interface SourceScheme {
  /** In lower case, without `:`. */
  readonly schemes: readonly string[];
  /** What it is called in error texts and log lines: `RTSP source`. */
  readonly label: string;
  /** Loads the code that fetches it. Left out while there is none: such a source is checked and without effect. */
  readonly load?: () => Promise<unknown>;
  /** @returns what is wrong with the URL, without its credentials; undefined when it is right */
  check(url: string): string | undefined;
}

/** Every kind of source with a URL, by scheme. */
export type SourceSchemes = ReadonlyMap<string, SourceScheme>;

/** For configurations without remote sources. */
export const NO_SCHEMES: SourceSchemes = new Map();

/** Makes kinds of sources known by each of their schemes. */
export function sourceSchemes<S extends SourceScheme>(sources: readonly S[]): ReadonlyMap<string, S> {
  return new Map(sources.flatMap((source) => source.schemes.map((scheme) => [scheme, source] as const)));
}

/** The scheme of a source with a URL; empty for others. */
export function schemeOf(source: string): string {
  return /^([a-z]+):\/\//.exec(source)?.[1] ?? "";
}

/** The check of a URL that needs a host. */
export function checkUrl(url: string): string | undefined {
  return parseUrl(url) === undefined ? notValid(url) : undefined;
}

/** The check of a URL whose user name and password, if any, go together. */
export function checkUrlWithUser(url: string): string | undefined {
  const parsed = parseUrl(url);
  if (parsed === undefined) return notValid(url);
  const isHalf = (parsed.username === "") !== (parsed.password === "");
  return isHalf ? "username and password must be both provided" : undefined;
}

/** The check of a RTSP URL. */
export function checkRtspUrl(url: string): string | undefined {
  return isRtspUrl(url) ? undefined : notValid(url);
}

/** Whether a text is a RTSP URL, with TLS or without. */
export function isRtspUrl(text: string): boolean {
  return /^rtsps?:\/\//.test(text) && !text.includes("#") && parseUrl(text) !== undefined;
}

function notValid(url: string): string {
  return `'${masked(url)}' is not a valid URL${urlProblem(url)}`;
}

/** What is wrong with a URL, as far as it can be told, to be put behind "is not a valid URL". */
function urlProblem(url: string): string {
  const host = /^[a-z]+:\/\/(?:[^/]*@)?([^/?#]*)/.exec(url)?.[1] ?? "";
  if (host === "") return ": it has no host";
  if (/^(\[.*\]|[^:]*):.*\D/.test(host)) return ": its port is no number";
  return url.includes("#") ? ": it has a #fragment" : "";
}

/** A URL with a host; zones of IPv6 addresses (`%eth0`) are accepted, which `URL` does not know. */
function parseUrl(text: string): URL | undefined {
  const url = URL.parse(text.replace(/^([a-z]+:\/\/[^/]*\[[0-9a-fA-F:.]+)%[^\]/]*\]/, "$1]"));
  return url === null || url.hostname === "" ? undefined : url;
}

/** A URL fit for an error text: without user name and password. */
export function masked(url: string): string {
  return clip(url.replace(/\/\/[^/]*@/, "//***@"));
}
