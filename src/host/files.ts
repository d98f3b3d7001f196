import { type BigIntStats, readFileSync, realpathSync, statSync, watch } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { SystemError } from "../lib/errors.ts";
import { systemReason } from "./system-reason.ts";

/**
 * The whole text of a file (UTF-8).
 *
 * @throws {Error} `open <path>: <reason>`
 */
export function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new SystemError(`open ${path}: ${systemReason(cause)}`, { cause });
  }
}

export interface FileWatcher {
  close(): void;
}

/** A change is reported when the file has been left alone for so long, ms: editors write in several steps. */
const QUIET_MS = 100;
/** How often the file is looked at in any case, ms: some file systems and links give no events. */
const POLL_MS = 2_000;

/**
 * Calls when the file has changed: written, replaced, created again, or a link on the way to it turned elsewhere. Its
 * removal is not a change.
 */
export function watchFile(path: string, onChange: () => void): FileWatcher {
  return new Watcher(path, onChange);
}

class Watcher implements FileWatcher {
  readonly #path: string;
  readonly #onChange: () => void;
  /** A folder is watched and not the file: a watch on a file ends with the file. */
  readonly #folders = new Map<string, { close(): void }>();
  readonly #poll: ReturnType<typeof setInterval>;
  #quiet: ReturnType<typeof setTimeout> | undefined;
  /** What was last reported, and what was last seen; undefined while there has never been a file. */
  #reported: string | undefined;
  #seen: string | undefined;
  #closed = false;

  constructor(path: string, onChange: () => void) {
    this.#path = path;
    this.#onChange = onChange;
    this.#watchFolder(dirname(path));
    this.#poll = setInterval(() => void this.#look(), POLL_MS);
    const state = fileStateNow(path);
    if (state === undefined) return;
    this.#reported = state.signature;
    this.#seen = state.signature;
    this.#watchFolder(dirname(state.target));
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#poll);
    clearTimeout(this.#quiet);
    for (const folder of this.#folders.values()) folder.close();
    this.#folders.clear();
  }

  /** Compares the file with what was seen before; never rejects. */
  async #look(): Promise<void> {
    const state = await fileState(this.#path);
    if (this.#closed || state === undefined) return;
    this.#watchFolder(dirname(state.target));
    const moved = this.#seen !== state.signature;
    this.#seen = state.signature;
    if (state.signature === this.#reported || !moved) return;
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => void this.#settle(), QUIET_MS);
  }

  /** Reports the change unless the file is still being written. */
  async #settle(): Promise<void> {
    const state = await fileState(this.#path);
    if (this.#closed || state === undefined) return;
    if (state.signature !== this.#seen) return this.#look();
    if (state.signature === this.#reported) return;
    this.#reported = state.signature;
    this.#onChange();
  }

  #watchFolder(folder: string): void {
    if (this.#folders.has(folder)) return;
    try {
      const watcher = watch(folder, () => void this.#look());
      watcher.on("error", () => {
        watcher.close();
        this.#folders.delete(folder); // the next look tries again
      });
      this.#folders.set(folder, watcher);
    } catch {
      // no such folder at the moment, or no watches left: the poll sees the change
    }
  }
}

/** Where a path leads, and what tells one version of the file from the next. */
interface FileState {
  readonly target: string;
  readonly signature: string;
}

/** @returns undefined when there is no file */
async function fileState(path: string): Promise<FileState | undefined> {
  try {
    const target = await realpath(path);
    return { target, signature: signatureOf(target, await stat(target, { bigint: true })) };
  } catch {
    return undefined;
  }
}

/** The same at once, for the first look: what changes after it must not be missed. */
function fileStateNow(path: string): FileState | undefined {
  try {
    const target = realpathSync(path);
    return { target, signature: signatureOf(target, statSync(target, { bigint: true })) };
  } catch {
    return undefined;
  }
}

function signatureOf(target: string, { ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${target} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
}
