import { UNIT_KEY } from "../abi";
import { mpeg4Video, mpeg12Video } from "../rtp/frames";
import { get8 } from "../wire";
import { UnitTrack } from "./layout";
import { unitPut } from "./log";

/** MPEG-1/2 Video (RFC 2250 §3.4): the bytes behind the header, which has an extension where its T bit says so. */
export function mpeg12Packet(track: UnitTrack, payload: i32, size: i32): i32 {
  const head = (get8(payload) & 0x04) !== 0 ? 8 : 4;
  if (size <= head) {
    track.malformed += 1;
    track.broken = 1;
    return 0;
  }
  if (mpeg12Video(payload, size)) track.flags |= UNIT_KEY;
  return unitPut(track, payload + head, size - head);
}

/** MPEG-4 Video (RFC 6416 §5): nothing but its bytes. */
export function mpeg4Packet(track: UnitTrack, payload: i32, size: i32): i32 {
  if (mpeg4Video(payload, size)) track.flags |= UNIT_KEY;
  return unitPut(track, payload, size);
}
