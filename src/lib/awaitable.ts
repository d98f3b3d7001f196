/** A value, or a promise of it. */
export type Awaitable<T> = T | Promise<T>;

/** Continues with a value: at once if it is not a promise, without a turn of the microtask queue. */
export function when<T, U>(value: Awaitable<T>, use: (value: T) => Awaitable<U>): Awaitable<U> {
  return value instanceof Promise ? value.then(use) : use(value);
}
