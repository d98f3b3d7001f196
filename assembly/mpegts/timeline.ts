import { TsDemux, TsStream } from "./demux-layout";

/** Timestamps have 33 bits (ISO/IEC 13818-1 §2.4.3.7). */
const WRAP: f64 = 8589934592;
/** Larger jumps of a timestamp, ahead or back, are a discontinuity, 90 kHz. */
const AHEAD: f64 = 900000;
const BACK: f64 = 45000;
/** Streams of one program may be so far apart. */
const APART: f64 = 900000;
/**
 * Gap between the latest time and the first one after a discontinuity: of the other streams, one may begin earlier, as a
 * multiplexer puts sound ahead of its pictures.
 */
const PAUSE: f64 = 45000;

/** The time without wraps that is nearest to `near`. */
export function unwrap(raw: f64, near: f64): f64 {
  return raw + Math.round((near - raw) / WRAP) * WRAP;
}

/**
 * A decoding time of a stream on the timeline that all streams share: it does not wrap, and at a discontinuity
 * it continues after the latest one. Each stream switches on its own, because some lag behind others.
 *
 * @param raw 33 bits, 90 kHz
 */
export function tsTime(demux: TsDemux, stream: TsStream, raw: f64): f64 {
  if (stream.timed !== 0) {
    const time = unwrap(raw, stream.last);
    const step = time - stream.last;
    if (step <= AHEAD && step >= -BACK) return note(demux, stream, time);
  }
  if (demux.started === 0) {
    demux.started = 1;
    demux.last = raw;
    demux.offset = 0;
    demux.latest = raw;
    return join(demux, stream, raw);
  }
  const time = unwrap(raw, demux.last);
  const isNear = Math.abs(time - demux.last) <= APART;
  if (
    demux.started === 1 &&
    isNear &&
    (stream.timed === 0 || time + demux.offset >= stream.lastTime - BACK)
  ) {
    return join(demux, stream, time);
  }
  demux.started = 1;
  demux.jumps += 1;
  demux.last = raw;
  demux.offset = Math.floor(demux.latest) + PAUSE - raw;
  return join(demux, stream, raw);
}

/** Goes over to the present line. */
function join(demux: TsDemux, stream: TsStream, time: f64): f64 {
  stream.timed = 1;
  stream.offset = demux.offset;
  return note(demux, stream, time);
}

function note(demux: TsDemux, stream: TsStream, time: f64): f64 {
  stream.last = time;
  if (stream.offset === demux.offset) demux.last = time;
  stream.lastTime = time + stream.offset;
  return stream.lastTime;
}
