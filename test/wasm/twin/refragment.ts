import { KIND_H264 } from "../../../assembly/abi.ts";
import { concat, type RtpPacket } from "./packet.ts";

/** A payload that is to become a packet; the marker goes to the last one. */
export interface Piece {
  readonly payload: Uint8Array;
  readonly last: boolean;
}

/** Cuts the payload of an H264 or H265 packet into payloads that fit into packets of `maxPacket` bytes. */
export function refragment(packet: RtpPacket, size: number, kind: number, maxPacket: number): Piece[] {
  const payload = packet.bytes.subarray(packet.header, size);
  const head = kind === KIND_H264 ? 1 : 2;
  if (payload.length <= head) return [];
  const type = typeOf(payload, kind);
  const room = maxPacket - 12;
  if (type === (kind === KIND_H264 ? 28 : 49)) {
    if (payload.length <= head + 1) return [];
    const bits = payload[head] as number;
    const prefix = Uint8Array.from([...payload.subarray(0, head), bits & (kind === KIND_H264 ? 31 : 63)]);
    const data = payload.subarray(head + 1);
    return pieces(prefix, data, { room, starts: (bits & 128) !== 0, ends: (bits & 64) !== 0, last: true });
  }
  if (type !== (kind === KIND_H264 ? 24 : 48)) return cutUnit(payload, kind, room, true);
  const units: Uint8Array[] = [];
  for (let at = head; at + 2 < payload.length; ) {
    const end = at + 2 + (((payload[at] as number) << 8) | (payload[at + 1] as number));
    if (end > payload.length) break;
    if (end - at - 2 > head) units.push(payload.subarray(at + 2, end));
    at = end;
  }
  return units.flatMap((unit, i) => cutUnit(unit, kind, room, i === units.length - 1));
}

function typeOf(unit: Uint8Array, kind: number): number {
  const first = unit[0] as number;
  return kind === KIND_H264 ? first & 31 : (first >> 1) & 63;
}

function cutUnit(unit: Uint8Array, kind: number, room: number, last: boolean): Piece[] {
  if (unit.length <= room) return [{ payload: unit, last }];
  const [first = 0, second = 0] = unit;
  const type = typeOf(unit, kind);
  const prefix =
    kind === KIND_H264 ? [(first & 0xe0) | 28, type] : [(first & 0x81) | (49 << 1), second, type];
  const data = unit.subarray(prefix.length - 1);
  return pieces(Uint8Array.from(prefix), data, { room, starts: true, ends: true, last });
}

interface Cut {
  readonly room: number;
  readonly starts: boolean;
  readonly ends: boolean;
  readonly last: boolean;
}

function pieces(prefix: Uint8Array, data: Uint8Array, { room, starts, ends, last }: Cut): Piece[] {
  const most = room - prefix.length;
  const count = Math.ceil(data.length / most);
  return Array.from({ length: count }, (_, i) => {
    const header = prefix.slice();
    const bits = (i === 0 && starts ? 128 : 0) | (i === count - 1 && ends ? 64 : 0);
    header[header.length - 1] = (header.at(-1) as number) | bits;
    const payload = concat([header, data.subarray(i * most, (i + 1) * most)]);
    return { payload, last: last && i === count - 1 };
  });
}
