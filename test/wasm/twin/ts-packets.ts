/** CRC-32/MPEG-2 (ISO/IEC 13818-1 annex A). */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte << 24;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000_0000) !== 0 ? (crc << 1) ^ 0x04c1_1db7 : crc << 1;
  }
  return crc >>> 0;
}

/** An elementary stream in a program map. */
export interface MapRow {
  readonly pid: number;
  readonly streamType: number;
  readonly descriptors?: readonly number[];
}

export interface MapOptions {
  readonly version?: number;
  /** Bytes of descriptors of the program. */
  readonly programInfo?: number;
}

export interface PesTimes {
  readonly pts?: number;
  readonly dts?: number;
  /** Whether its length is left open. */
  readonly isOpen?: boolean;
}

const PACKET = 188;
const WRAP = 2 ** 33;

/** Writes transport streams the slow way, packet by packet. */
export class PacketTwin {
  readonly #counters = new Map<number, number>();
  packets: Uint8Array[] = [];

  get bytes(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.packets));
  }

  /** Packets so far; they are forgotten. */
  take(): Uint8Array[] {
    return this.packets.splice(0);
  }

  /** A payload in packets of an identifier. */
  payload(pid: number, bytes: Uint8Array, flags = 0): void {
    for (let at = 0; at < bytes.length || at === 0; ) {
      const size = Math.min(PACKET - 4, bytes.length - at);
      const stuffing = PACKET - 4 - size;
      const counter = this.#counters.get(pid) ?? 0;
      this.#counters.set(pid, (counter + 1) & 15);
      const start = at === 0 ? 0x40 : 0;
      const header = [0x47, start | (pid >> 8), pid & 255, flags | (stuffing > 0 ? 0x30 : 0x10) | counter];
      const field = stuffing === 0 ? [] : stuffing === 1 ? [0] : [stuffing - 1, 0];
      const fill = new Uint8Array(Math.max(stuffing - 2, 0)).fill(0xff);
      this.packets.push(
        new Uint8Array(
          Buffer.concat([new Uint8Array([...header, ...field]), fill, bytes.subarray(at, at + size)]),
        ),
      );
      at += Math.max(size, 1);
    }
  }

  /** Nothing, or what looks like it. */
  empty(pid = 0x1fff): void {
    this.packets.push(
      new Uint8Array(PACKET).fill(0xff).map((_, i) => [0x47, pid >> 8, pid & 255, 0x10][i] ?? 0xff),
    );
  }

  /** Only an adaptation field, which says that the counter begins anew. */
  discontinuity(pid: number, next: number): void {
    this.#counters.set(pid, next);
    const packet = new Uint8Array(PACKET).fill(0xff);
    packet.set([0x47, pid >> 8, pid & 255, 0x20 | ((next - 1) & 15), 183, 0x80]);
    this.packets.push(packet);
  }

  section(pid: number, bytes: Uint8Array): void {
    this.payload(pid, new Uint8Array([0, ...bytes]));
  }

  association(programs: Readonly<Record<number, number>>, version = 0): void {
    this.section(0, associationSection(programs, version));
  }

  map(pid: number, program: number, rows: readonly MapRow[], options: MapOptions = {}): void {
    this.section(pid, mapSection(program, rows, options));
  }

  /** @param id stream identifier, such as 0xe0 */
  pes(pid: number, id: number, bytes: Uint8Array, { pts, dts, isOpen = false }: PesTimes = {}): void {
    const times = [
      ...(pts === undefined ? [] : stamp(dts === undefined ? 2 : 3, pts)),
      ...(dts === undefined ? [] : stamp(1, dts)),
    ];
    const flags = pts === undefined ? 0 : dts === undefined ? 0x80 : 0xc0;
    const size = 3 + times.length + bytes.length;
    const length = isOpen || size > 0xffff ? 0 : size;
    const head = [0, 0, 1, id, length >> 8, length & 255, 0x80, flags, times.length, ...times];
    this.payload(pid, new Uint8Array(Buffer.concat([new Uint8Array(head), bytes])));
  }
}

function section(table: number, id: number, version: number, content: readonly number[]): Uint8Array {
  const size = content.length + 9;
  const head = [table, 0xb0 | (size >> 8), size & 255, id >> 8, id & 255, 0xc1 | (version << 1), 0, 0];
  const bytes = new Uint8Array([...head, ...content, 0, 0, 0, 0]);
  new DataView(bytes.buffer).setUint32(bytes.length - 4, crc32(bytes.subarray(0, -4)));
  return bytes;
}

/** A program association: identifiers of the maps by number of the program. */
export function associationSection(programs: Readonly<Record<number, number>>, version = 0): Uint8Array {
  const content = Object.entries(programs).flatMap(([program, pid]) => [
    Number(program) >> 8,
    Number(program) & 255,
    0xe0 | (pid >> 8),
    pid & 255,
  ]);
  return section(0, 1, version, content);
}

/** A program map. */
export function mapSection(
  program: number,
  rows: readonly MapRow[],
  { version = 0, programInfo = 0 }: MapOptions = {},
): Uint8Array {
  const clock = rows[0]?.pid ?? 0x1fff;
  const info = new Array<number>(programInfo)
    .fill(0)
    .map((_, i) => (i === 0 ? 0x83 : i === 1 ? programInfo - 2 : 0x55));
  const content = [0xe0 | (clock >> 8), clock & 255, 0xf0 | (programInfo >> 8), programInfo & 255, ...info];
  for (const { pid: stream, streamType, descriptors = [] } of rows) {
    content.push(streamType, 0xe0 | (stream >> 8), stream & 255, 0xf0, descriptors.length, ...descriptors);
  }
  return section(2, program, version, content);
}

function stamp(mark: number, time: number): number[] {
  const value = ((time % WRAP) + WRAP) % WRAP;
  const high = Math.floor(value / 2 ** 30);
  const middle = Math.floor(value / 2 ** 15) & 0x7fff;
  const low = value & 0x7fff;
  return [
    (mark << 4) | (high << 1) | 1,
    middle >> 7,
    ((middle & 127) << 1) | 1,
    low >> 7,
    ((low & 127) << 1) | 1,
  ];
}
