import {
  UNITS_AC3,
  UNITS_AV1,
  UNITS_FRAMES,
  UNITS_GENERIC,
  UNITS_H264,
  UNITS_H265,
  UNITS_MPEG4_VIDEO,
  UNITS_MPEG12_AUDIO,
  UNITS_MPEG12_VIDEO,
  UNITS_SAMPLES,
  UNITS_VP8,
  UNITS_VP9,
} from "../../../assembly/abi.ts";
import { concat } from "./packet.ts";
import { packetizeAv1, packetizeVp8, packetizeVp9 } from "./packetizer-av1-vp.ts";
import { packetizeMpeg12 } from "./packetizer-mpeg-video.ts";
import { packetizeNal } from "./packetizer-nal.ts";

/** A unit to be packetized. */
export interface TwinUnit {
  readonly bytes: Uint8Array;
  readonly isKey: boolean;
  readonly pts: number;
  readonly dts: number;
}

/** A packet that must come out. */
export interface TwinPacket {
  readonly payload: Uint8Array;
  readonly marker: boolean;
  /** Ticks, 32 bits. */
  readonly time: number;
}

/** What the packetizer knows of a track. */
export interface TwinTrack {
  readonly format: number;
  /** Bytes of payload of a packet. */
  readonly room: number;
  readonly frameTicks: number;
  readonly sampleBytes: number;
}

/** Payloads of one unit; the last one gets the marker. */
type Payloads = (unit: TwinUnit, room: number, picture: number) => Uint8Array[];

const VIDEO: ReadonlyMap<number, Payloads> = new Map<number, Payloads>([
  [UNITS_H264, ({ bytes }, room) => packetizeNal(bytes, room, false)],
  [UNITS_H265, ({ bytes }, room) => packetizeNal(bytes, room, true)],
  [UNITS_AV1, ({ bytes, isKey }, room) => packetizeAv1(bytes, room, isKey)],
  [UNITS_VP8, ({ bytes }, room, picture) => packetizeVp8(bytes, room, picture)],
  [UNITS_VP9, ({ bytes, isKey }, room, picture) => packetizeVp9(bytes, room, { picture, isKey })],
  [UNITS_MPEG12_VIDEO, ({ bytes }, room) => packetizeMpeg12(bytes, room)],
  [UNITS_MPEG4_VIDEO, ({ bytes }, room) => pieces(bytes, room)],
]);

/** What the core must make of the units of a track that come at one time, in order; slow and plain. */
export function packetizeTwin(units: readonly TwinUnit[], track: TwinTrack, picture: number): TwinPacket[] {
  const { format, room } = track;
  const video = VIDEO.get(format);
  if (video !== undefined) {
    return units.flatMap((unit, i) => {
      const payloads = video(unit, room, (picture + i) & 0x7fff);
      return payloads.map((payload, j) => packet(unit.pts, payload, j === payloads.length - 1));
    });
  }
  if (format === UNITS_GENERIC) return packetizeAac(units, track);
  return units.flatMap((unit) => packetizeAudio(unit, track));
}

function packet(pts: number, payload: Uint8Array, marker: boolean): TwinPacket {
  const time = Number(BigInt.asUintN(32, BigInt(Math.floor(pts + 0.5))));
  return { payload, marker, time };
}

/** Consecutive pieces of at most `size` bytes. */
export function pieces(bytes: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
    bytes.subarray(i * size, (i + 1) * size),
  );
}

function packetizeAac(units: readonly TwinUnit[], { room, frameTicks }: TwinTrack): TwinPacket[] {
  const packets: TwinPacket[] = [];
  const header = (sizes: readonly number[]) =>
    new Uint8Array([0, 16 * sizes.length, ...sizes.flatMap((size) => [(size * 8) >> 8, (size * 8) & 255])]);
  for (let i = 0; i < units.length; ) {
    const first = units[i]!;
    const { length } = first.bytes;
    if (length > room - 4) {
      const parts = length > 8_191 ? [] : pieces(first.bytes, room - 4);
      parts.forEach((part, j) => {
        const payload = concat([header([length]), part]);
        packets.push(packet(first.pts, payload, j === parts.length - 1));
      });
      i += 1;
      continue;
    }
    let count = 1;
    let total = 4 + length;
    for (; count < 8 && i + count < units.length; count++) {
      const next = units[i + count]!;
      total += 2 + next.bytes.length;
      if (total > room || Math.abs(next.dts - first.dts - count * frameTicks) > 1) break;
    }
    const run = units.slice(i, i + count).map(({ bytes }) => bytes);
    packets.push(packet(first.pts, concat([header(run.map((each) => each.length)), ...run]), true));
    i += count;
  }
  return packets;
}

function packetizeAudio({ bytes, pts }: TwinUnit, { format, room, sampleBytes }: TwinTrack): TwinPacket[] {
  if (format === UNITS_FRAMES) return bytes.length > room ? [] : [packet(pts, bytes, false)];
  if (format === UNITS_MPEG12_AUDIO) {
    if (bytes.length > 65_535) return [];
    return pieces(bytes, room - 4).map((part, i) => {
      const offset = i * (room - 4);
      return packet(pts, concat([new Uint8Array([0, 0, offset >> 8, offset & 255]), part]), false);
    });
  }
  if (format === UNITS_AC3) {
    const parts = pieces(bytes, room - 2);
    if (parts.length > 255) return [];
    return parts.map((part, i) => {
      const first = part.length >= (bytes.length * 5) / 8 ? 1 : 2;
      const type = parts.length === 1 ? 0 : i === 0 ? first : 3;
      return packet(pts, concat([new Uint8Array([type, parts.length]), part]), i === parts.length - 1);
    });
  }
  if (format !== UNITS_SAMPLES) throw new Error(`format ${format}`);
  const perPacket = Math.floor(room / sampleBytes);
  return pieces(bytes, perPacket * sampleBytes).map((part, i) => packet(pts + i * perPacket, part, false));
}
