import { concat } from "./packet.ts";

/** The NAL units of an access unit that packets can carry. */
function nalUnits(unit: Uint8Array, isH265: boolean): Uint8Array[] {
  const units: Uint8Array[] = [];
  const view = new DataView(unit.buffer, unit.byteOffset, unit.length);
  for (let at = 0; at + 4 < unit.length; ) {
    const size = Math.min(view.getUint32(at), unit.length - at - 4);
    const nal = unit.subarray(at + 4, at + 4 + size);
    at += 4 + size;
    if (isH265 ? nal.length >= 2 && (nal[0]! & 0x7e) < 96 : isH264Type(nal)) units.push(nal);
  }
  return units;
}

function isH264Type(nal: Uint8Array): boolean {
  const type = (nal[0] ?? 0) % 32;
  return type >= 1 && type <= 23;
}

/** RFC 6184 §5 (single NAL units, STAP-A, FU-A), RFC 7798 §4.4 (single NAL units, AP, FU). */
export function packetizeNal(unit: Uint8Array, room: number, isH265: boolean): Uint8Array[] {
  const nals = nalUnits(unit, isH265);
  const payloads: Uint8Array[] = [];
  while (nals.length > 0) {
    const run: Uint8Array[] = [];
    let total = isH265 ? 2 : 1;
    while (nals.length > 0 && total + 2 + nals[0]!.length <= room) {
      total += 2 + nals[0]!.length;
      run.push(nals.shift()!);
    }
    if (run.length > 1) payloads.push(aggregate(run, isH265));
    else {
      const nal = run[0] ?? nals.shift()!;
      if (nal.length <= room) payloads.push(nal);
      else payloads.push(...fragments(nal, room, isH265));
    }
  }
  return payloads;
}

function aggregate(run: readonly Uint8Array[], isH265: boolean): Uint8Array {
  const body = run.flatMap((nal) => [new Uint8Array([nal.length >> 8, nal.length & 255]), nal]);
  if (isH265) {
    const lowest = Math.min(...run.map((nal) => ((nal[0]! & 1) << 8) | nal[1]!));
    return concat([new Uint8Array([96 | (lowest >> 8), lowest & 255]), ...body]);
  }
  const forbidden = run.some((nal) => nal[0]! >= 128) ? 128 : 0;
  const importance = Math.max(...run.map((nal) => nal[0]! & 0x60));
  return concat([new Uint8Array([forbidden | importance | 24]), ...body]);
}

function fragments(nal: Uint8Array, room: number, isH265: boolean): Uint8Array[] {
  const head = isH265 ? 2 : 1;
  const size = room - head - 1;
  const count = Math.ceil((nal.length - head) / size);
  return Array.from({ length: count }, (_, i) => {
    const flags = (i === 0 ? 128 : 0) + (i === count - 1 ? 64 : 0);
    const part = nal.subarray(head + i * size, head + (i + 1) * size);
    const [first = 0, second = 0] = nal;
    const header = isH265
      ? [(first & 0x81) | 98, second, flags + ((first >> 1) & 63)]
      : [(first & 0xe0) | 28, flags + (first & 31)];
    return concat([new Uint8Array(header), part]);
  });
}
