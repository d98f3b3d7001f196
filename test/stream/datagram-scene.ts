import { BATCH_MESSAGE_STRIDE } from "../../assembly/abi.ts";
import { DatagramSockets } from "../../src/host/datagram-sockets.ts";
import type { SocketCalls } from "../../src/host/sockets-libc.ts";
import type { UdpSocket } from "../../src/host/udp.ts";
import { DatagramOutput, DatagramReader } from "../../src/stream/datagram-output.ts";
import type { MediaMemory } from "../../wasm/core.ts";
import type { FakeClock } from "../support/fake-clock.ts";
import { readRtp } from "../wasm/twin/packet.ts";
import { Scene } from "./scene.ts";

/** Error numbers of Linux. */
export const EAGAIN = 11;
export const ECONNREFUSED = 111;

/** The system's side of a socket: it has as much room as the test says, and cuts segmented messages as Linux does. */
export class FakeKernel implements SocketCalls {
  /** Messages that fit; waiting brings `drained` more. */
  room = Number.POSITIVE_INFINITY;
  drained = 0;
  /** Error of messages to a port. */
  readonly refuses = new Map<number, number>();
  /** Packets that came to each port, whole. */
  readonly received = new Map<number, Uint8Array[]>();
  /** Messages of each call that took some. */
  readonly calls: number[] = [];
  /** How long it was waited for, ms. */
  waited = 0;
  readonly #memory: MediaMemory;
  readonly #clock: FakeClock;

  constructor(memory: MediaMemory, clock: FakeClock) {
    this.#memory = memory;
    this.#clock = clock;
  }

  /** Media memory begins at 0 of this process. */
  addressOf(): number {
    return 0;
  }

  sendMessages(_: number, address: number, count: number): number {
    let sent = 0;
    let error = 0;
    for (; sent < count && error === 0; sent += error === 0 ? 1 : 0) {
      error = this.#take(address + sent * BATCH_MESSAGE_STRIDE);
    }
    if (sent > 0) this.calls.push(sent);
    return sent > 0 ? sent : -error;
  }

  /** One `mmsghdr` of a 64-bit Linux: name, vectors, control message. @returns an error number, or 0 */
  #take(message: number): number {
    const word = (at: number) => this.#memory.u32[at >> 2] as number;
    if (this.room < 1) return EAGAIN;
    const name = word(message);
    const port = ((this.#memory.u8[name + 2] as number) << 8) | (this.#memory.u8[name + 3] as number);
    const refusal = this.refuses.get(port);
    if (refusal !== undefined) return refusal;
    this.room -= 1;
    const vectors = Array.from({ length: word(message + 24) }, (_, i) => word(message + 16) + 16 * i);
    const data = vectors.map((at) => this.#memory.u8.subarray(word(at), word(at) + word(at + 8)));
    const bytes = new Uint8Array(Buffer.concat(data));
    const control = word(message + 32);
    const size = control === 0 ? bytes.length : word(control + 16) & 0xffff;
    const packets = this.#of(port);
    for (let at = 0; at < bytes.length; at += size) packets.push(bytes.slice(at, at + size));
    return 0;
  }

  #of(port: number): Uint8Array[] {
    const packets = this.received.get(port) ?? [];
    this.received.set(port, packets);
    return packets;
  }

  /** Time passes, and the network takes something. */
  waitWritable(_: number, ms: number): void {
    this.waited += ms;
    this.#clock.stall(ms);
    this.room += this.drained;
  }

  setOption(): boolean {
    return true;
  }

  getOption(): undefined {
    return undefined;
  }

  /** Track (by payload type) and sequence number of what came to a port. */
  packets(port: number): readonly string[] {
    return (this.received.get(port) ?? []).map((bytes) => {
      const { payloadType, seq } = readRtp(bytes)!;
      return `${payloadType - 96}/${seq}`;
    });
  }
}

/** A socket of the runtime; what it sends is kept by port. */
export class FakeUdp implements UdpSocket {
  readonly port = 8_000;
  readonly address = ":8000";
  readonly ipv6 = false;
  readonly descriptor: number | undefined;
  readonly receiveBuffer = undefined;
  readonly sent = new Map<number, Uint8Array[]>();

  constructor(descriptor?: number) {
    this.descriptor = descriptor;
  }

  peer(address: string): string {
    return address;
  }

  send(bytes: Uint8Array, port: number): void {
    this.sendMany([bytes, port, ""]);
  }

  sendMany(parts: readonly (Uint8Array | number | string)[]): void {
    for (let i = 0; i < parts.length; i += 3) {
      const port = parts[i + 1] as number;
      this.sent.set(port, [...(this.sent.get(port) ?? []), (parts[i] as Uint8Array).slice()]);
    }
  }

  joinGroup(): void {}

  close(): void {}
}

/** A stream of pictures and sound with readers in datagrams, all behind one pair of sockets. */
export class DatagramScene implements Disposable {
  readonly scene: Scene;
  readonly kernel: FakeKernel;
  readonly rtp: FakeUdp;
  readonly rtcp = new FakeUdp();
  readonly sockets: DatagramSockets;
  readonly output: DatagramOutput;
  readonly faults: string[] = [];
  readonly #readers = new Set<DatagramReader>();

  /** @param isPlain whether the system's calls are not to be had */
  constructor(isPlain = false) {
    this.scene = new Scene(512);
    const { memory, clock, stream } = this.scene;
    this.kernel = new FakeKernel(memory, clock);
    this.rtp = new FakeUdp(isPlain ? undefined : 3);
    this.sockets = new DatagramSockets(memory, this.rtp, this.rtcp, isPlain ? undefined : this.kernel);
    this.output = DatagramOutput.of(stream, this.sockets);
  }

  /** Somebody who reads tracks at a port, RTCP at the next one. */
  read(port: number, tracks: readonly number[] = [0, 1]): DatagramReader {
    const at = (shift: number) => ({ address: "127.0.0.1", port: port + shift });
    const pairs = [0, 1].map((track) => (tracks.includes(track) ? { rtp: at(0), rtcp: at(1) } : undefined));
    const reader = new DatagramReader(this.scene.stream.context, pairs, ({ message }) => {
      this.faults.push(message);
    });
    this.#readers.add(reader);
    this.output.add(reader);
    return reader;
  }

  leave(reader: DatagramReader): void {
    this.#readers.delete(reader);
    this.output.remove(reader);
  }

  /** Ends everything; fails when something was kept. */
  [Symbol.dispose](): void {
    for (const reader of [...this.#readers]) this.leave(reader);
    this.sockets.close();
    this.scene.close();
  }
}
