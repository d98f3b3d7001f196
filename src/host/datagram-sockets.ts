import { DatagramBatch } from "../../wasm/batch.ts";
import type { MediaMemory } from "../../wasm/core.ts";
import type { LogCursor } from "../../wasm/cursor.ts";
import { type DatagramAddress, type DestinationList, makePlain } from "../../wasm/destinations.ts";
import { BudgetError } from "../lib/errors.ts";
import type { DatagramSink } from "../stream/datagram-output.ts";
import { encodePeer } from "./socket-address.ts";
import { openSocketCalls, type SocketCalls } from "./sockets-libc.ts";
import type { UdpSocket } from "./udp.ts";

/** Error numbers of Linux. */
const EAGAIN = 11;
const EIO = 5;
const EINVAL = 22;
const EMSGSIZE = 90;
const ENOBUFS = 105;
/** How long a flush waits for a full socket, ms, and how often in a row of messages; not at all once that was in vain. */
const WAIT_MS = 2;
const WAITS_MAX = 5;
/** Most values per call of the runtime: more is not faster. */
const PARTS_MAX = 12_000;

/**
 * Sends RTP over one socket and RTCP over another. On Linux, `sendmmsg` sends a flush to all its readers, with segmentation
 * offload (`UDP_SEGMENT`) for packets of the same size; a destination that does not support it gets its packets one by one
 * from then on. On other systems the runtime sends.
 */
export class DatagramSockets implements DatagramSink {
  readonly #memory: MediaMemory;
  readonly #rtp: UdpSocket;
  readonly #rtcp: UdpSocket;
  readonly #calls: SocketCalls | undefined;
  #batch: DatagramBatch | undefined;
  /** Arguments of `sendMany`, reused. */
  readonly #parts: (Uint8Array | number | string)[] = [];
  /** Messages and packets that the system did not accept. */
  lost = 0;
  /** Whether the flush in progress has waited for a full socket in vain. */
  #isFull = false;

  /** @param calls of the system, to send with; without them the runtime sends */
  constructor(
    memory: MediaMemory,
    rtp: UdpSocket,
    rtcp: UdpSocket,
    calls = rtp.descriptor === undefined ? undefined : openSocketCalls(),
  ) {
    this.#memory = memory;
    this.#rtp = rtp;
    this.#rtcp = rtcp;
    this.#calls = calls;
  }

  encode({ address, port }: DatagramAddress): Uint8Array {
    return encodePeer(address, port, this.#rtp.ipv6);
  }

  flush(cursor: LogCursor, lists: readonly DestinationList[]): void {
    if (lists.every((list) => list.length === 0)) {
      cursor.toHead();
      return;
    }
    const batch = this.#open();
    const calls = this.#calls;
    this.#isFull = false;
    const base = calls === undefined ? 0 : calls.addressOf(this.#memory.u8);
    while (batch.gather(cursor, base) > 0) {
      if (calls === undefined) this.#sendPlainly(batch, lists);
      else batch.deliver(lists, base, (count) => this.#send(calls, batch, base, count));
    }
    cursor.toHead();
  }

  #open(): DatagramBatch {
    this.#batch ??= DatagramBatch.open(this.#memory);
    if (this.#batch === undefined) throw new BudgetError("the media memory is used up");
    return this.#batch;
  }

  /** Sends the first `count` messages; one that fails does not stop the rest. */
  #send(calls: SocketCalls, batch: DatagramBatch, base: number, count: number): void {
    let at = 0;
    let waits = this.#isFull ? WAITS_MAX : 0;
    while (at < count) {
      const sent = calls.sendMessages(this.#rtp.descriptor as number, base + batch.messageAt(at), count - at);
      const isFull = sent === -EAGAIN || sent === -ENOBUFS;
      if (sent > 0) {
        at += sent;
      } else if (isFull && waits < WAITS_MAX) {
        waits += 1;
        calls.waitWritable(this.#rtp.descriptor as number, WAIT_MS);
      } else {
        this.#isFull ||= isFull;
        this.#failed(calls, batch, base, at, -sent);
        at += 1;
      }
    }
  }

  /** A message was rejected: retries it without segmentation. */
  #failed(calls: SocketCalls, batch: DatagramBatch, base: number, message: number, code: number): void {
    const mayBePlain = code === EMSGSIZE || code === EINVAL || code === EIO;
    // other messages of this batch to the same destination may be segmented too
    if (!mayBePlain || !batch.isSegmented(message)) {
      this.lost += 1;
      return;
    }
    makePlain(this.#memory, batch.destinationOf(message, base));
    const [first, end] = batch.again(message, base);
    for (let at = first; at < end; ) {
      const sent = calls.sendMessages(this.#rtp.descriptor as number, base + batch.messageAt(at), end - at);
      if (sent <= 0) this.lost += 1;
      at += Math.max(sent, 1);
    }
  }

  /** Sends the batch through the runtime, in as few calls as possible. */
  #sendPlainly(batch: DatagramBatch, lists: readonly DestinationList[]): void {
    const parts = this.#parts;
    let at = 0;
    for (let run = 0; run < batch.runs; run++) {
      const list = lists[batch.trackOf(run)];
      if (list === undefined || list.length === 0) continue;
      const [first, end] = batch.vectorsOf(run);
      const packets = Array.from({ length: end - first }, (_, i) => batch.packet(first + i));
      for (const { address, port } of list.addresses) {
        for (const packet of packets) {
          parts[at] = packet;
          parts[at + 1] = port;
          parts[at + 2] = address;
          at += 3;
        }
        if (at >= PARTS_MAX) at = this.#sendParts(at);
      }
    }
    this.#sendParts(at);
  }

  /** Sends the first `count` parts; returns 0. */
  #sendParts(count: number): number {
    if (count === 0) return 0;
    this.#parts.length = count;
    this.#rtp.sendMany(this.#parts);
    return 0;
  }

  report(bytes: Uint8Array, to: DatagramAddress): void {
    this.#rtcp.send(bytes, to.port, to.address);
  }

  /** Gives its memory back. The owner closes the sockets. */
  close(): void {
    this.#batch?.close();
    this.#batch = undefined;
  }
}
