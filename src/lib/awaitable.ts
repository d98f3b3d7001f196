/** A value that is there, or will be. */
export type Awaitable<T> = T | Promise<T>;

/** Goes on with a value: at once if it is there, so that what need not wait costs no turn of the microtask queue. */
export function when<T, U>(value: Awaitable<T>, use: (value: T) => Awaitable<U>): Awaitable<U> {
  return value instanceof Promise ? value.then(use) : use(value);
}
