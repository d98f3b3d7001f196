import type { MediaMemory } from "../../../wasm/core.ts";
import { TsDemuxer } from "../../../wasm/ts-demuxer.ts";
import type { TsTrack } from "../../../wasm/ts-track.ts";
import { readTsTrack, tsCodecId } from "../../formats/mpegts/codecs.ts";
import { TsPrograms } from "../../formats/mpegts/programs.ts";
import { BudgetError, SourceError } from "../../lib/errors.ts";
import type { Logger } from "../../lib/log.ts";
import { CODECS } from "../../media/codecs.ts";
import { type Container, isWanted, type SourceTrack, type WantedTracks } from "./source-container.ts";

/** Number of segments within which a supported track must be found. */
const SEGMENTS_MAX = 3;

/** Segments of MPEG-TS. */
export class TsContainer implements Container {
  readonly #demuxer: TsDemuxer;
  readonly #wanted: WantedTracks;
  readonly #logger: Logger;
  #tracks: readonly SourceTrack[] | undefined;
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
    if (this.#tracks === undefined && tracks.length > 0 && tracks.every(({ isReady }) => isReady)) {
      this.#choose(tracks);
    }
    this.#drop();
    if (tracks.some(({ hasChanged }) => hasChanged)) throw new SourceError("the tracks have changed");
  }

  #isWanted(track: TsTrack): boolean {
    return isWanted(CODECS[tsCodecId(track)].kind === "audio", this.#wanted);
  }

  #choose(tracks: readonly TsTrack[]): void {
    this.#tracks = tracks.flatMap((track) =>
      track.units === undefined ? [] : [{ parameters: readTsTrack(track), units: track.units }],
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
    if (this.#tracks !== undefined) return;
    const wanted = this.#demuxer.tracks.filter((track) => this.#isWanted(track));
    const ready = wanted.filter(({ isReady }) => isReady);
    if (ready.length === 0 && this.#segments >= SEGMENTS_MAX) {
      throw new SourceError("no supported tracks found");
    }
    if (ready.length === 0) return;
    for (const track of wanted.filter(({ isReady }) => !isReady)) {
      this.#logger.warn(`skipping stream ${track.pid} (${CODECS[tsCodecId(track)].label}): no data received`);
    }
    this.#choose(ready);
  }

  close(): void {
    this.#demuxer.close();
  }
}
