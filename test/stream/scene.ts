import { KIND_H264, KIND_PACKET } from "../../assembly/abi.ts";
import { unitFormat } from "../../src/formats/rtp/unit-formats.ts";
import { errorText } from "../../src/lib/errors.ts";
import type { StreamCursor } from "../../src/stream/cursor.ts";
import { FlushQueue } from "../../src/stream/flush.ts";
import { InterleavedOutput } from "../../src/stream/interleaved-output.ts";
import { type ByteSink, Outbox } from "../../src/stream/outbox.ts";
import type { TrackChannels } from "../../src/stream/sender-reports.ts";
import { Stream } from "../../src/stream/stream.ts";
import type { MediaMemory } from "../../wasm/core.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { loadBuild } from "../wasm/builds.ts";
import { checkReturned } from "../wasm/compare.ts";
import { concat, type RtpPacket, readRtp, writeFrame, writeRtp } from "../wasm/twin/packet.ts";

/** A socket with as much room as the test says. */
export class FakeSink implements ByteSink {
  room = Number.POSITIVE_INFINITY;
  closed = false;
  /** Thrown by the next write. */
  error: Error | undefined;
  writes = 0;
  readonly #chunks: Uint8Array[] = [];

  write(bytes: Uint8Array, offset: number, length: number): number {
    if (this.error !== undefined) throw this.error;
    if (this.closed) return -1;
    this.writes += 1;
    const taken = Math.min(length, this.room);
    this.room -= taken;
    this.#chunks.push(bytes.slice(offset, offset + taken));
    return taken;
  }

  /** All it took. */
  get bytes(): Uint8Array {
    return concat(this.#chunks);
  }

  /** The interleaved frames it took; the last one may not be whole. */
  get frames(): Frame[] {
    const { bytes } = this;
    const frames: Frame[] = [];
    for (let at = 0; at + 4 <= bytes.length; ) {
      if (bytes[at] !== 0x24) throw new Error(`no interleaved frame at ${at}`);
      const end = at + 4 + (((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number));
      if (end > bytes.length) break;
      frames.push({ channel: bytes[at + 1] as number, packet: bytes.slice(at + 4, end) });
      at = end;
    }
    return frames;
  }

  /** The RTP packets on a channel. */
  packets(channel: number): RtpPacket[] {
    const packets = this.frames.filter((frame) => frame.channel === channel);
    return packets.map(({ packet }) => readRtp(packet) as RtpPacket);
  }
}

export interface Frame {
  readonly channel: number;
  readonly packet: Uint8Array;
}

/** Someone who reads. */
export interface SceneReader {
  readonly output: InterleavedOutput;
  readonly sink: FakeSink;
  readonly outbox: Outbox;
  readonly cursor: StreamCursor;
  readonly faults: Error[];
}

const KINDS = [
  { kinds: new Map([[96, KIND_H264]]), clockRate: 90_000, paramsKnown: 0 },
  { kinds: new Map([[97, KIND_PACKET]]), clockRate: 48_000, paramsKnown: 0 },
];

const TRACKS = [
  { media: "video", mid: undefined, formats: [unitFormat({ codec: "h264" }, 0)] },
  { media: "audio", mid: undefined, formats: [unitFormat({ codec: "opus", channels: 2 }, 1)] },
];

/** Channels of a reader with both tracks where everybody has them. */
export const USUAL: readonly TrackChannels[] = [
  { rtp: 0, rtcp: 1 },
  { rtp: 2, rtcp: 3 },
];

/** A stream of pictures (track 0) and sound (track 1) with its clock, its readers and a publisher's hand. */
export class Scene {
  readonly memory: MediaMemory;
  readonly clock = new FakeClock();
  readonly flushes: FlushQueue;
  readonly stream: Stream;
  readonly #readers = new Set<SceneReader>();
  /** Errors of ours that were reported: what, and where. */
  readonly reported: string[] = [];
  readonly #seqs = [65_500, 7];
  /** What was published, framed as readers on the usual channels get it. */
  readonly published: Uint8Array[] = [];
  #pictures = 0;

  constructor(blocks = 256, lagPackets = 64) {
    this.memory = loadBuild("release", blocks);
    const { clock, memory } = this;
    const fault = (error: unknown, where: string) => this.reported.push(`${where}: ${errorText(error)}`);
    this.flushes = new FlushQueue({ clock, memory, fault });
    this.stream = this.another(lagPackets);
    for (const track of [0, 1]) {
      this.stream.log.mapChannel(2 * track, track, false);
      this.stream.log.mapChannel(2 * track + 1, track, true);
    }
  }

  /** A stream beside. */
  another(lagPackets = 64): Stream {
    const { memory, clock, flushes } = this;
    const description = { title: "", tracks: TRACKS, fecGroups: [] };
    return new Stream({
      memory,
      clock,
      flushes,
      description,
      log: { tracks: KINDS, lagPackets, maxPacket: 1_460 },
    });
  }

  get readers(): ReadonlySet<SceneReader> {
    return this.#readers;
  }

  /** Sends a packet of a track with the next sequence number. */
  packet(track: number, time: number, payload: Uint8Array, marker = true): void {
    const seq = (this.#seqs[track] as number) & 0xffff;
    this.#seqs[track] = seq + 1;
    const fields = { payloadType: 96 + track, marker, seq, time: time >>> 0, ssrc: 100 + track };
    this.send(writeFrame(2 * track, writeRtp(fields, payload)));
  }

  /** Sends bytes as the publisher's. */
  send(bytes: Uint8Array): void {
    this.published.push(bytes);
    if (this.stream.receive(bytes, 0) !== bytes.length) throw new Error("the stream did not take all");
  }

  /** Sends a picture in `packets` packets of `size` bytes; every tenth one is a key frame. */
  picture(packets = 4, size = 1_000): void {
    const number = this.#pictures++;
    const time = number * 3_000;
    if (number % 10 === 0) {
      this.packet(0, time, Uint8Array.from([0x67, 1, 2, 3]), false);
      this.packet(0, time, Uint8Array.from([0x68, 4]), false);
    }
    for (let i = 0; i < packets; i++) {
      const payload = new Uint8Array(size).fill(number);
      payload[0] = number % 10 === 0 ? 0x65 : 0x41;
      this.packet(0, time, payload, i === packets - 1);
    }
  }

  /** Sends a frame of sound. */
  sound(number: number): void {
    this.packet(1, number * 960, new Uint8Array(100).fill(number));
  }

  /** Someone who reads from now on. */
  read(channels: readonly (TrackChannels | undefined)[] = USUAL): SceneReader {
    const sink = new FakeSink();
    const outbox = new Outbox(this.memory, sink);
    const faults: Error[] = [];
    const output = InterleavedOutput.of(this.stream);
    const cursor = output.add(outbox, channels, (error) => faults.push(error));
    const reader = { output, sink, outbox, cursor, faults };
    this.#readers.add(reader);
    cursor.pump(this.clock.now());
    return reader;
  }

  /** Gives a reader's socket room, as the system announces it. */
  drain(reader: SceneReader, room: number): void {
    reader.sink.room = room;
    reader.outbox.drain();
    reader.cursor.drained(this.clock.now());
  }

  leave(reader: SceneReader): void {
    this.#readers.delete(reader);
    reader.output.remove(reader.cursor);
    reader.outbox.close();
  }

  /** Ends everything; fails when something was kept. */
  close(): void {
    for (const reader of [...this.#readers]) this.leave(reader);
    this.stream.close();
    this.flushes.close();
    checkReturned(this.memory);
  }
}

/** What a reader got without reports and responses. */
export function mediaOf({ sink }: SceneReader): Uint8Array {
  const media = sink.frames.filter(({ channel }) => channel === 0 || channel === 2);
  return concat(
    media.flatMap(({ channel, packet }) => [
      Uint8Array.from([0x24, channel, packet.length >> 8, packet.length & 255]),
      packet,
    ]),
  );
}

/** Bytes of RTP and RTCP it got, without framing and responses (which the tests send on channel 9). */
export function payloadBytes({ sink }: SceneReader): number {
  return sink.frames.reduce((sum, { channel, packet }) => (channel === 9 ? sum : sum + packet.length), 0);
}

/** The frames that make up pictures: the payloads of each, in order. */
export function picturesOf(packets: readonly RtpPacket[]): RtpPacket[][] {
  const pictures: RtpPacket[][] = [];
  for (const packet of packets) {
    const last = pictures.at(-1);
    if (last !== undefined && last[0]?.time === packet.time) last.push(packet);
    else pictures.push([packet]);
  }
  return pictures;
}
