import { UnitTrack } from "../units/layout";
import { unitDrop } from "../units/log";
import { get8 } from "../wire";
import { flvBody, flvEndTrack } from "./body";
import { flvEndField } from "./header";
import {
  BODY_SKIPPED,
  FIELD_BODY,
  FIELD_FIRST,
  FIELD_NONE,
  FIELD_PACKET,
  FLV_DEMUX_SIZE,
  FlvDemux,
  FlvMessage,
  FlvTrack,
  flvExpect,
  flvFormat,
  flvMessage,
  flvTrackAt,
} from "./layout";
import { flvBeginPacket } from "./packet";

/** Forgets everything but the memory. */
export function flvOpen(address: i32): void {
  memory.fill(address, 0, FLV_DEMUX_SIZE);
}

/**
 * Begins an audio or video message; one of the same kind that is in progress is dropped.
 *
 * @param kind FLV_AUDIO or FLV_VIDEO
 * @param size bytes of its body
 * @param timestamp ms, 32 bits
 */
export function flvBegin(address: i32, kind: i32, size: i32, timestamp: f64): void {
  const message = flvMessage(changetype<FlvDemux>(address), kind);
  dropUnit(message);
  message.kind = kind;
  message.left = size;
  message.trackLeft = size;
  message.timestamp = timestamp;
  message.nano = 0;
  message.track = 0;
  flvExpect(message, FIELD_FIRST, 1);
}

/**
 * Takes bytes of the body of a message, cut anywhere.
 *
 * @returns how many were taken; less than `size`, or all of them, with an event at FLV_EVENT: the caller handles it,
 *   sets it to 0, and goes on with the rest, even if there is none
 */
export function flvPut(address: i32, kind: i32, src: i32, size: i32): i32 {
  const demux = changetype<FlvDemux>(address);
  const message = flvMessage(demux, kind);
  let at = 0;
  while (demux.event === 0 && message.field !== FIELD_NONE) {
    if (message.field === FIELD_PACKET) {
      flvBeginPacket(demux, message);
    } else if (message.field === FIELD_BODY) {
      const n = min(size - at, message.trackLeft);
      const taken = flvBody(demux, message, src + at, n);
      at += taken;
      message.left -= taken;
      message.trackLeft -= taken;
      if (demux.event !== 0) break;
      if (message.trackLeft === 0) flvEndTrack(demux, message);
      else if (at === size) break;
    } else if (message.left === 0) {
      // a message without anything behind its first byte says that there is a pause
      if (message.field !== FIELD_FIRST) demux.malformed += 1;
      message.field = FIELD_NONE;
    } else if (at === size) {
      break;
    } else {
      message.value = (message.value << 8) | get8(src + at);
      message.fieldLeft -= 1;
      message.left -= 1;
      message.trackLeft -= 1;
      at += 1;
      if (message.fieldLeft === 0) flvEndField(demux, message);
    }
  }
  if (message.field !== FIELD_NONE || demux.event !== 0) return at;
  message.left -= size - at;
  return size;
}

/** Ignores a track from now on: its units may be closed. */
export function flvSkip(address: i32, index: i32): void {
  const demux = changetype<FlvDemux>(address);
  const track = flvTrackAt(demux, index);
  const message = flvMessage(demux, track.kind);
  if (message.field !== FIELD_NONE && message.track === changetype<i32>(track)) {
    dropUnit(message);
    message.body = BODY_SKIPPED;
  }
  track.form = 0;
  flvFormat(track).units = 0;
}

function dropUnit(message: FlvMessage): void {
  if (message.open === 0) return;
  unitDrop(changetype<UnitTrack>(flvFormat(changetype<FlvTrack>(message.track)).units));
  message.open = 0;
}
