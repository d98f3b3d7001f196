import { Folder } from "../../host/folder.ts";
import { errorText } from "../../lib/errors.ts";
import type { Logger } from "../../lib/log.ts";
import type { Segment, SegmentWindow } from "./proto/window.ts";

export interface SegmentFilesOptions {
  /** `hlsDirectory`. */
  readonly directory: string;
  /** Name of the path: its files are in a folder of that name. */
  readonly path: string;
  readonly logger: Logger;
  /** Name of the file of a segment. */
  readonly nameOf: (id: number) => string;
}

/** Keeps the segments of a muxer in files instead of memory. A segment that cannot be written stays in memory. */
export class SegmentFiles {
  readonly #options: SegmentFilesOptions;
  readonly #folder: Folder;
  readonly #ids = new Set<number>();
  /** What is being done, one after the other. */
  #work: Promise<void> = Promise.resolve();
  #failing = false;
  #closed = false;

  constructor(options: SegmentFilesOptions) {
    this.#options = options;
    this.#folder = new Folder(options.directory, options.path);
  }

  /** Takes a whole segment, and lets go of those that the window does not have any more. */
  add(segment: Segment, window: SegmentWindow): void {
    this.#work = this.#work.then(async () => {
      for (const id of [...this.#ids]) if (window.segment(id) === undefined) await this.#remove(id);
      if (!this.#closed && window.segment(segment.id) === segment) await this.#write(segment, window);
    });
  }

  async #remove(id: number): Promise<void> {
    this.#ids.delete(id);
    await this.#folder.remove(this.#options.nameOf(id));
  }

  async #write(segment: Segment, window: SegmentWindow): Promise<void> {
    const { logger, nameOf } = this.#options;
    const { bytes } = segment;
    if (bytes === undefined) return;
    try {
      const file = await this.#folder.write(nameOf(segment.id), bytes);
      this.#ids.add(segment.id);
      segment.bytes = file;
      let at = 0;
      for (const part of segment.parts) {
        const { size } = part.bytes;
        part.bytes = file.slice(at, at + size);
        at += size;
      }
      window.stored(segment);
      if (this.#failing) logger.info("segments are written to files again");
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) logger.error(`segments stay in memory: ${errorText(error)}`);
      this.#failing = true;
    }
  }

  /** Removes the files, once what is under way is done. */
  close(): Promise<void> {
    this.#closed = true;
    this.#work = this.#work.then(() => this.#folder.close());
    return this.#work;
  }
}
