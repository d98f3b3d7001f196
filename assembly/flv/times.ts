import { UnitTrack } from "../units/layout";
import { unitFinishAt } from "../units/log";
import { FlvDemux, FlvMessage, FlvTrack, flvFormat, flvTimeline } from "./layout";

/** Composition times beyond this are taken for 0, ms. */
const COMPOSITION_MAX: i32 = 10000;
/**
 * Timestamps have milliseconds, and frames of audio hardly ever take a whole number of them: each frame follows the one
 * before as long as its timestamp does not say something else by more than this, s.
 */
const TOLERANCE: f64 = 0.01;

/**
 * Publishes the unit in progress of a track at the timestamp of its message. Presentation may come before the timestamp
 * where the publisher has not moved its decoding times: decoding is then moved ahead from there on.
 */
export function flvFinishPicture(demux: FlvDemux, message: FlvMessage, track: FlvTrack): void {
  const units = changetype<UnitTrack>(flvFormat(track).units);
  let composition = message.composition;
  if (composition > COMPOSITION_MAX || composition < -COMPOSITION_MAX) {
    demux.malformed += 1;
    composition = 0;
  }
  track.lag = max<f64>(track.lag, -(composition as f64));
  const ticks = units.clockRate / 1000;
  const pts = Math.round((message.time + (composition as f64)) * ticks);
  const dts = Math.round((message.time - track.lag) * ticks);
  publish(message, track, pts, dts);
  note(demux, message.time + max<f64>(composition as f64, 0));
}

/**
 * Publishes the unit in progress of a track: it follows the one before, or begins at the timestamp of its message.
 *
 * @param ticks how long it lasts; 0 if unknown
 */
export function flvFinishAudio(demux: FlvDemux, message: FlvMessage, track: FlvTrack, ticks: f64): void {
  const rate = changetype<UnitTrack>(flvFormat(track).units).clockRate;
  let time = Math.round((message.time * rate) / 1000);
  if (track.started !== 0 && track.due >= 0) {
    const isNear = Math.abs(time - track.due) <= TOLERANCE * rate;
    if (message.units > 0 || isNear) time = track.due;
  }
  track.due = ticks > 0 ? time + ticks : -1;
  message.units += 1;
  const at = Math.round(time);
  publish(message, track, at, at);
  note(demux, (time * 1000) / rate);
}

/** Decoding times grow, whatever the publisher says. */
function publish(message: FlvMessage, track: FlvTrack, pts: f64, dts: f64): void {
  const units = changetype<UnitTrack>(flvFormat(track).units);
  const isLate = track.started !== 0 && dts <= track.lastDts;
  const at = isLate ? track.lastDts + 1 : dts;
  message.open = 0;
  track.started = 1;
  track.lastDts = at;
  track.frames += 1;
  // of two pictures at the same time the second one is shown later; what is shown early stays so
  unitFinishAt(units, pts === dts && message.composition === 0 ? at : pts, at);
}

function note(demux: FlvDemux, time: f64): void {
  const line = flvTimeline(demux);
  line.latest = max<f64>(line.latest, time);
}
