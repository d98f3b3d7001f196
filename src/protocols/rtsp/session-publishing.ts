import { describeStream } from "../../formats/rtp/description.ts";
import { checkMpeg4VideoConfigs } from "../../formats/rtp/mpeg4-video.ts";
import { trackSetups } from "../../formats/rtp/track-setup.ts";
import { parseSdp } from "../../formats/sdp/parse.ts";
import type { Awaitable } from "../../lib/awaitable.ts";
import { ProtocolError } from "../../lib/errors.ts";
import type { StreamDescription } from "../../media/track.ts";
import type { Client } from "../../path/client.ts";
import type { Directory } from "../../path/directory.ts";
import type { Path } from "../../path/path.ts";
import type { IngestReporter } from "../../stream/ingest.ts";
import type { Stream } from "../../stream/stream.ts";
import type { InterleavedInput } from "./interleaved-input.ts";
import { findPublisherTrack } from "./proto/control.ts";
import type { RtspRequest } from "./proto/request.ts";
import type { SessionState } from "./proto/server-state.ts";
import { parseRtspUrl, type RtspUrl, withoutTrailingSlash } from "./proto/url.ts";
import type { MediaPublisher, SessionTransport } from "./transport.ts";

/** Content of an ANNOUNCE. */
export interface Announcement {
  readonly url: RtspUrl;
  readonly description: StreamDescription;
  /** Control attribute of each track, then of each media that is left out. */
  readonly controls: readonly (string | undefined)[];
  /** A log line for each media of which something is left out. */
  readonly notes: readonly string[];
}

/** @throws {ProtocolError} if the description is not usable */
export function readAnnouncement(request: RtspRequest): Announcement {
  const type = request.headers.get("Content-Type");
  if (type === undefined) throw new ProtocolError("Content-Type header is missing");
  if (type.split(";")[0]?.trim().toLowerCase() !== "application/sdp") {
    throw new ProtocolError(`unsupported Content-Type header '${type}'`);
  }
  const url = withoutTrailingSlash(parseRtspUrl(request.url));
  const { description, controls, unusedControls, notes } = describeStream(
    parseSdp(new TextDecoder().decode(request.body)),
  );
  checkMpeg4VideoConfigs(description);
  return { url, description, controls: [...controls, ...unusedControls], notes };
}

/** The publishing side of a session: its place on the path. */
export class Publishing {
  readonly kind = "publishing";
  readonly path: Path;
  readonly #announcement: Announcement;
  #media: MediaPublisher | undefined;

  constructor(path: Path, announcement: Announcement) {
    this.path = path;
    this.#announcement = announcement;
  }

  get state(): SessionState {
    return this.#media === undefined ? "prePublish" : "publish";
  }

  get query(): string {
    return this.#announcement.url.query;
  }

  get description(): StreamDescription {
    return this.#announcement.description;
  }

  get publisher(): IngestReporter | undefined {
    return this.#media?.publisher;
  }

  get interleaved(): InterleavedInput | undefined {
    return this.#media?.interleaved;
  }

  /**
   * The track that a SETUP is about. Medias that are left out have the numbers after those of the tracks: publishers
   * set up and send all that they have announced.
   *
   * @param isSetUp whether a track has its transport: of several with the same URL, the first one without is meant
   * @throws {ProtocolError} if there is none
   */
  trackOf(url: RtspUrl, isSetUp: (track: number) => boolean): number {
    const { url: base, controls } = this.#announcement;
    const track = findPublisherTrack(url, base, controls, isSetUp);
    if (track === undefined) throw new ProtocolError(`media not found: ${url.path}`);
    return track;
  }

  /**
   * Makes the stream available; packets are accepted from `begin` on.
   *
   * @throws {BudgetError} if the media memory is used up
   * @throws {RefusedError} if the place is lost
   */
  record(directory: Directory, client: Client): Awaitable<Stream> {
    const { description } = this;
    return directory.publish(this.path, client, description, trackSetups(description));
  }

  /** Starts accepting packets. */
  begin(media: MediaPublisher): void {
    this.#media = media;
  }

  /** Ends the stream; the place stays. */
  pause(): void {
    if (this.#media === undefined) return;
    this.#media.close();
    this.#media = undefined;
    this.path.endStream();
  }

  /** Called once a second. @returns whether the publisher has timed out */
  tick(now: number, readTimeout: number): boolean {
    this.#media?.tick(now);
    const lastHeard = this.#media?.lastHeard;
    return lastHeard !== undefined && now - lastHeard > readTimeout;
  }

  /** Gives the place back. */
  close(client: Client): void {
    this.#media?.close();
    this.path.removePublisher(client);
  }

  /** Whether each track has its transport. */
  isSetUp(transport: SessionTransport): boolean {
    return this.description.tracks.every((_, track) => transport.has(track));
  }
}
