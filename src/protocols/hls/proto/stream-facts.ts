import { codecName, isVideoTrack, type Mp4Track } from "../../../formats/fmp4/codecs.ts";
import type { StreamFacts } from "./playlist.ts";

/** What a multivariant playlist says of these tracks. */
export function factsOf(tracks: readonly Mp4Track[]): StreamFacts {
  const video = tracks.find(isVideoTrack);
  const picture = video !== undefined && "picture" in video ? video.picture : undefined;
  return {
    codecs: tracks.map(codecName),
    ...(picture !== undefined && { width: picture.width, height: picture.height }),
    ...(picture?.frameRate !== undefined && { frameRate: picture.frameRate }),
  };
}
