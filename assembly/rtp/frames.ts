import {
  KIND_AV1,
  KIND_H264,
  KIND_H265,
  KIND_MJPEG,
  KIND_MPEG4_VIDEO,
  KIND_MPEG12_VIDEO,
  KIND_VP8,
  KIND_VP9,
} from "../abi";
import { Track } from "../track";
import { get8 } from "../wire";
import { nalAccess } from "./nal-access";

/**
 * Whether a payload shows that its access unit is a random access point. Parameter sets on the way are kept in the
 * track.
 *
 * @param gap whether packets are missing in front of it
 */
export function isRandomAccess(track: Track, kind: i32, payload: i32, size: i32, gap: bool): bool {
  if (size <= 0) return false;
  switch (kind) {
    case KIND_H264:
    case KIND_H265:
      return nalAccess(track, kind === KIND_H265, payload, size, gap);
    case KIND_VP8:
      return vp8(payload, size);
    case KIND_VP9:
      return vp9(payload, size);
    case KIND_AV1:
      return av1(payload, size);
    case KIND_MPEG4_VIDEO:
      return mpeg4Video(payload, size);
    case KIND_MPEG12_VIDEO:
      return mpeg12Video(payload, size);
    default:
      return kind === KIND_MJPEG;
  }
}

/** RFC 7741 §4.2, §4.3: the first partition of a frame whose P bit is 0. */
export function vp8(payload: i32, size: i32): bool {
  const first = get8(payload);
  if ((first & 0x17) !== 0x10) return false;
  let at = 1;
  if ((first & 0x80) !== 0) {
    if (size < 3) return false;
    const extension = get8(payload + 1);
    at = 2;
    if ((extension & 0x80) !== 0) at += (get8(payload + 2) & 0x80) !== 0 ? 2 : 1;
    if ((extension & 0x40) !== 0) at += 1;
    if ((extension & 0x30) !== 0) at += 1;
  }
  return at < size && (get8(payload + at) & 1) === 0;
}

/** RFC 9628 §4.2, and the uncompressed header of the frame, as some senders never set the P bit. */
export function vp9(payload: i32, size: i32): bool {
  const flags = get8(payload);
  if ((flags & 0x48) !== 0x08) return false;
  let at = 1;
  if ((flags & 0x80) !== 0) at += size > 1 && (get8(payload + 1) & 0x80) !== 0 ? 2 : 1;
  if ((flags & 0x20) !== 0) {
    if (at < size && (get8(payload + at) & 0x0e) !== 0) return false;
    at += (flags & 0x10) !== 0 ? 1 : 2;
  }
  if ((flags & 0x02) !== 0) at = vp9Structure(payload, size, at);
  if (at >= size) return false;
  const header = get8(payload + at);
  if (header >> 6 !== 2) return false;
  const shift = (header & 0x30) === 0x30 ? 1 : 0;
  return ((header << shift) & 0x0c) === 0;
}

/** Skips the scalability structure; returns where it ends. */
export function vp9Structure(payload: i32, size: i32, start: i32): i32 {
  if (start >= size) return size;
  const flags = get8(payload + start);
  let at = start + 1;
  if ((flags & 0x10) !== 0) at += 4 * ((flags >> 5) + 1);
  if ((flags & 0x08) === 0) return at;
  if (at >= size) return size;
  let pictures: i32 = get8(payload + at);
  at += 1;
  while (pictures > 0 && at < size) {
    at += 1 + ((get8(payload + at) >> 2) & 3);
    pictures -= 1;
  }
  return at;
}

/** AV1 RTP §4.4: the N bit, or a sequence header as the first OBU. */
function av1(payload: i32, size: i32): bool {
  const aggregation = get8(payload);
  if ((aggregation & 0x08) !== 0) return true;
  if ((aggregation & 0x80) !== 0) return false;
  let at = 1;
  if ((aggregation & 0x30) !== 0x10) {
    while (at < size && at < 9 && (get8(payload + at) & 0x80) !== 0) at += 1;
    at += 1;
  }
  return at < size && ((get8(payload + at) >> 3) & 15) === 1;
}

/** RFC 2250 §3.4: a sequence header, or a picture of type I. */
export function mpeg12Video(payload: i32, size: i32): bool {
  return size > 4 && ((get8(payload + 2) & 0x20) !== 0 || (get8(payload + 2) & 7) === 1);
}

/** ISO 14496-2 §6.2.5: a video object plane with coding type I within the first bytes. */
export function mpeg4Video(payload: i32, size: i32): bool {
  const end = size < 512 ? size - 4 : 508;
  for (let i = 0; i < end; i++) {
    if (get8(payload + i) !== 0 || get8(payload + i + 1) !== 0 || get8(payload + i + 2) !== 1) continue;
    if (get8(payload + i + 3) === 0xb6) return get8(payload + i + 4) >> 6 === 0;
  }
  return false;
}
