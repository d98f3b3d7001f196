import { UNIT_KEY } from "../abi";
import {
  latmBits,
  latmOpen,
  latmPosition,
  latmSkip,
  latmSlotLength,
  latmSpoilt,
  readMuxConfig,
} from "../units/latm-config";
import { UNIT_CONFIG, UNIT_CONFIG_DATA, UnitTrack } from "../units/layout";
import { unitPut, unitStart } from "../units/log";
import { get8, put8 } from "../wire";
import { aacRate } from "./audio-header";
import { TS_STREAM_HEAD, TS_STREAM_LATM, TS_STREAM_SCRATCH, TsStream } from "./demux-layout";

const LOAS_HEADER_BYTES = 3;
/** Bytes that are shifted at a time. */
const SHIFT_BYTES = 64;

/** The last StreamMuxConfig, in the fields that an RTP track has for it. */
function mux(stream: TsStream): UnitTrack {
  return changetype<UnitTrack>(changetype<i32>(stream) + TS_STREAM_LATM);
}

/**
 * Begins to read an AudioMuxElement (ISO/IEC 14496-3 §1.7.3), which lies whole in the scratch: learns what the stream
 * is from its StreamMuxConfig, if it has one.
 *
 * @returns whether its frames can be read
 */
export function latmRead(stream: TsStream): bool {
  const from = changetype<i32>(stream) + TS_STREAM_SCRATCH + LOAS_HEADER_BYTES;
  latmOpen(from, 8 * (stream.frameSize - LOAS_HEADER_BYTES));
  const setup = mux(stream);
  if (latmBits(1) === 0) readMuxConfig(setup);
  if (latmSpoilt() || setup.sizeBits <= 0) return false;
  const position = latmPosition();
  const isKnown = learn(stream, changetype<i32>(setup));
  latmOpen(from, 8 * (stream.frameSize - LOAS_HEADER_BYTES));
  latmSkip(position);
  return isKnown;
}

/** Takes rate and channels from the AudioSpecificConfig of a track. */
function learn(stream: TsStream, track: i32): bool {
  latmOpen(track + UNIT_CONFIG_DATA, 8 * load<i32>(track + UNIT_CONFIG));
  const type = latmBits(5);
  const index = latmBits(4);
  const rate = index === 15 ? latmBits(24) : aacRate(index);
  const channels = latmBits(4);
  if (latmSpoilt() || rate === 0 || type === 31) return false;
  if (stream.known !== 0) {
    if (rate !== stream.rate || channels !== stream.channels) stream.changed = 1;
    return stream.changed === 0;
  }
  stream.known = stream.key;
  stream.rate = rate;
  stream.channels = channels;
  stream.frameSamples = 1024;
  stream.ready = 1;
  return true;
}

/** Frames of the element that is read. */
export function latmSubframes(stream: TsStream): i32 {
  return mux(stream).sizeBits;
}

/** Puts the next frame into a unit; false when there is none. */
export function latmFrame(stream: TsStream): bool {
  const fixed = mux(stream).indexBits;
  const length = fixed > 0 ? fixed : latmSlotLength();
  const start = latmPosition();
  latmSkip(8 * length);
  if (length <= 0 || latmSpoilt()) return false;
  const track = changetype<UnitTrack>(stream.units);
  if (unitStart(track) !== 0) return false;
  track.flags |= UNIT_KEY;
  const from = changetype<i32>(stream) + TS_STREAM_SCRATCH + LOAS_HEADER_BYTES + (start >> 3);
  const shift = start & 7;
  if (shift === 0) {
    unitPut(track, from, length);
    return true;
  }
  const room = changetype<i32>(stream) + TS_STREAM_HEAD;
  for (let done = 0; done < length; done += SHIFT_BYTES) {
    const n = min(SHIFT_BYTES, length - done);
    for (let i = 0; i < n; i++) {
      const at = from + done + i;
      put8(room + i, ((get8(at) << shift) | (get8(at + 1) >> (8 - shift))) & 255);
    }
    unitPut(track, room, n);
  }
  return true;
}
