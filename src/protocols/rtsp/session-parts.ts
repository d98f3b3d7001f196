import type { EndHook } from "../../hooks/hooks.ts";
import type { StreamDescription } from "../../media/track.ts";
import type { Path } from "../../path/path.ts";
import type { Outbox } from "../../stream/outbox.ts";
import type { Stream } from "../../stream/stream.ts";
import type { RtspUrl } from "./proto/url.ts";
import type { MediaPublisher, MediaReader } from "./transport.ts";

/** The connection a session was made on, as the session needs it. */
export interface SessionConn {
  readonly remote: string;
  /** The peer's address without the port. */
  readonly remoteAddress: string;
  readonly outbox: Outbox;
  /** Ends the connection, and with it the session. */
  close(reason: Error): void;
}

/** What a session announced and what came of it. */
export interface Publishing {
  readonly path: Path;
  readonly url: RtspUrl;
  readonly description: StreamDescription;
  readonly controls: readonly (string | undefined)[];
  media: MediaPublisher | undefined;
}

/** What a session reads. */
export interface Reading {
  readonly path: Path;
  readonly stream: Stream;
  readonly url: RtspUrl;
  reader: MediaReader | undefined;
  /** Ends what runs while it reads. */
  endHook?: EndHook;
}
