import type { MediaMemory } from "../../wasm/core.ts";
import type { LogOptions } from "../../wasm/log.ts";
import type { Logger } from "../lib/log.ts";
import { CODECS } from "../media/codecs.ts";
import type { Format, StreamDescription } from "../media/track.ts";
import type { Stream } from "../stream/stream.ts";

const TITLE = "Stream";

/** The publisher or source whose media an input makes a stream of. */
export interface InputOwner {
  readonly logger: Logger;
  /**
   * Makes the stream available, once its tracks are known.
   *
   * @param share of the media memory that the input has: the stream is charged to it too
   * @throws {Error} if the owner refuses
   */
  ready(description: StreamDescription, tracks: LogOptions["tracks"], share: MediaMemory): Stream;
}

/** The description of a stream with a track for each format. */
export function describe(formats: readonly Format[]): StreamDescription {
  const tracks = formats.map((format) => ({
    media: CODECS[format.codec].kind,
    mid: undefined,
    formats: [format],
  }));
  return { title: TITLE, tracks, fecGroups: [] };
}
