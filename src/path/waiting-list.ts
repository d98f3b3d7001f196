import { gone } from "../auth/newcomer.ts";
import { RefusedError } from "../lib/errors.ts";
import type { Waiter } from "./client.ts";

/** Most requests that wait at the same time. */
const WAITING_MAX = 1_000;

interface Waiting<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
  /** Stops listening to the waiter's signal. */
  readonly release: () => void;
}

/** Requests that wait for the stream of a path. A client that disconnects is removed. */
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
   * Adds a request.
   *
   * @returns rejects with a {RefusedError} if the waiter disconnects
   * @throws {RefusedError} if too many wait already, or the waiter has disconnected already
   */
  wait(waiter?: Waiter): Promise<T> {
    if (this.#waiting.size >= WAITING_MAX) {
      throw new RefusedError(`too many requests are waiting for path '${this.#path}'`);
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

  /** Resolves all requests. */
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
