import type { MediaMemory } from "../../../wasm/core.ts";
import { TsDemuxer } from "../../../wasm/ts-demuxer.ts";
import type { TsTrack } from "../../../wasm/ts-track.ts";
import { readTsTrack, tsCodecId } from "../../formats/mpegts/codecs.ts";
import { TsPrograms } from "../../formats/mpegts/programs.ts";
import { BudgetError, SourceError } from "../../lib/errors.ts";
import type { Logger } from "../../lib/log.ts";
import { CODECS } from "../../media/codecs.ts";
import {
  type Container,
  isWanted,
  NoTracksError,
  type SourceTrack,
  type WantedTracks,
} from "./source-container.ts";

/** Number of segments within which a supported track must be found, and all others that the program map announces. */
const SEGMENTS_MAX = 3;
/** Share of the media memory that units may take until then. */
const WAITING_SHARE = 8;
/** Blocks that they may take at most. */
const WAITING_BLOCKS = 128;

/** Segments of MPEG-TS. */
export class TsContainer implements Container {
  readonly #demuxer: TsDemuxer;
  readonly #wanted: WantedTracks;
  readonly #logger: Logger;
  readonly #blocksMax: number;
  #tracks: readonly SourceTrack[] | undefined;
  /** The tracks that the program map announced when they were chosen. */
  #announced: readonly TsTrack[] = [];
  #discontinuity: number | undefined;
  #segments = 0;
  /** Oversized frames so far. */
  #oversized = 0;

  /** @throws {BudgetError} if the media memory is used up */
  constructor(memory: MediaMemory, wanted: WantedTracks, logger: Logger) {
    const demuxer = TsDemuxer.open(memory, new TsPrograms());
    if (demuxer === undefined) throw new BudgetError("the media memory is used up");
    this.#demuxer = demuxer;
    this.#wanted = wanted;
    this.#logger = logger;
    this.#blocksMax = Math.min(WAITING_BLOCKS, Math.floor(memory.blocksMax / WAITING_SHARE));
  }

  get tracks(): readonly SourceTrack[] | undefined {
    return this.#tracks;
  }

  begin(discontinuity: number): void {
    if (this.#discontinuity !== undefined && discontinuity !== this.#discontinuity) this.#demuxer.restart();
    this.#discontinuity = discontinuity;
  }

  push(chunk: Uint8Array): void {
    this.#demuxer.push(chunk);
    const tracks = this.#demuxer.tracks.filter((track) => this.#isWanted(track));
    if (this.#tracks === undefined) {
      const isAll = tracks.length > 0 && tracks.every(({ isReady }) => isReady);
      if (isAll || this.#isFull) this.#chooseReady(tracks);
    }
    this.#drop();
    const isNew = (track: TsTrack) => track.isPresent && !this.#announced.includes(track);
    if (this.#tracks !== undefined && tracks.some((track) => track.hasChanged || isNew(track))) {
      throw new SourceError("the tracks have changed");
    }
  }

  /** Whether units take so much memory that no more may be waited for. */
  get #isFull(): boolean {
    return this.#demuxer.tracks.reduce((sum, { units }) => sum + (units?.blocks ?? 0), 0) > this.#blocksMax;
  }

  #isWanted(track: TsTrack): boolean {
    return isWanted(CODECS[tsCodecId(track)].kind === "audio", this.#wanted);
  }

  /** Chooses the tracks that are ready, if any is; others are skipped. */
  #chooseReady(wanted: readonly TsTrack[]): void {
    const ready = wanted.filter(({ isReady }) => isReady);
    if (ready.length === 0) return;
    for (const track of wanted.filter(({ isReady, isPresent }) => !isReady && isPresent)) {
      this.#logger.warn(`skipping stream ${track.pid} (${CODECS[tsCodecId(track)].label}): no data received`);
    }
    this.#announced = [...this.#demuxer.tracks];
    this.#tracks = ready.flatMap((track) =>
      track.units === undefined ? [] : [{ parameters: readTsTrack(track), units: track.units, clock: this }],
    );
    for (const { pid, streamType } of this.#demuxer.unknown) {
      this.#logger.warn(`skipping stream ${pid} (type ${streamType}): codec not supported`);
    }
  }

  /** Trims units that nobody reads. */
  #drop(): void {
    if (this.#tracks === undefined) return;
    for (const { units } of this.#demuxer.tracks) {
      if (units === undefined || this.#tracks.some((track) => track.units === units)) continue;
      units.trim(units.headSeq);
    }
  }

  /** Ends a segment: its last units are complete, and continuity counters may restart in the next one. */
  end(): void {
    this.#demuxer.flush();
    this.#segments += 1;
    const { oversized } = this.#demuxer.counters;
    if (oversized > this.#oversized) {
      this.#logger.warn(`frames dropped, too large: ${oversized - this.#oversized}`);
    }
    this.#oversized = oversized;
    if (this.#tracks !== undefined || this.#segments < SEGMENTS_MAX) return;
    this.#chooseReady(this.#demuxer.tracks.filter((track) => this.#isWanted(track)));
    if (this.#tracks === undefined) throw new NoTracksError();
  }

  close(): void {
    this.#demuxer.close();
  }
}
