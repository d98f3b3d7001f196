import { attempt } from "../../../lib/errors.ts";
import { escapeUnprintable, parseServerUrl, type RtspUrl, writeRtspUrl } from "./url.ts";

/** Where a server says that controls are relative to. */
export interface BaseTexts {
  /** `a=control` of the session. */
  readonly control: string | undefined;
  /** Content-Base and Content-Location. */
  readonly headers: readonly (string | undefined)[];
}

/**
 * The bases of relative control URLs (RFC 2326 §C.1.1), the likeliest first, with the host we are connected to: cameras
 * name addresses that cannot be reached from outside.
 *
 * @param url of the stream, without credentials
 */
export function controlBases(url: RtspUrl, { control, headers }: BaseTexts): RtspUrl[] {
  const absolute = control !== undefined && isAbsolute(control) ? [control] : [];
  const said = [...absolute, ...headers].map((text) => resolve(url, text));
  const bases = [...said, url, resolve(url, control)].filter((base) => base !== undefined);
  return distinct(bases, writeRtspUrl);
}

/** The URLs that a control attribute may mean, the likeliest first. */
export function controlUrls(bases: readonly RtspUrl[], control: string | undefined): string[] {
  if (control === undefined || control === "" || control === "*") return bases.map(writeRtspUrl);
  const [first] = bases;
  const absolute = first !== undefined && isAbsolute(control) ? resolve(first, control) : undefined;
  if (absolute !== undefined) return [writeRtspUrl(absolute)];
  const urls = bases.map((base) => appended(writeRtspUrl(base), control));
  const rooted = first !== undefined && control.startsWith("/") ? resolve(first, control) : undefined;
  return distinct([...urls, ...(rooted === undefined ? [] : [writeRtspUrl(rooted)])], (text) => text);
}

function appended(base: string, control: string): string {
  const separator = base.endsWith("/") || /^[/?]/.test(control) ? "" : "/";
  return base + separator + escapeUnprintable(control);
}

/** A URL, a path of the host, or a URL without its scheme, on the host of `url`; undefined if it is none. */
function resolve(url: RtspUrl, text: string | undefined): RtspUrl | undefined {
  if (text === undefined) return undefined;
  const path = /^\/(?!\/)/.test(text) ? text : /^(?:rtsps?:)?\/\/[^/?#]*(.*)$/is.exec(text)?.[1];
  const place = path ?? /^[\w.-]+:\d+(\/.*)$/s.exec(text)?.[1];
  if (place === undefined) return undefined;
  const { scheme, host, port } = url;
  const separator = place === "" || place.startsWith("/") ? "" : "/";
  const whole = attempt(() => parseServerUrl(`rtsp://host${separator}${escapeUnprintable(place)}`));
  return whole && { ...whole, scheme, host, port };
}

function isAbsolute(text: string): boolean {
  return /^rtsps?:\/\//i.test(text);
}

function distinct<Item>(items: readonly Item[], key: (item: Item) => string): Item[] {
  const keys = items.map(key);
  return items.filter((_, i) => keys.indexOf(keys[i] as string) === i);
}
