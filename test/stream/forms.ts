import { FRAMING } from "../../assembly/abi.ts";
import type { StreamCursor } from "../../src/stream/cursor.ts";
import type { FormOptions, MuxedForm, MuxedOutput, RecordMuxer } from "../../src/stream/muxed-output.ts";
import { Outbox } from "../../src/stream/outbox.ts";
import type { OutputContext } from "../../src/stream/output.ts";
import type { RecordReader, RecordSink } from "../../src/stream/record-reader.ts";
import type { RecordWriter } from "../../src/stream/record-writer.ts";
import { LogCursor } from "../../wasm/cursor.ts";
import { RecordBatch } from "../../wasm/record-batch.ts";
import { concat } from "../wasm/twin/packet.ts";
import { FakeSink, type Scene } from "./scene.ts";

/** A record that somebody took. */
export interface Taken {
  readonly seq: number;
  readonly track: number;
  readonly isStart: boolean;
  readonly isEnd: boolean;
  readonly isRandomAccess: boolean;
  readonly bytes: Uint8Array;
}

/** Takes records one by one, as many as the test says. */
export class FakeTaker implements RecordSink {
  room = Number.POSITIVE_INFINITY;
  error: Error | undefined;
  readonly taken: Taken[] = [];
  readonly faults: string[] = [];
  readonly reader: RecordReader;
  readonly #scene: Scene;
  readonly #output: MuxedOutput;

  constructor(scene: Scene, output: MuxedOutput, options: Omit<FormOptions, "fault"> = {}) {
    this.#scene = scene;
    this.#output = output;
    this.reader = output.addRecordReader(this, {
      ...options,
      fault: ({ message }) => this.faults.push(message),
    });
  }

  send(records: RecordBatch, from: number, to: number): void {
    if (this.error !== undefined) throw this.error;
    if (to - from > this.room) throw new Error(`${to - from} records where ${this.room} fit`);
    this.room -= to - from;
    for (let row = from; row < to; row++) this.taken.push(copyOf(this.#scene, records, row));
  }

  drain(room: number): void {
    this.room = room;
    this.reader.drained(this.#scene.clock.now());
  }

  leave(): void {
    this.#output.remove(this.reader);
  }
}

export function copyOf(scene: Scene, records: RecordBatch, row: number): Taken {
  const at = records.at(row);
  return {
    seq: records.seq(row),
    track: records.track(row),
    isStart: records.isStart(row),
    isEnd: records.isEnd(row),
    isRandomAccess: records.isRandomAccess(row),
    bytes: scene.memory.u8.slice(at, at + records.size(row)),
  };
}

/** A reader over a stream of bytes. */
export class FormReader {
  readonly sink = new FakeSink();
  readonly outbox: Outbox;
  readonly cursor: StreamCursor;
  readonly faults: string[] = [];
  readonly #scene: Scene;
  readonly #output: MuxedOutput;

  constructor(scene: Scene, output: MuxedOutput, options: Omit<FormOptions, "fault"> = {}) {
    this.#scene = scene;
    this.#output = output;
    this.outbox = new Outbox(scene.memory, this.sink);
    this.cursor = output.addByteReader(this.outbox, {
      ...options,
      fault: ({ message }) => this.faults.push(message),
    });
  }

  drain(room: number): void {
    this.sink.room = room;
    this.outbox.drain();
    this.cursor.drained(this.#scene.clock.now());
  }

  leave(): void {
    this.#output.remove(this.cursor);
    this.outbox.close();
  }
}

/** Of `all`, the records that these bytes are, in order; fails when they are not. */
export function identify(bytes: Uint8Array, all: readonly Taken[]): Taken[] {
  const got: Taken[] = [];
  let next = 0;
  for (let at = 0; at < bytes.length; ) {
    const rest = bytes.subarray(at);
    const found = all.findIndex(({ bytes: record }, i) => i >= next && startsWith(rest, record));
    if (found < 0) throw new Error(`no record at ${at} of ${bytes.length}`);
    const record = all[found] as Taken;
    got.push(record);
    at += record.bytes.length;
    next = found + 1;
  }
  return got;
}

function startsWith(bytes: Uint8Array, start: Uint8Array): boolean {
  return bytes.length >= start.length && Buffer.compare(bytes.subarray(0, start.length), start) === 0;
}

/** The frames of a track. */
export function framesOf(records: readonly Taken[], track: number): Taken[][] {
  const frames: Taken[][] = [];
  for (const record of records) {
    if (record.track !== track) continue;
    if (record.isStart) frames.push([]);
    const last = frames.at(-1);
    if (last === undefined) throw new Error(`record ${record.seq} continues nothing`);
    last.push(record);
  }
  return frames;
}

/** Fails unless each frame of the video is there as a whole or not at all, and each gap ends at a random access point. */
export function checkVideo(got: readonly Taken[], all: readonly Taken[], track = 0): Taken[][] {
  const whole = framesOf(all, track);
  const frames = framesOf(got, track);
  let next: number | undefined;
  for (const frame of frames) {
    const at = whole.findIndex(([first]) => first?.seq === frame[0]?.seq);
    const [first] = frame as [Taken];
    if (frame.length !== whole[at]?.length) throw new Error(`frame ${at} has ${frame.length} records`);
    if (at !== next && !first.isRandomAccess) throw new Error(`frame ${at} comes where ${next} should`);
    next = at + 1;
  }
  return frames;
}

/** The bytes of records. */
export function bytesOf(records: readonly Taken[]): Uint8Array {
  return concat(records.map(({ bytes }) => bytes));
}

/** A form whose records are the packets of the log, without their framing, for readers of a scene's stream. */
export class PacketForm implements MuxedForm {
  readonly name = "packet output";
  readonly video = [true, false];
  /** Thrown by the next call of the muxer. */
  error: Error | undefined;
  /** Preamble that goes in front of the next packet. */
  preamble: Uint8Array | undefined;
  opened = 0;
  closed = 0;

  readonly open = (records: RecordWriter, context: OutputContext): RecordMuxer => {
    this.opened += 1;
    const { memory, log } = context;
    const cursor = LogCursor.open(memory, { log: log.address, tracks: 2, channels: [0, 2] })!;
    const batch = RecordBatch.open(memory, 64)!;
    return {
      get lag() {
        return cursor.lag;
      },
      mux: (now) => {
        if (this.error !== undefined) throw this.error;
        while (batch.gather(cursor, 64) > 0) {
          for (let row = 0; row < batch.length; row++) this.#append(records, context, batch, row, now);
        }
      },
      close: () => {
        this.closed += 1;
        batch.close();
        cursor.close();
      },
    };
  };

  #append(records: RecordWriter, context: OutputContext, batch: RecordBatch, row: number, now: number): void {
    const { log, memory, scratch } = context;
    if (this.preamble !== undefined) {
      memory.u8.set(this.preamble, scratch);
      records.preamble(scratch, this.preamble.length, now);
      this.preamble = undefined;
    }
    const track = batch.track(row);
    const isRandomAccess = log.tracks[track]?.randomAccessSeq === batch.seq(row) && track === 0;
    const isStart = batch.isStart(row) || track === 1;
    if (isStart) records.begin(track, isRandomAccess, batch.time(row), now);
    records.put(batch.at(row) + FRAMING, batch.size(row) - FRAMING, batch.isEnd(row) || track === 1);
  }
}
