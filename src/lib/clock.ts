/** Cancels a timer; has no effect once it has fired. */
export type Cancel = () => void;

/** Clocks and timers. */
export interface Clock {
  /** Monotonic time in ms, with fractions. */
  now(): number;
  /** Wall clock in ms since 1970-01-01 UTC, with fractions. */
  wall(): number;
  /** Calls once, `ms` from now. */
  after(ms: number, call: () => void): Cancel;
  /** Calls once after all sockets that are ready now have been served. */
  soon(call: () => void): void;
}

/** Waits; rejects with the reason when `signal` is aborted. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abort = () => {
    cancel();
    reject(signal.reason as Error);
  };
  const cancel = clock.after(Math.max(ms, 0), () => {
    signal.removeEventListener("abort", abort);
    resolve();
  });
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort, { once: true });
  return promise;
}
