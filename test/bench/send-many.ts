/**
 * A yardstick: sends the packets of one ingest connection to every reader by one `sendMany` per chunk that comes.
 * `bun send-many.ts`; like `relay send`, it prints its ports, and readers say theirs, u16, on their connections.
 */
const HEADER_BYTES = 4;
const ports: number[] = [];
const sockets = await Bun.udpSocket({ hostname: "127.0.0.1" });
let rest = Buffer.alloc(0);

function send(chunk: Buffer): void {
  const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
  const packets: Uint8Array[] = [];
  let at = 0;
  while (bytes.length - at >= HEADER_BYTES) {
    const size = bytes.readUInt16BE(at + 2);
    if (bytes.length - at < HEADER_BYTES + size) break;
    if (bytes[at + 1] === 0) packets.push(bytes.subarray(at + HEADER_BYTES, at + HEADER_BYTES + size));
    at += HEADER_BYTES + size;
  }
  const vector: (Uint8Array | number | string)[] = [];
  for (const port of ports) for (const packet of packets) vector.push(packet, port, "127.0.0.1");
  for (let sent = 0; sent * 3 < vector.length; ) {
    const count = sockets.sendMany(sent === 0 ? vector : vector.slice(sent * 3));
    sent += Math.max(count, 1); // one that is not taken is lost
  }
  rest = Buffer.from(bytes.subarray(at));
}

function listen(data: (chunk: Buffer) => void): number {
  return Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: (_, chunk) => data(chunk) } }).port;
}

const ingest = listen(send);
const readers = listen((chunk) => {
  ports.push(chunk.readUInt16LE(0));
});

export {};

console.log(`ingest ${ingest} readers ${readers}`);
