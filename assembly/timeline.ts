/** The times that all tracks of a source share, in ticks. A layout, never constructed. */
export class Timeline {
  /** Whether there is one; 2: the next timestamp starts another. */
  started!: i32;
  /** Timestamp discontinuities. */
  jumps!: i32;
  /** The last timestamp of any track, without wraps; the offset added to timestamps. */
  last!: f64;
  offset!: f64;
  /** The latest time of all units. */
  latest!: f64;
}

/** The times of one track of it. A layout, never constructed. */
export class TrackTimes {
  timed!: i32;
  /** The last timestamp without wraps, what is added to it, the last time that came out. */
  last!: f64;
  offset!: f64;
  lastTime!: f64;
}

/** Larger jumps of a timestamp, ahead or back, are a discontinuity, s. */
const AHEAD: f64 = 10;
const BACK: f64 = 0.5;
/** Tracks of one source may be so far apart, s. */
const APART: f64 = 10;
/**
 * Gap between the latest time and the first one after a discontinuity, s: of the other tracks, one may begin earlier, as a
 * multiplexer puts sound ahead of its pictures.
 */
const PAUSE: f64 = 0.5;

/** The time without wraps that is nearest to `near`. */
export function unwrap(raw: f64, near: f64, wrap: f64): f64 {
  return raw + Math.round((near - raw) / wrap) * wrap;
}

/**
 * A decoding time of a track on the timeline that all tracks share: it does not wrap, and at a discontinuity
 * it continues after the latest one. Each track switches on its own, because some lag behind others.
 *
 * @param wrap what timestamps are less than, ticks
 * @param second ticks of a second
 */
export function timeOf(line: Timeline, track: TrackTimes, raw: f64, wrap: f64, second: f64): f64 {
  if (track.timed !== 0) {
    const time = unwrap(raw, track.last, wrap);
    const step = time - track.last;
    if (step <= AHEAD * second && step >= -BACK * second) return note(line, track, time);
  }
  if (line.started === 0) {
    line.started = 1;
    line.last = raw;
    line.offset = 0;
    line.latest = raw;
    return join(line, track, raw);
  }
  const time = unwrap(raw, line.last, wrap);
  const isNear = Math.abs(time - line.last) <= APART * second;
  if (
    line.started === 1 &&
    isNear &&
    (track.timed === 0 || time + line.offset >= track.lastTime - BACK * second)
  ) {
    return join(line, track, time);
  }
  line.started = 1;
  line.jumps += 1;
  line.last = raw;
  line.offset = Math.floor(line.latest) + PAUSE * second - raw;
  return join(line, track, raw);
}

/** Goes over to the present line. */
function join(line: Timeline, track: TrackTimes, time: f64): f64 {
  track.timed = 1;
  track.offset = line.offset;
  return note(line, track, time);
}

function note(line: Timeline, track: TrackTimes, time: f64): f64 {
  track.last = time;
  if (track.offset === line.offset) line.last = time;
  track.lastTime = time + track.offset;
  return track.lastTime;
}
