import { FLV_EVENT_TRACK, FLV_TRACKS_MAX, FLV_VIDEO, SAMPLE_H264, SAMPLE_H265 } from "../abi";
import { timeOf } from "../timeline";
import {
  BODY_CONFIG,
  BODY_FRAMES,
  BODY_SKIPPED,
  FIELD_BODY,
  FIELD_COMPOSITION,
  FlvDemux,
  FlvMessage,
  FlvTrack,
  flvExpect,
  flvFormat,
  flvTimeline,
  flvTimes,
  flvTrackAt,
} from "./layout";

/** Packet types of Enhanced RTMP: video and audio have them in common, but for 3 and 5, which are of video alone. */
const PACKET_START: i32 = 0;
export const PACKET_FRAMES: i32 = 1;
const PACKET_END: i32 = 2;
const PACKET_FRAMES_X: i32 = 3;
/** Metadata of video; the order of the channels of audio. */
export const PACKET_METADATA: i32 = 4;
const PACKET_TS_START: i32 = 5;

/** Timestamps have 32 bits, ms. */
const WRAP: f64 = 4294967296;
const SECOND: f64 = 1000;

/** The track of a packet that has media or says how to decode them; 0 if there is none, or no room for it. */
export function flvTrackOf(demux: FlvDemux, message: FlvMessage, id: i32): i32 {
  if (!isMedia(demux, message)) return 0;
  for (let i = 0; i < demux.tracks; i++) {
    const track = flvTrackAt(demux, i);
    if (track.kind !== message.kind || track.id !== id) continue;
    message.index = i;
    if (track.codec === message.codec) return changetype<i32>(track);
    track.changed += 1;
    return 0;
  }
  if (demux.tracks === FLV_TRACKS_MAX) {
    demux.ignored += 1;
    return 0;
  }
  const track = flvTrackAt(demux, demux.tracks);
  message.index = demux.tracks;
  track.kind = message.kind;
  track.id = id;
  track.codec = message.codec;
  demux.event = FLV_EVENT_TRACK;
  demux.eventTrack = demux.tracks;
  demux.tracks += 1;
  return changetype<i32>(track);
}

function isMedia(demux: FlvDemux, message: FlvMessage): bool {
  const type = message.packetType;
  if (type === PACKET_START || type === PACKET_FRAMES) return true;
  if (message.kind === FLV_VIDEO && (type === PACKET_FRAMES_X || type === PACKET_TS_START)) return true;
  if (type !== PACKET_END && type !== PACKET_METADATA) demux.ignored += 1;
  return false;
}

/** The owner knows the track: its packet begins. */
export function flvBeginPacket(demux: FlvDemux, message: FlvMessage): void {
  message.field = FIELD_BODY;
  message.body = BODY_SKIPPED;
  message.config = 0;
  message.headFill = 0;
  message.frameLeft = 0;
  message.carry = -1;
  message.units = 0;
  if (message.track === 0) return;
  const track = changetype<FlvTrack>(message.track);
  if (track.form === 0) return;
  const type = message.packetType;
  if (type === PACKET_START) {
    message.body = BODY_CONFIG;
  } else if (type === PACKET_FRAMES || type === PACKET_FRAMES_X) {
    message.body = BODY_FRAMES;
    message.time = timeOf(flvTimeline(demux), flvTimes(track), message.timestamp, WRAP, SECOND);
    message.time += (message.nano as f64) / 1000000;
    if (type !== PACKET_FRAMES || !hasComposition(message, track)) return;
    if (message.trackLeft < 3) message.body = BODY_SKIPPED;
    else flvExpect(message, FIELD_COMPOSITION, 3);
  }
}

/** Whether frames have a composition time in the enhanced form; in the legacy form it has been read. */
function hasComposition(message: FlvMessage, track: FlvTrack): bool {
  const kind = flvFormat(track).kind;
  return message.codec > 255 && (kind === SAMPLE_H264 || kind === SAMPLE_H265);
}
