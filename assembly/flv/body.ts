import {
  ERR_BUDGET,
  FLV_AUDIO,
  FLV_CONFIG_MAX,
  FLV_EVENT_CONFIG,
  FLV_PCM,
  FLV_PCM_16,
  FLV_SAMPLE,
  UNIT_KEY,
} from "../abi";
import { crc32 } from "../crc32";
import { UnitTrack } from "../units/layout";
import { unitDrop, unitPut, unitStart } from "../units/log";
import { sampleBegin, sampleEnd, samplePut } from "../units/sample-put";
import { flvAudioFrames, flvSwapped } from "./audio";
import {
  BODY_CONFIG,
  BODY_SKIPPED,
  FIELD_FOURCC,
  FIELD_NONE,
  FIELD_TRACK,
  FlvDemux,
  FlvMessage,
  FlvTrack,
  flvConfig,
  flvExpect,
  flvFormat,
  flvSample,
  MULTITRACK_CODEC,
  MULTITRACK_CODECS,
} from "./layout";
import { flvFinishAudio, flvFinishPicture } from "./times";

/** Frame types after which a decoder can start: a key frame, and one that a server has made. */
const FRAME_KEY: i32 = 1;
const FRAME_GENERATED: i32 = 4;

/**
 * Takes bytes of the body of a track.
 *
 * @param size at most `trackLeft`
 * @returns how many were taken; less than `size` with an event
 */
export function flvBody(demux: FlvDemux, message: FlvMessage, src: i32, size: i32): i32 {
  if (size === 0 || message.body === BODY_SKIPPED) return size;
  if (message.body === BODY_CONFIG) {
    putConfig(demux, message, src, size);
    return size;
  }
  const track = changetype<FlvTrack>(message.track);
  if (track.needsConfig !== 0 && track.configSize === 0) {
    track.early += 1;
    message.body = BODY_SKIPPED;
    return size;
  }
  if (track.form !== FLV_SAMPLE && track.form !== FLV_PCM && track.form !== FLV_PCM_16) {
    return flvAudioFrames(demux, message, track, src, size);
  }
  if (message.open === 0 && !begin(message, track)) return size;
  if (track.form === FLV_SAMPLE) {
    const sample = flvSample(message);
    samplePut(sample, flvFormat(track), src, size);
    sample.left -= size;
  } else if (track.form === FLV_PCM) {
    unitPut(changetype<UnitTrack>(flvFormat(track).units), src, size);
  } else {
    flvSwapped(message, track, src, size);
  }
  return size;
}

function putConfig(demux: FlvDemux, message: FlvMessage, src: i32, size: i32): void {
  if (message.config + size > FLV_CONFIG_MAX) {
    demux.malformed += 1;
    message.body = BODY_SKIPPED;
    return;
  }
  memory.copy(flvConfig(message) + message.config, src, size);
  message.config += size;
}

/** Starts the unit of a message. */
function begin(message: FlvMessage, track: FlvTrack): bool {
  const units = changetype<UnitTrack>(flvFormat(track).units);
  if (flvFormat(track).units === 0 || unitStart(units) === ERR_BUDGET) {
    message.body = BODY_SKIPPED;
    return false;
  }
  message.open = 1;
  const isKey = message.frameType === FRAME_KEY || message.frameType === FRAME_GENERATED;
  if (track.form === FLV_SAMPLE) sampleBegin(flvSample(message), message.trackLeft, isKey);
  else units.flags |= UNIT_KEY;
  return true;
}

/** All bytes of a track are there. */
export function flvEndTrack(demux: FlvDemux, message: FlvMessage): void {
  if (message.body === BODY_CONFIG) endConfig(demux, message);
  if (message.open !== 0) endUnit(demux, message, changetype<FlvTrack>(message.track));
  message.open = 0;
  message.body = BODY_SKIPPED;
  if (message.left === 0) message.field = FIELD_NONE;
  else if (message.multitrack === MULTITRACK_CODEC) flvExpect(message, FIELD_TRACK, 1);
  else if (message.multitrack === MULTITRACK_CODECS) flvExpect(message, FIELD_FOURCC, 4);
  else message.field = FIELD_NONE;
}

/** A sequence header that differs from the last one is an event. */
function endConfig(demux: FlvDemux, message: FlvMessage): void {
  const track = changetype<FlvTrack>(message.track);
  const size = message.config;
  const check = crc32(flvConfig(message), size);
  if (size === 0 || (size === track.configSize && check === track.configCheck)) return;
  track.configSize = size;
  track.configCheck = check;
  demux.event = FLV_EVENT_CONFIG;
  demux.eventTrack = message.index;
}

function endUnit(demux: FlvDemux, message: FlvMessage, track: FlvTrack): void {
  const units = changetype<UnitTrack>(flvFormat(track).units);
  if (track.form === FLV_SAMPLE) {
    sampleEnd(flvSample(message), flvFormat(track));
    if (message.kind === FLV_AUDIO) flvFinishAudio(demux, message, track, track.frameTicks);
    else flvFinishPicture(demux, message, track);
  } else if (track.form === FLV_PCM || track.form === FLV_PCM_16) {
    const samples = units.bytes / track.sampleBytes;
    if (samples * track.sampleBytes !== units.bytes) units.broken = 1;
    flvFinishAudio(demux, message, track, samples as f64);
  } else {
    // the rest of the frame has not come
    demux.malformed += 1;
    unitDrop(units);
  }
}
