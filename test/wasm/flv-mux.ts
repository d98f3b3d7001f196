import { FLV_AUDIO, FLV_VIDEO } from "../../assembly/abi.ts";
import { isFlvVideo } from "../../src/formats/flv/codecs.ts";
import { flvHead, flvSequenceHeader } from "../../src/formats/flv/messages.ts";
import type { KnownParameters } from "../../src/media/codec-parameters.ts";
import type { MediaMemory } from "../../wasm/core.ts";
import { FlvMuxer } from "../../wasm/flv-muxer.ts";
import type { UnitLog } from "../../wasm/units.ts";
import type { FlvTag } from "../support/flv.ts";

export interface MuxedTrack {
  readonly parameters: KnownParameters;
  readonly units: UnitLog;
}

const ROOM = 60_000;

/**
 * The units of tracks as tags in the order of their timestamps, behind their sequence headers.
 *
 * @param piece bytes that are written at a time
 */
export function muxFlv(memory: MediaMemory, tracks: readonly MuxedTrack[], piece = ROOM): FlvTag[] {
  const muxer = FlvMuxer.open(memory);
  const room = memory.take(ROOM)!;
  const counts = { video: 0, audio: 0 };
  const heads = tracks.map(({ parameters }) => {
    const isVideo = isFlvVideo(parameters.codec);
    return { isVideo, id: isVideo ? counts.video++ : counts.audio++ };
  });
  const ready = muxer.setUp(
    tracks.map(({ parameters, units }, i) => ({
      units,
      isVideo: heads[i]!.isVideo,
      ...flvHead(parameters, heads[i]!.id)!,
    })),
  );
  if (!ready) throw new Error("no memory");
  const types = heads.map(({ isVideo }) => (isVideo ? FLV_VIDEO : FLV_AUDIO));
  const front: FlvTag[] = [];
  tracks.forEach(({ parameters }, i) => {
    const body = flvSequenceHeader(parameters, heads[i]!.id);
    if (body !== undefined) front.push({ type: types[i]!, timestamp: 0, body });
  });
  const tags: FlvTag[] = [];
  tracks.forEach(({ units }, i) => {
    for (let at = 0; units.find(at); at += units.entries) {
      muxer.find(i, at, 0);
      const parts: Buffer[] = [];
      for (let n = piece; n === piece; ) {
        n = muxer.write(room, piece);
        parts.push(Buffer.from(memory.u8.subarray(room, room + n)));
      }
      const body = new Uint8Array(Buffer.concat(parts));
      if (body.length !== muxer.size) throw new Error(`a message of ${body.length} bytes says ${muxer.size}`);
      tags.push({ type: types[i]!, timestamp: muxer.time, body });
    }
  });
  memory.give(room);
  muxer.close();
  return [...front, ...tags.sort((a, b) => a.timestamp - b.timestamp)];
}
