import type { MediaMemory } from "../../../wasm/core.ts";
import { PackedAudioWriter, readPackedStart } from "../../formats/mpegts/packed-audio.ts";
import type { Logger } from "../../lib/log.ts";
import type { Container, SourceTrack, WantedTracks } from "./source-container.ts";
import { TsContainer } from "./source-ts.ts";

/** Segments of packed audio (RFC 8216 §3.4), read as the transport stream that would carry it. */
export class PackedAudioContainer implements Container {
  readonly #stream: TsContainer;
  readonly #writer = new PackedAudioWriter();
  /** The beginning of a segment, as long as it is too short to tell what follows. */
  #head: Uint8Array | undefined;
  /** Whether a segment has said its time: those that do not continue the one before. */
  #isTimed = false;

  /** @throws {BudgetError} if the media memory is used up */
  constructor(memory: MediaMemory, wanted: WantedTracks, logger: Logger) {
    this.#stream = new TsContainer(memory, wanted, logger);
  }

  get tracks(): readonly SourceTrack[] | undefined {
    return this.#stream.tracks;
  }

  begin(discontinuity: number): void {
    this.#stream.begin(discontinuity);
    this.#head = new Uint8Array(0);
  }

  push(chunk: Uint8Array): void {
    if (this.#head === undefined) this.#stream.push(this.#writer.audio(chunk));
    else this.#begin(Buffer.concat([this.#head, chunk]), false);
  }

  #begin(bytes: Uint8Array, isAll: boolean): void {
    this.#head = bytes;
    const start = readPackedStart(bytes, isAll);
    if (start === undefined) return;
    this.#head = undefined;
    if (start.streamType === undefined) return;
    const time = start.time ?? (this.#isTimed ? undefined : 0);
    this.#isTimed = true;
    this.#stream.push(this.#writer.tables(start.streamType));
    this.#stream.push(this.#writer.audio(bytes.subarray(start.size), time));
  }

  end(): void {
    if (this.#head !== undefined) this.#begin(this.#head, true);
    this.#stream.end();
  }

  close(): void {
    this.#stream.close();
  }
}
