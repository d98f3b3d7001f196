import { FLV_READ } from "../../src/formats/flv/codecs.ts";
import type { CodecParameters } from "../../src/media/codec-parameters.ts";
import type { MediaMemory } from "../../wasm/core.ts";
import { FlvDemuxer } from "../../wasm/flv-demuxer.ts";
import type { FlvTrack } from "../../wasm/flv-track.ts";
import { type TakenUnit, takeUnits } from "./ts-units.ts";

/** Bytes of the room for messages. */
const ROOM = 100_000;

/** A demuxer, and room in its memory for the messages that it is handed. */
export class FlvBench implements Disposable {
  readonly demuxer: FlvDemuxer<CodecParameters>;
  readonly #memory: MediaMemory;
  readonly #room: number;

  constructor(memory: MediaMemory) {
    this.#memory = memory;
    this.demuxer = FlvDemuxer.open(memory, FLV_READ)!;
    this.#room = memory.take(ROOM)!;
  }

  /** Hands over a message in pieces of at most `most` bytes. */
  push(type: number, timestamp: number, body: Uint8Array, most = ROOM): void {
    const kind = type as 8 | 9;
    if (body.length <= Math.min(most, ROOM)) {
      this.#memory.u8.set(body, this.#room);
      this.demuxer.push(kind, this.#room, body.length, timestamp);
      return;
    }
    this.demuxer.begin(kind, body.length, timestamp);
    for (let at = 0; at < body.length; at += most) {
      const piece = body.subarray(at, at + most);
      this.#memory.u8.set(piece, this.#room);
      this.demuxer.put(kind, this.#room, piece.length);
    }
  }

  track(isVideo: boolean, id = 0): FlvTrack<CodecParameters> {
    const found = this.demuxer.tracks.find((track) => track.isVideo === isVideo && track.id === id);
    if (found === undefined) throw new Error(`no ${isVideo ? "video" : "audio"} track ${id}`);
    return found;
  }

  /** The units of a track, copied; they stay in its log. */
  units(isVideo: boolean, id = 0): TakenUnit[] {
    const { units } = this.track(isVideo, id);
    return units === undefined ? [] : takeUnits(this.#memory, units);
  }

  [Symbol.dispose](): void {
    this.demuxer.close();
    this.#memory.give(this.#room);
  }
}
