import { FLAG_END_OF_FRAME, FLAG_RANDOM, FLAG_START_OF_FRAME, FLAG_VIDEO } from "../../../assembly/abi.ts";
import type { LogTwin } from "./cursor.ts";
import type { Entry } from "./ingest.ts";

/** A frame as a muxer appends it. */
export interface FrameTwin {
  readonly track: number;
  readonly isRandomAccess: boolean;
  readonly time: number;
  readonly now: number;
  readonly records: readonly Uint8Array[];
}

/** A log of records. */
export class RecordTwin implements LogTwin {
  readonly isRecords = true;
  readonly entries: Entry[] = [];
  readonly tracks: { video: boolean; raps: number; rap: number; frameOpen: boolean; frame: number }[];
  startSeq: number | undefined;
  preambleSeq: number | undefined;
  #preambleEnd = -1;

  constructor(video: readonly boolean[]) {
    this.tracks = [...video, false].map((isVideo) => ({
      video: isVideo,
      raps: 0,
      rap: 0,
      frameOpen: false,
      frame: 0,
    }));
  }

  append({ track, isRandomAccess, time, now, records }: FrameTwin): void {
    const state = this.tracks[track]!;
    const seq = this.entries.length;
    const isPreamble = track === this.tracks.length - 1;
    if (isPreamble) this.preambleSeq = seq;
    if (isRandomAccess && track === this.tracks.findIndex(({ video }) => video)) {
      this.startSeq = this.#preambleEnd === seq ? this.preambleSeq : seq;
    }
    for (const [i, bytes] of records.entries()) {
      const first = i === 0 ? FLAG_START_OF_FRAME | (isRandomAccess ? FLAG_RANDOM : 0) : 0;
      const last = i === records.length - 1 ? FLAG_END_OF_FRAME : 0;
      this.entries.push({ bytes, track, flags: first | last | (state.video ? FLAG_VIDEO : 0), time, now });
    }
    if (isPreamble) this.#preambleEnd = this.entries.length;
  }
}
