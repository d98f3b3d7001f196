import { Folder } from "../host/folder.ts";
import { errorText } from "../lib/errors.ts";
import { reportUnexpected } from "../lib/faults.ts";
import type { Logger } from "../lib/log.ts";

/** The owner of the segments that are kept in files. */
export interface SegmentOwner {
  /** Whether it still needs a segment. */
  keeps(id: number): boolean;
  /** The bytes of a segment are in a file now and need no memory. */
  stored(id: number, file: Blob): void;
}

export interface SegmentFilesOptions {
  /** Where the folder of the path is made. */
  readonly directory: string;
  /** Name of the path: its files are in a folder of that name. */
  readonly path: string;
  readonly logger: Logger;
  /** Name of the file of a segment. */
  readonly nameOf: (id: number) => string;
}

/** Keeps whole segments in files instead of memory. A segment that cannot be written stays in memory. */
export class SegmentFiles {
  readonly #options: SegmentFilesOptions;
  readonly #folder: Folder;
  readonly #ids = new Set<number>();
  /** The work in progress, one step after the other. */
  #work: Promise<void> = Promise.resolve();
  #failing = false;
  /** Whether the last attempt to remove files failed. */
  #stuck = false;
  #closed = false;

  constructor(options: SegmentFilesOptions) {
    this.#options = options;
    this.#folder = new Folder(options.directory, options.path);
  }

  /** Writes a whole segment, after removing the files of segments that the owner no longer keeps. */
  add(id: number, bytes: Blob, owner: SegmentOwner): void {
    this.#work = this.#work.then(async () => {
      await this.#removeOld(owner);
      if (!this.#closed && owner.keeps(id)) await this.#write(id, bytes, owner);
    });
  }

  async #removeOld(owner: SegmentOwner): Promise<void> {
    let failure: unknown;
    for (const id of [...this.#ids]) {
      if (owner.keeps(id)) continue;
      try {
        await this.#folder.remove(this.#options.nameOf(id));
        this.#ids.delete(id);
      } catch (error) {
        failure = error; // retried with the next segment
      }
    }
    this.#noteStuck(failure);
  }

  /** Logs once that files cannot be removed, until they can. */
  #noteStuck(failure: unknown): void {
    const isStuck = failure !== undefined;
    const { logger } = this.#options;
    if (isStuck) reportUnexpected(logger, failure, "the removal of segments");
    if (isStuck && !this.#stuck) {
      logger.error(`cannot remove segment files: ${errorText(failure)}`);
    }
    this.#stuck = isStuck;
  }

  async #write(id: number, bytes: Blob, owner: SegmentOwner): Promise<void> {
    const { logger, nameOf } = this.#options;
    try {
      const file = await this.#folder.write(nameOf(id), bytes);
      this.#ids.add(id);
      owner.stored(id, file);
      if (this.#failing) logger.info("segments are written to files again");
      this.#failing = false;
    } catch (error) {
      reportUnexpected(logger, error, "the file of a segment");
      if (!this.#failing)
        logger.error(`cannot write segment files, keeping segments in memory: ${errorText(error)}`);
      this.#failing = true;
    }
  }

  /** Settles when all work so far is done. */
  get settled(): Promise<void> {
    return this.#work;
  }

  /** Removes the files, once what is under way is done. */
  close(): Promise<void> {
    this.#closed = true;
    this.#work = this.#work.then(async () => {
      try {
        await this.#folder.close();
      } catch (error) {
        this.#noteStuck(error);
      }
    });
    return this.#work;
  }
}
