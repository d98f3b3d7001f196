import { concat } from "../../wasm/twin/packet.ts";

/** A frame of a client (RFC 6455 §5.2), written the slow way. */
export function maskedFrame(opcode: number, payload: Uint8Array, isLast = true): Uint8Array {
  const { length } = payload;
  const mask = [0x37, 0xfa, 0x21, length & 255];
  const size =
    length < 126
      ? [0x80 | length]
      : length < 65_536
        ? [0x80 | 126, length >> 8, length & 255]
        : [
            0x80 | 127,
            0,
            0,
            0,
            0,
            (length >> 24) & 255,
            (length >> 16) & 255,
            (length >> 8) & 255,
            length & 255,
          ];
  const head = Uint8Array.from([(isLast ? 0x80 : 0) | opcode, ...size, ...mask]);
  return concat([head, payload.map((byte, i) => byte ^ (mask[i & 3] as number))]);
}

/** A frame of a server, with a payload of at most 125 bytes. */
export function plainFrame(opcode: number, payload: Uint8Array): Uint8Array {
  return concat([Uint8Array.from([0x80 | opcode, payload.length]), payload]);
}

/** Payloads of the frames that a server sent, joined; opcodes of all frames. */
export function unframe(bytes: Uint8Array): { opcodes: number[]; payload: Uint8Array } {
  const opcodes: number[] = [];
  const payloads: Uint8Array[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at < bytes.length; ) {
    const opcode = view.getUint8(at) & 15;
    const length = view.getUint8(at + 1);
    const [size, header] =
      length < 126
        ? [length, 2]
        : length === 126
          ? [view.getUint16(at + 2), 4]
          : [Number(view.getBigUint64(at + 2)), 10];
    opcodes.push(opcode);
    if (opcode < 8) payloads.push(bytes.subarray(at + header, at + header + size));
    at += header + size;
  }
  return { opcodes, payload: concat(payloads) };
}
