import { FLV_HEAD_MAX, FLV_PCM_16 } from "../assembly/abi.ts";
import type { MediaMemory } from "./core.ts";
import type { UnitLog } from "./units.ts";

/** How the messages of a track begin. */
export interface FlvHead {
  /** FLV_SAMPLE and so on, of the ABI. */
  readonly form: number;
  /** The header of all messages, at most 16 bytes; the frame type of video and the composition time are left open. */
  readonly head: Uint8Array;
  /** Where in it the composition time is. */
  readonly compositionAt: number | undefined;
}

/** A track that is written. */
export interface FlvWrittenTrack extends FlvHead {
  readonly units: UnitLog;
  readonly isVideo: boolean;
}

/** Writes units as bodies of audio and video messages of RTMP (FLV 10.1 annex E, Enhanced RTMP v2). */
export class FlvMuxer {
  readonly #memory: MediaMemory;
  #writers: number[] = [];
  #forms: readonly number[] = [];
  /** The track of the message in progress, and its writer. */
  #track = 0;
  #present = 0;
  #closed = false;
  /** The message in progress: bytes, time in ms after the origin, whether it is a random access point. */
  size = 0;
  time = 0;
  isKey = false;

  private constructor(memory: MediaMemory) {
    this.#memory = memory;
  }

  static open(memory: MediaMemory): FlvMuxer {
    return new FlvMuxer(memory);
  }

  /**
   * Sets up the tracks; called again when their parameters have changed.
   *
   * @returns false when the budget is used up
   */
  setUp(tracks: readonly FlvWrittenTrack[]): boolean {
    const memory = this.#memory;
    const { core } = memory;
    while (this.#writers.length < tracks.length) {
      const writer = memory.take(core.FLV_WRITER_SIZE.value);
      if (writer === undefined) return false;
      this.#writers.push(writer);
    }
    this.#forms = tracks.map(({ form }) => form);
    tracks.forEach(({ units, isVideo, form, head, compositionAt = -1 }, i) => {
      if (head.length > FLV_HEAD_MAX) throw new RangeError(`a header of ${head.length} bytes`);
      const at = this.#writers[i] as number;
      memory.u8.fill(0, at, at + core.FLV_WRITER_SIZE.value);
      memory.u8.set(head, at + core.FLV_WRITER_HEAD.value);
      memory.setInt(at, core.FLV_WRITER_HEAD_SIZE, head.length);
      memory.setInt(at, core.FLV_WRITER_UNITS, units.address);
      memory.setInt(at, core.FLV_WRITER_FORM, form);
      memory.setInt(at, core.FLV_WRITER_VIDEO, isVideo ? 1 : 0);
      memory.setInt(at, core.FLV_WRITER_COMPOSITION, compositionAt);
    });
    return true;
  }

  /**
   * Begins with the message of a unit: `size`, `time` and `isKey` say what it is.
   *
   * @param track in the order of `setUp`
   * @param seq first entry of the unit
   * @param origin ticks subtracted from its times
   * @returns false when the unit is not there yet
   * @throws {Error} if it is not kept any more
   */
  find(track: number, seq: number, origin: number): boolean {
    const { core, i32, f64 } = this.#memory;
    const writer = this.#writers[track] as number;
    f64[(writer + core.FLV_WRITER_ORIGIN.value) >> 3] = origin;
    const size = core.flvStart(writer, seq);
    if (size === 0) return false;
    if (size < 0) throw new Error(`the unit ${seq} is gone`);
    this.#track = track;
    this.#present = writer;
    this.size = size;
    this.time = f64[(writer + core.FLV_WRITER_TIME.value) >> 3] as number;
    this.isKey = i32[(writer + core.FLV_WRITER_KEY.value) >> 2] === 1;
    return true;
  }

  /**
   * Writes the next bytes of the message, all of it by default.
   *
   * @param dst address in media memory
   * @returns how many, less than `limit` at its end
   */
  write(dst: number, limit = this.size): number {
    return this.#memory.core.flvRead(this.#present, dst, limit);
  }

  /**
   * Lists where the bytes of the message are: valid until the next `find` of the track, and until its units are trimmed.
   *
   * @param out room for `limit` spans (`UNIT_SPAN_STRIDE`)
   * @param scratch room for a message of audio, 64 KB, for those whose bytes have to change
   * @returns how many there are; undefined when they do not fit
   */
  spans(out: number, limit: number, scratch: number): number | undefined {
    const { core } = this.#memory;
    if (this.#forms[this.#track] === FLV_PCM_16) {
      this.#memory.setInt(out, core.UNIT_SPAN_START, scratch);
      this.#memory.setInt(out, core.UNIT_SPAN_SIZE, this.write(scratch));
      return 1;
    }
    const count = core.flvSpans(this.#present, out, limit);
    return count < 0 ? undefined : count;
  }

  /** Address of the message in progress, for functions of the core that read it themselves (`flvRead`). */
  get address(): number {
    return this.#present;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const writer of this.#writers) this.#memory.give(writer);
    this.#writers = [];
  }
}
