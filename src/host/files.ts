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

/** A change is reported once the file has not been touched for this long, ms: editors write in several steps. */
const QUIET_MS = 100;
/** Interval of polling the file, ms: some file systems and links give no events. */
const POLL_MS = 2_000;

/**
 * Reports changes of a file: written, replaced, created again, or reached through a changed link. Its removal is not a
 * change.
 */
export function watchFile(path: string, onChange: () => void): FileWatcher {
  return new Watcher(path, onChange);
}

class Watcher implements FileWatcher {
  readonly #path: string;
  readonly #onChange: () => void;
  /** Watches the folder, as the watch on a file ends when it is replaced. */
  readonly #folders = new Map<string, { close(): void }>();
  readonly #poll: ReturnType<typeof setInterval>;
  #quiet: ReturnType<typeof setTimeout> | undefined;
  /** Version last reported, and version last seen; undefined until there is a file. */
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

  /** Compares the file with the version last seen; never rejects. */
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
      // the folder does not exist, or there are no watches left: polling finds the change
    }
  }
}

/** A version of a file: its real path, size and time of change. */
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

/** The same, synchronously, for the first version: no later change is missed. */
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
