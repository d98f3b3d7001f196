import { ProtocolError } from "../../../lib/errors.ts";
import { parseRtspUrl, type RtspUrl, withoutTrailingSlash, writeRtspUrl } from "./url.ts";

/** What the URL of a reader's SETUP names. */
export interface ReaderControl {
  /** Path and query of the stream, without the control part. */
  readonly path: string;
  readonly query: string;
  /** Index of the track, 0–999; whether there is such a track is for the caller to say. */
  readonly track: number;
}

/**
 * Takes apart a reader's control URL: `<stream>/trackID=<n>`, or `<stream>/` for track 0. The control part stands at
 * the end of the query when there is one; at the end of the path is accepted too.
 *
 * @throws {ProtocolError} if it ends in neither
 */
export function parseReaderControl(url: RtspUrl): ReaderControl {
  const inQuery = url.query === "" ? undefined : splitControl(url.query);
  if (inQuery !== undefined) return { path: url.path, query: inQuery.rest, track: inQuery.track };
  const inPath = splitControl(`/${url.path}`);
  if (inPath !== undefined) return { path: inPath.rest.slice(1), query: url.query, track: inPath.track };
  throw new ProtocolError(
    "path of a SETUP request must end with a slash. " +
      "This typically happens when VLC fails a request, and then switches to an unsupported RTSP dialect",
  );
}

/**
 * Finds the track that the URL of a publisher's SETUP means.
 *
 * @param base     URL of its ANNOUNCE
 * @param controls `a=control` of each track: relative to `base`, absolute, or undefined for `base` itself
 * @param isSetUp  whether a track is set up already: of several that match, the first one that is not is meant
 * @returns index into `controls`, or undefined when none matches. Host and credentials are not compared: a name and
 *   an address may mean the same
 */
export function findPublisherTrack(
  url: RtspUrl,
  base: RtspUrl,
  controls: readonly (string | undefined)[],
  isSetUp: (track: number) => boolean = () => false,
): number | undefined {
  const wanted = place(url);
  const found = controls.flatMap((control, i) => (places(control, base).includes(wanted) ? [i] : []));
  return found.find((track) => !isSetUp(track)) ?? found[0];
}

function splitControl(text: string): { rest: string; track: number } | undefined {
  const match = /^(.*)\/(?:trackID=(\d{1,3}))?$/s.exec(text);
  return match === null ? undefined : { rest: match[1] ?? "", track: Number(match[2] ?? 0) };
}

/** All spellings of the URL that a control attribute means. */
function places(control: string | undefined, base: RtspUrl): string[] {
  const stream = withoutTrailingSlash(base);
  if (control === undefined || control === "" || control === "*") return [place(stream)];
  try {
    if (isAbsolute(control)) return [place(parseRtspUrl(control))];
    const relative = control.replace(/^\//, "");
    const root = writeRtspUrl({ ...stream, path: "", query: "" });
    const found = [`${writeRtspUrl(stream)}/${relative}`];
    if (stream.query !== "")
      found.push(`${writeRtspUrl({ ...stream, query: "" })}/${relative}?${stream.query}`);
    if (control.startsWith("/")) found.push(root + relative);
    return found.map((text) => place(parseRtspUrl(text)));
  } catch (error) {
    // a control that is not a valid URL matches nothing
    if (error instanceof ProtocolError) return [];
    throw error;
  }
}

function place(url: RtspUrl): string {
  const { path, query } = withoutTrailingSlash(url);
  return `${path}?${query}`;
}

function isAbsolute(control: string): boolean {
  return /^rtsps?:\/\//i.test(control);
}
