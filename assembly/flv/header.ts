import { FLV_AUDIO, FLV_VIDEO } from "../abi";
import {
  FIELD_AAC,
  FIELD_AVC,
  FIELD_BODY,
  FIELD_COMPOSITION,
  FIELD_EXTENSION,
  FIELD_EXTENSION_REST,
  FIELD_EXTENSION_SIZE,
  FIELD_EXTENSION_SIZE_16,
  FIELD_EXTENSION_TYPE,
  FIELD_FIRST,
  FIELD_FOURCC,
  FIELD_MULTITRACK,
  FIELD_NONE,
  FIELD_PACKET,
  FIELD_TRACK,
  FIELD_TRACK_SIZE,
  FlvDemux,
  FlvMessage,
  flvExpect,
  MULTITRACK_CODECS,
  MULTITRACK_NONE,
  MULTITRACK_ONE,
} from "./layout";
import { flvTrackOf, PACKET_FRAMES, PACKET_METADATA } from "./packet";

/** Codec ids and sound formats (FLV 10.1 §E.4.2.1, §E.4.3.1). */
const AVC: i32 = 7;
const HEVC: i32 = 12;
const AAC: i32 = 10;
/** The header is enhanced: of video a flag, of audio a sound format. */
const VIDEO_EX: i32 = 0x80;
const AUDIO_EX: i32 = 9;
const FRAME_COMMAND: i32 = 5;
/** Sound formats whose rate, size and channels are in the header alone: LPCM, G711. */
const FLAGGED: i32 = 0x189;

/** More packet types: several tracks; an extension is in front. */
const VIDEO_MULTITRACK: i32 = 6;
const AUDIO_MULTITRACK: i32 = 5;
const PACKET_EXTENSION: i32 = 7;
/** Type of an extension: an offset of the timestamp, less than a millisecond, ns. */
const TIMESTAMP_OFFSET: u32 = 0;
const NANO_MAX: u32 = 999999;

/** A field of a header is complete. */
export function flvEndField(demux: FlvDemux, message: FlvMessage): void {
  const value = message.value;
  switch (message.field) {
    case FIELD_FIRST:
      if (message.kind === FLV_VIDEO) videoHeader(demux, message, value as i32);
      else audioHeader(demux, message, value as i32);
      break;
    case FIELD_MULTITRACK:
      multitrack(demux, message, value as i32);
      break;
    case FIELD_FOURCC:
      message.codec = value;
      if (message.multitrack === MULTITRACK_NONE) toPacket(demux, message, 0);
      else flvExpect(message, FIELD_TRACK, 1);
      break;
    case FIELD_TRACK:
      message.id = value as i32;
      if (message.multitrack === MULTITRACK_ONE) toPacket(demux, message, value as i32);
      else flvExpect(message, FIELD_TRACK_SIZE, 3);
      break;
    case FIELD_TRACK_SIZE:
      if ((value as i32) > message.left) demux.malformed += 1;
      message.trackLeft = min(value as i32, message.left);
      toPacket(demux, message, message.id);
      break;
    case FIELD_AVC:
      message.packetType = (value >> 24) as i32;
      message.composition = signed24(value);
      toPacket(demux, message, 0);
      break;
    case FIELD_AAC:
      message.packetType = value as i32;
      toPacket(demux, message, 0);
      break;
    case FIELD_COMPOSITION:
      message.composition = signed24(value);
      message.field = FIELD_BODY;
      break;
    default:
      extension(demux, message, value);
  }
}

function toPacket(demux: FlvDemux, message: FlvMessage, id: i32): void {
  message.field = FIELD_PACKET;
  message.track = flvTrackOf(demux, message, id);
}

function signed24(value: u32): i32 {
  return ((value << 8) as i32) >> 8;
}

function videoHeader(demux: FlvDemux, message: FlvMessage, first: i32): void {
  message.multitrack = MULTITRACK_NONE;
  message.composition = 0;
  if ((first & VIDEO_EX) !== 0) {
    message.frameType = (first >> 4) & 7;
    packetType(message, first & 15);
    return;
  }
  message.frameType = first >> 4;
  message.codec = first & 15;
  if (message.frameType === FRAME_COMMAND) message.field = FIELD_NONE;
  else if (message.codec === AVC || message.codec === HEVC) flvExpect(message, FIELD_AVC, 4);
  else legacy(demux, message);
}

function audioHeader(demux: FlvDemux, message: FlvMessage, first: i32): void {
  message.multitrack = MULTITRACK_NONE;
  message.composition = 0;
  message.frameType = 1;
  const format = first >> 4;
  if (format === AUDIO_EX) {
    packetType(message, first & 15);
    return;
  }
  const isFlagged = ((FLAGGED >> format) & 1) !== 0;
  message.codec = isFlagged ? format | ((first & 15) << 4) : format;
  if (format === AAC) flvExpect(message, FIELD_AAC, 1);
  else legacy(demux, message);
}

/** Frames follow the first byte at once; without any there is a pause. */
function legacy(demux: FlvDemux, message: FlvMessage): void {
  message.packetType = PACKET_FRAMES;
  if (message.left === 0) message.field = FIELD_NONE;
  else toPacket(demux, message, 0);
}

/** The packet type of an enhanced header, or of what an extension is in front of. */
function packetType(message: FlvMessage, type: i32): void {
  message.packetType = type;
  const isVideo = message.kind === FLV_VIDEO;
  if (type === PACKET_EXTENSION) flvExpect(message, FIELD_EXTENSION_SIZE, 1);
  else if (isVideo && type !== PACKET_METADATA && message.frameType === FRAME_COMMAND)
    message.field = FIELD_NONE;
  else if (type === (isVideo ? VIDEO_MULTITRACK : AUDIO_MULTITRACK)) flvExpect(message, FIELD_MULTITRACK, 1);
  else flvExpect(message, FIELD_FOURCC, 4);
}

function multitrack(demux: FlvDemux, message: FlvMessage, value: i32): void {
  message.multitrack = value >> 4;
  message.packetType = value & 15;
  const nested = message.kind === FLV_AUDIO ? AUDIO_MULTITRACK : VIDEO_MULTITRACK;
  if (message.multitrack > MULTITRACK_CODECS || message.packetType === nested) {
    demux.ignored += 1;
    message.field = FIELD_NONE;
  } else {
    flvExpect(message, FIELD_FOURCC, 4);
  }
}

/** ModEx: sizes are stored less one, and one of 256 bytes or more has 16 bits. */
function extension(demux: FlvDemux, message: FlvMessage, value: u32): void {
  switch (message.field) {
    case FIELD_EXTENSION_SIZE:
      if (value === 255) flvExpect(message, FIELD_EXTENSION_SIZE_16, 2);
      else extensionData(message, (value as i32) + 1);
      break;
    case FIELD_EXTENSION_SIZE_16:
      extensionData(message, (value as i32) + 1);
      break;
    case FIELD_EXTENSION:
      message.extended = min<u32>(value, NANO_MAX);
      message.extension -= 3;
      if (message.extension > 0) flvExpect(message, FIELD_EXTENSION_REST, message.extension);
      else flvExpect(message, FIELD_EXTENSION_TYPE, 1);
      break;
    case FIELD_EXTENSION_REST:
      flvExpect(message, FIELD_EXTENSION_TYPE, 1);
      break;
    default:
      if (value >> 4 === TIMESTAMP_OFFSET) message.nano = message.extended;
      else demux.ignored += 1;
      message.extended = 0;
      packetType(message, (value & 15) as i32);
  }
}

function extensionData(message: FlvMessage, size: i32): void {
  message.extension = size;
  message.extended = 0;
  if (size < 3) flvExpect(message, FIELD_EXTENSION_REST, size);
  else flvExpect(message, FIELD_EXTENSION, 3);
}
