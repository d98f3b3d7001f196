import { mkdir, rmdir, unlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { errorText, isExpected, SystemError } from "../lib/errors.ts";

/** Files in a folder that is created with the first of them and removed with the last. */
export class Folder {
  readonly #root: string;
  readonly #path: string;
  readonly #names = new Set<string>();

  /**
   * @param root folder that may exist already
   * @param name of the folder below it; slashes make folders in folders
   */
  constructor(root: string, name: string) {
    this.#root = resolve(root);
    this.#path = join(this.#root, name);
  }

  /**
   * Writes a whole file.
   *
   * @returns its bytes, which are read from disk when needed
   * @throws {Error} `write <path>: <reason>`; nothing is left then
   */
  async write(name: string, bytes: Blob): Promise<Blob> {
    const path = join(this.#path, name);
    this.#names.add(name);
    try {
      await mkdir(this.#path, { recursive: true });
      const written = await Bun.write(path, bytes);
      if (written !== bytes.size) throw new SystemError(`short write: ${written} of ${bytes.size} bytes`);
      return Bun.file(path);
    } catch (cause) {
      await this.remove(name).catch(() => {}); // `close` retries
      if (!isExpected(cause)) throw cause;
      throw new SystemError(`write ${path}: ${errorText(cause)}`, { cause });
    }
  }

  /**
   * Removes a file, if it exists. Reads in progress are not affected.
   *
   * @throws {Error} `remove <path>: <reason>`; `close` retries
   */
  async remove(name: string): Promise<void> {
    const path = join(this.#path, name);
    try {
      await unlink(path);
    } catch (cause) {
      if (!isMissing(cause)) throw new SystemError(`remove ${path}: ${errorText(cause)}`, { cause });
    }
    this.#names.delete(name);
  }

  /**
   * Removes all files, and the folders that are then empty.
   *
   * @throws {Error} `remove <path>: <reason>` if a file is left; all others are removed
   */
  async close(): Promise<void> {
    let failure: unknown;
    for (const name of [...this.#names]) {
      try {
        await this.remove(name);
      } catch (error) {
        failure ??= error;
      }
    }
    await this.#removeFolders();
    if (failure !== undefined) throw failure;
  }

  async #removeFolders(): Promise<void> {
    for (let path = this.#path; path !== this.#root; path = dirname(path)) {
      try {
        await rmdir(path);
      } catch {
        return; // it was never made, or others have files there
      }
    }
  }
}

function isMissing(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "");
}
