import type { Random } from "../support/random.ts";

interface Message {
  readonly type: number;
  readonly streamId: number;
  readonly timestamp: number;
  readonly body: Uint8Array;
}

interface Sender {
  readonly id: number;
  last: (Message & { readonly delta: number }) | undefined;
  message: Message | undefined;
  sent: number;
}

/** Writes chunks in every form that the specification allows, of messages on several chunk streams at once. */
export class ChunkMaker {
  readonly #random: Random;
  readonly #out: number[] = [];
  readonly #senders: Sender[];
  readonly #largest: number;
  #chunkSize = 128;

  /** @param largest most bytes of a message */
  constructor(random: Random, { streams = random.between(1, 12), largest = 200_000 } = {}) {
    const ids = [2, 3, 4, 63, 64, 319, 320, 65_599];
    this.#random = random;
    this.#largest = largest;
    this.#senders = Array.from({ length: streams }, (_, i) => {
      return { id: ids[i] ?? 400 + i, last: undefined, message: undefined, sent: 0 };
    });
  }

  /** That many chunks, more or less. */
  make(chunks: number): Uint8Array {
    for (let i = 0; i < chunks; i++) this.#step();
    for (const sender of this.#senders) while (sender.message !== undefined) this.#chunk(sender);
    return Uint8Array.from(this.#out);
  }

  #step(): void {
    const random = this.#random;
    if (random.chance(0.03)) this.#setChunkSize();
    else if (random.chance(0.02)) this.#abort();
    else this.#chunk(random.pick(this.#senders));
  }

  /** On a chunk stream of its own: it takes effect at once. */
  #setChunkSize(): void {
    const random = this.#random;
    const size = random.pick([1, 2, 64, 128, 500, 4_096, 60_000, 0x7fffffff]);
    this.#control(1, size);
    this.#chunkSize = size;
  }

  #abort(): void {
    const sender = this.#random.pick(this.#senders);
    this.#control(2, sender.id);
    sender.message = undefined;
  }

  #control(type: number, value: number): void {
    const sender = { id: 20 + type, last: undefined, message: undefined, sent: 0 };
    this.#chunk(
      { ...sender, message: { type, streamId: 0, timestamp: 0, body: Uint8Array.from(bytesOf(value, 4)) } },
      true,
    );
  }

  #chunk(sender: Sender, isWhole = false): void {
    do {
      const message = sender.message ?? this.#begin(sender);
      const isFirst = sender.sent === 0;
      if (isFirst) this.#head(sender, message);
      else this.#next(sender, message);
      const part = message.body.subarray(sender.sent, sender.sent + this.#chunkSize);
      for (const byte of part) this.#out.push(byte);
      sender.sent += part.length;
      if (sender.sent < message.body.length) continue;
      sender.message = undefined;
      sender.sent = 0;
      return;
    } while (isWhole);
  }

  #begin(sender: Sender): Message {
    const random = this.#random;
    const { last } = sender;
    const isLike = last !== undefined && random.chance(0.4);
    const size = isLike
      ? last.body.length
      : random.chance(0.05)
        ? random.between(500, this.#largest)
        : random.below(700);
    const message = {
      type: isLike ? last.type : random.pick([8, 9, 18, 20, 4, 22]),
      streamId: isLike || random.chance(0.7) ? (last?.streamId ?? 1) : random.bits(),
      timestamp: this.#time(last, isLike),
      body: random.chance(0.3) ? new Uint8Array(size).fill(random.below(256)) : random.bytes(size),
    };
    if (message.type === 22) Object.assign(message, { body: this.#aggregate() });
    sender.message = message;
    sender.sent = 0;
    return message;
  }

  #time(last: Sender["last"], isLike: boolean): number {
    const random = this.#random;
    if (last === undefined || random.chance(0.1))
      return random.chance(0.5) ? random.bits() : random.below(50_000);
    const delta =
      isLike && random.chance(0.5) ? last.delta : random.chance(0.1) ? random.bits() : random.below(100);
    return (last.timestamp + delta) >>> 0;
  }

  #aggregate(): Uint8Array {
    const random = this.#random;
    const out: number[] = [];
    const start = random.bits();
    for (let i = random.below(5); i > 0; i--) {
      const body = random.bytes(random.below(400));
      const time = (start + random.below(50)) >>> 0;
      out.push(
        random.pick([8, 9, 18]),
        ...bytesOf(body.length, 3),
        ...bytesOf(time & 0xffffff, 3),
        time >>> 24,
      );
      out.push(0, 0, 0, ...body, ...bytesOf(body.length + 11, 4));
    }
    if (random.chance(0.1)) out.length = Math.max(out.length - 9, 0);
    return Uint8Array.from(out);
  }

  #head(sender: Sender, message: Message): void {
    const { last } = sender;
    const delta = last === undefined ? 0 : (message.timestamp - last.timestamp) >>> 0;
    const format = this.#random.between(0, this.#least(last, message, delta));
    const time = format === 0 ? message.timestamp : delta;
    this.#basic(format, sender.id);
    if (format < 3) this.#out.push(...bytesOf(Math.min(time, 0xffffff), 3));
    if (format < 2) this.#out.push(...bytesOf(message.body.length, 3), message.type);
    if (format === 0) this.#out.push(...bytesOf(message.streamId, 4).reverse());
    const extended = format === 3 ? (last as { delta: number }).delta : time;
    if (extended >= 0xffffff) this.#out.push(...bytesOf(extended, 4));
    sender.last = { ...message, delta: extended };
  }

  /** The shortest header that can stand for a message. */
  #least(last: Sender["last"], message: Message, delta: number): number {
    if (last === undefined || last.streamId !== message.streamId) return 0;
    if (last.type !== message.type || last.body.length !== message.body.length) return 1;
    return last.delta === delta ? 3 : 2;
  }

  #next(sender: Sender, _: Message): void {
    this.#basic(3, sender.id);
    const delta = sender.last?.delta ?? 0;
    if (delta >= 0xffffff) this.#out.push(...bytesOf(delta, 4));
  }

  #basic(format: number, id: number): void {
    const high = format << 6;
    if (id < 64) this.#out.push(high | id);
    else if (id < 320 && this.#random.chance(0.5)) this.#out.push(high, id - 64);
    else this.#out.push(high | 1, (id - 64) & 255, (id - 64) >> 8);
  }
}

/** A number in `size` bytes, big-endian. */
function bytesOf(value: number, size: number): number[] {
  return Array.from({ length: size }, (_, i) => Math.floor(value / 256 ** (size - 1 - i)) % 256);
}
