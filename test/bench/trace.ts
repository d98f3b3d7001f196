import { closeSync, openSync, readSync, writeFileSync } from "node:fs";

/** How a stretch of the server's writes looked. */
export interface Trace {
  /** Writes to readers. */
  readonly writes: number;
  readonly bytes: number;
  readonly seconds: number;
}

interface Write {
  readonly timeNs: bigint;
  readonly fd: number;
  readonly size: number;
}

const HEADER = 16;
const RECORD = 16;
/** Writes closer than this are one flush: the yardstick does not sleep between them. */
const FLUSH_GAP_NS = 200_000n;

/** How many writes `trace.so` has recorded so far. */
export function countRecords(file: string): number {
  const header = readPart(file, 0, HEADER);
  const capacity = header.readBigUInt64LE(0);
  const count = header.readBigUInt64LE(8);
  if (count > capacity) throw new Error(`trace is full: ${count} writes`);
  return Number(count);
}

/**
 * Turns the recorded writes `from`..`to` into the work of `relay replay`, written to `target`. The descriptors that got
 * most bytes are the readers.
 *
 * @throws {Error} if fewer than `readers` descriptors were written to
 */
export function convertTrace(
  source: string,
  target: string,
  { from, to, readers }: { readonly from: number; readonly to: number; readonly readers: number },
): Trace {
  const writes = readWrites(source, from, to);
  const indexes = findReaders(writes, readers);
  const first = writes[0]?.timeNs ?? 0n;
  const last = writes.at(-1)?.timeNs ?? 0n;
  const entries: number[] = [];
  let flushNs = first;
  let beforeNs = first;
  let bytes = 0;
  for (const { timeNs, fd, size } of writes) {
    if (timeNs - beforeNs > FLUSH_GAP_NS) flushNs = timeNs;
    beforeNs = timeNs;
    const reader = indexes.get(fd);
    if (reader === undefined) continue;
    entries.push(Number((flushNs - first) / 1_000n), reader, size);
    bytes += size;
  }
  const count = entries.length / 3;
  const periodUs = Number((last - first) / 1_000n) + 1;
  writeEntries(target, periodUs, entries);
  return { writes: count, bytes, seconds: periodUs / 1e6 };
}

function writeEntries(target: string, periodUs: number, entries: readonly number[]): void {
  const file = new Uint32Array(2 + entries.length);
  file[0] = periodUs;
  file[1] = entries.length / 3;
  file.set(entries, 2);
  writeFileSync(target, file);
}

function readWrites(source: string, from: number, to: number): Write[] {
  const data = readPart(source, HEADER + from * RECORD, (to - from) * RECORD);
  const writes: Write[] = [];
  for (let at = 0; at < data.length; at += RECORD) {
    const size = data.readInt32LE(at + 12);
    if (size > 0) writes.push({ timeNs: data.readBigUInt64LE(at), fd: data.readInt32LE(at + 8), size });
  }
  return writes.sort((a, b) => Number(a.timeNs - b.timeNs));
}

function findReaders(writes: readonly Write[], readers: number): Map<number, number> {
  const bytes = new Map<number, number>();
  for (const { fd, size } of writes) bytes.set(fd, (bytes.get(fd) ?? 0) + size);
  if (bytes.size < readers) throw new Error(`trace shows ${bytes.size} of ${readers} readers`);
  const most = [...bytes].sort((a, b) => b[1] - a[1]).slice(0, readers);
  return new Map(most.map(([fd], index) => [fd, index]));
}

function readPart(file: string, offset: number, size: number): Buffer {
  const fd = openSync(file, "r");
  const data = Buffer.alloc(size);
  const got = readSync(fd, data, 0, size, offset);
  closeSync(fd);
  return data.subarray(0, got);
}
