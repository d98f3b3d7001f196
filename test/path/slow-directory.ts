import type { Awaitable } from "../../src/lib/awaitable.ts";
import type { Directory, Here, Place, Search } from "../../src/path/directory.ts";
import type { Path } from "../../src/path/path.ts";
import type { Stream } from "../../src/stream/stream.ts";
import { settle } from "../support/fake-clock.ts";

/** What a directory is asked for. */
export type Step = keyof Directory;

/** A directory whose steps can be held. */
export class SlowDirectory implements Directory {
  /** Steps that do not complete before `letGo`. */
  readonly held = new Set<Step>();
  /** Whether a held step is taken by `letGo`; else it is taken at once, and only its result is held. */
  isLate = false;
  readonly #local: Directory;
  #letGo: (() => void)[] = [];

  constructor(local: Directory) {
    this.#local = local;
  }

  find(search: Search): Promise<Place> {
    return this.#hold("find", () => this.#local.find(search));
  }

  open(search: Search): Promise<Here> {
    return this.#hold("open", () => this.#local.open(search));
  }

  attach(...args: Parameters<Directory["attach"]>): Promise<void> {
    return this.#hold("attach", () => this.#local.attach(...args));
  }

  claim(...args: Parameters<Directory["claim"]>): Promise<Path> {
    return this.#hold("claim", () => this.#local.claim(...args));
  }

  publish(...args: Parameters<Directory["publish"]>): Promise<Stream> {
    return this.#hold("publish", () => this.#local.publish(...args));
  }

  async #hold<T>(step: Step, act: () => Awaitable<T>): Promise<T> {
    const early = this.isLate ? undefined : { result: await act() };
    if (this.held.has(step)) await new Promise<void>((resolve) => void this.#letGo.push(resolve));
    return early === undefined ? act() : early.result;
  }

  /** Steps that are held now. */
  get waiting(): number {
    return this.#letGo.length;
  }

  async letGo(): Promise<void> {
    for (const go of this.#letGo.splice(0)) go();
    await settle();
  }
}
