import type { AmfObject, AmfValue } from "../../formats/amf/value.ts";
import { FlvCapabilities, ownCapabilities } from "../../formats/flv/capabilities.ts";
import { readFormat } from "../../formats/rtp/unit-formats.ts";
import { RefusedError } from "../../lib/errors.ts";
import { CODECS } from "../../media/codecs.ts";
import { type StreamDescription, type Track, trackLabel } from "../../media/track.ts";

/** Members of `connect`, and of our answer to it, that tell what we understand. */
export function ourCapabilities(): Readonly<Record<string, AmfValue>> {
  return Object.fromEntries(ownCapabilities());
}

/** What a client says about itself in `connect`. */
export function capabilitiesOf(client: AmfObject | undefined): FlvCapabilities {
  return FlvCapabilities.read(client ?? new Map());
}

/** Tracks that a client gets, by index in the stream; and those that it does not. */
export interface TrackChoice {
  /** Video first. */
  readonly taken: readonly number[];
  readonly others: readonly number[];
}

/**
 * Chooses the tracks that a client gets: the first of video and of audio that it can play, or all of them where it knows
 * multitrack.
 *
 * @throws {RefusedError} if it can play none
 */
export function chooseTracks({ tracks }: StreamDescription, client: FlvCapabilities): TrackChoice {
  const taken = (["video", "audio"] as const).flatMap((kind) => {
    const chosen: number[] = [];
    for (const [index, track] of tracks.entries()) {
      if (isOf(track, kind) && takes(client, track, chosen.length)) chosen.push(index);
    }
    return chosen;
  });
  if (taken.length === 0) {
    const codecs = tracks.map(trackLabel).join(", ");
    throw new RefusedError(`the client doesn't support any codec of the stream (${codecs})`);
  }
  return { taken, others: [...tracks.keys()].filter((index) => !taken.includes(index)) };
}

function isOf({ formats: [format] }: Track, kind: "video" | "audio"): boolean {
  return format !== undefined && CODECS[format.codec].kind === kind;
}

function takes(client: FlvCapabilities, { formats: [format] }: Track, id: number): boolean {
  const parameters = format && readFormat(format);
  return parameters !== undefined && client.takes(parameters, id);
}
