import type { Cancel, Clock } from "../lib/clock.ts";

/** The longest delay a timer of the runtime can hold, ms; longer ones are cut into such pieces. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** The process's own clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wall,
  after,
  soon: (call) => void setImmediate(call),
};

/** What must be added to the monotonic clock to get the wall clock, ms. */
let offset = performance.timeOrigin;

/**
 * The wall clock with fractions. `Date.now()` has whole milliseconds only, and the monotonic clock does not follow
 * corrections of the system time: this is the monotonic clock plus an offset that stays within the millisecond of
 * `Date.now()`.
 */
function wall(): number {
  const now = performance.now();
  const lowest = Date.now() - now;
  if (offset < lowest) offset = lowest;
  else if (offset >= lowest + 1) offset = lowest + 0.999;
  return now + offset;
}

function after(ms: number, call: () => void): Cancel {
  if (ms === Number.POSITIVE_INFINITY) return () => {};
  if (ms <= MAX_DELAY_MS) return start(ms, call);
  let cancelRest: Cancel = () => {};
  const cancel = start(MAX_DELAY_MS, () => {
    cancelRest = after(ms - MAX_DELAY_MS, call);
  });
  return () => {
    cancel();
    cancelRest();
  };
}

let running = 0;

/** Number of pending timers. */
export function runningTimers(): number {
  return running;
}

function start(ms: number, call: () => void): Cancel {
  let isSet = true;
  running += 1;
  const timer = setTimeout(() => {
    isSet = false;
    running -= 1;
    call();
  }, ms);
  return () => {
    if (!isSet) return;
    isSet = false;
    running -= 1;
    clearTimeout(timer);
  };
}
