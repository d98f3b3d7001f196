import { TS_EVENT_SECTION, TS_SECTION_MAX, TS_SECTIONS_MAX } from "../abi";
import { crc32 } from "../crc32";
import { get8, get16, get32 } from "../wire";
import { TS_SECTION_DATA, TS_SECTION_DONE, TsDemux, TsSection } from "./demux-layout";

const STUFFING = 0xff;
/** Bytes of a section not counted by its length, and of the shortest one: header and CRC. */
const HEAD = 3;
const SHORTEST = 12;

/** Takes the payload of a packet with sections (ISO/IEC 13818-1 §2.4.4.2). */
export function sectionPayload(
  demux: TsDemux,
  section: TsSection,
  from: i32,
  size: i32,
  isStart: bool,
): void {
  if (!isStart) {
    if (section.fill >= 0) put(demux, section, from, size);
    return;
  }
  if (size === 0) return;
  const pointer = get8(from);
  if (pointer >= size) {
    demux.malformed += 1;
    section.fill = -1;
    return;
  }
  if (section.fill >= 0 && pointer > 0) put(demux, section, from + 1, pointer);
  section.fill = -1;
  let at = 1 + pointer;
  while (at < size && get8(from + at) !== STUFFING) {
    section.fill = 0;
    const taken = put(demux, section, from + at, size - at);
    if (section.fill >= 0) return;
    at += taken;
  }
}

/** Forgets the section in progress. */
export function sectionLose(section: TsSection): void {
  section.fill = -1;
}

/** Adds bytes to the section in progress, and enters it when it is whole. Returns bytes taken. */
function put(demux: TsDemux, section: TsSection, from: i32, size: i32): i32 {
  const bytes = changetype<i32>(section) + TS_SECTION_DATA;
  let taken = min(max(HEAD - section.fill, 0), size);
  memory.copy(bytes + section.fill, from, taken);
  section.fill += taken;
  if (section.fill < HEAD) return taken;
  const total = HEAD + (get16(bytes + 1) & 0xfff);
  if (total > TS_SECTION_MAX || total < SHORTEST) {
    demux.malformed += 1;
    section.fill = -1;
    return size;
  }
  const more = min(total - section.fill, size - taken);
  memory.copy(bytes + section.fill, from + taken, more);
  section.fill += more;
  taken += more;
  if (section.fill === total) {
    section.fill = -1;
    finish(demux, section, bytes, total);
  }
  return taken;
}

/** A complete section: it is used if it is current and its CRC is correct. */
function finish(demux: TsDemux, section: TsSection, bytes: i32, size: i32): void {
  if ((get8(bytes + 1) & 0x80) === 0 || (get8(bytes + 5) & 1) === 0) return;
  if (crc32(bytes, size) !== 0) {
    demux.malformed += 1;
    return;
  }
  const check = get32(bytes + size - 4);
  if (section.quiet !== 0 && check === section.check) return;
  if (section.done + size > TS_SECTIONS_MAX) return;
  section.check = check;
  memory.copy(changetype<i32>(section) + TS_SECTION_DONE + section.done, bytes, size);
  section.done += size;
  demux.events |= TS_EVENT_SECTION;
}
