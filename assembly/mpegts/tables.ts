import { crc32 } from "../crc32";
import { UnitTrack } from "../units/layout";
import { unitPut } from "../units/log";
import { get8, put8, put16, put32 } from "../wire";
import { TS_PACKET_BYTES, TS_SCRATCH, TsMux, tsTrack } from "./layout";

const PMT_PID = 0x1000;

/** Writes the program association and the program map (ISO/IEC 13818-1 §2.4.4), a packet each. */
export function writeTables(mux: TsMux): void {
  const packet = changetype<i32>(mux) + TS_SCRATCH;
  const section = packet + 5;
  begin(packet, 0, mux.patCounter++);
  sectionHead(section, 0x00, 13);
  put16(section + 8, 1);
  put16(section + 10, 0xe000 | PMT_PID);
  finish(mux, section, 12);
  begin(packet, PMT_PID, mux.pmtCounter++);
  let at = section + 12;
  let clockPid = 0x1fff;
  for (let i = 0; i < mux.tracks; i++) {
    const track = tsTrack(changetype<i32>(mux), i);
    if (track.clock !== 0) clockPid = track.pid;
    const descriptors = track.mapSize - 1;
    put8(at, get8(track.map));
    put16(at + 1, 0xe000 | track.pid);
    put16(at + 3, 0xf000 | descriptors);
    memory.copy(at + 5, track.map + 1, descriptors);
    at += 5 + descriptors;
  }
  sectionHead(section, 0x02, at - section + 1);
  put16(section + 8, 0xe000 | clockPid);
  put16(section + 10, 0xf000);
  finish(mux, section, at - section);
}

/** A packet of stuffing that begins a section. */
function begin(packet: i32, pid: i32, counter: i32): void {
  memory.fill(packet, 0xff, TS_PACKET_BYTES);
  put8(packet, 0x47);
  put16(packet + 1, 0x4000 | pid);
  put8(packet + 3, 0x10 | (counter & 15));
  put8(packet + 4, 0);
}

/** @param length bytes behind the length field, CRC included */
function sectionHead(section: i32, table: i32, length: i32): void {
  put8(section, table);
  put16(section + 1, 0xb000 | length);
  put16(section + 3, 1);
  put8(section + 5, 0xc1);
  put16(section + 6, 0);
}

function finish(mux: TsMux, section: i32, size: i32): void {
  put32(section + size, crc32(section, size));
  unitPut(changetype<UnitTrack>(mux.out), changetype<i32>(mux) + TS_SCRATCH, TS_PACKET_BYTES);
}
