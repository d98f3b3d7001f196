import type { AmfObject, AmfValue } from "../../formats/amf/value.ts";
import { flvRow } from "../../formats/flv/codecs.ts";
import { RefusedError } from "../../lib/errors.ts";
import { CODECS } from "../../media/codecs.ts";
import type { StreamDescription } from "../../media/track.ts";

/** Members of our answer to `connect` that tell what we understand. */
export function ourCapabilities(): Readonly<Record<string, AmfValue>> {
  return {};
}

/**
 * Indexes of the tracks that a client gets: one of video, then one of audio.
 *
 * @param client members of its `connect`
 * @throws {RefusedError} if it can take none
 */
export function chooseTracks(
  description: StreamDescription,
  client: AmfObject | undefined,
): readonly number[] {
  void client;
  const chosen = (["video", "audio"] as const).flatMap((kind) => {
    const index = description.tracks.findIndex(({ formats: [format] }) => {
      return (
        format !== undefined &&
        CODECS[format.codec].kind === kind &&
        flvRow(format.codec)?.legacy !== undefined
      );
    });
    return index < 0 ? [] : [index];
  });
  if (chosen.length > 0) return chosen;
  throw new RefusedError(
    "the stream doesn't contain any supported codec, which are currently H264, MPEG-4 Audio, MPEG-1/2 Audio",
  );
}
