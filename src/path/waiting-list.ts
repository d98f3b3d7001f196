import { gone } from "../auth/newcomer.ts";
import { RefusedError } from "../lib/errors.ts";
import type { Waiter } from "./client.ts";

/** Requests that may wait at a time. */
const WAITING_MAX = 1_000;

interface Waiting<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
  /** Takes the ear off the waiter's signal. */
  readonly release: () => void;
}

/** Those who wait for the stream of a path. Who is gone waits no more. */
export class WaitingList<T> {
  readonly #waiting = new Set<Waiting<T>>();
  readonly #path: string;

  /** @param path its name */
  constructor(path: string) {
    this.#path = path;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /**
   * One more waits.
   *
   * @returns rejects with a {RefusedError} if the waiter leaves
   * @throws {RefusedError} if too many wait already, or the waiter is gone already
   */
  wait(waiter?: Waiter): Promise<T> {
    if (this.#waiting.size >= WAITING_MAX) {
      throw new RefusedError(`too many requests wait for path '${this.#path}'`);
    }
    const signal = waiter?.signal;
    if (signal?.aborted === true) throw gone();
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const leave = () => {
      this.#waiting.delete(waiting);
      reject(gone());
    };
    const waiting = { resolve, reject, release: () => signal?.removeEventListener("abort", leave) };
    signal?.addEventListener("abort", leave, { once: true });
    this.#waiting.add(waiting);
    return promise;
  }

  /** Gives all that wait what they wait for. */
  resolve(value: T): void {
    for (const { resolve } of this.#take()) resolve(value);
  }

  reject(error: Error): void {
    for (const { reject } of this.#take()) reject(error);
  }

  #take(): Waiting<T>[] {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const { release } of waiting) release();
    return waiting;
  }
}
