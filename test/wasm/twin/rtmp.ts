/** A message as the twin reads it. */
export interface TwinMessage {
  readonly type: number;
  readonly streamId: number;
  readonly timestamp: number;
  readonly body: string;
}

interface TwinStream {
  type: number;
  length: number;
  streamId: number;
  timestamp: number;
  delta: number;
  extended: number | undefined;
  body: number[] | undefined;
}

/** Reads chunks slowly, from a whole recording: what the core must read of the same bytes in pieces. */
export class ChunkTwin {
  readonly messages: TwinMessage[] = [];
  readonly #streams = new Map<number, TwinStream>();
  readonly #bytes: Uint8Array;
  #at = 0;
  #chunkSize = 128;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Reads everything. @returns why it stopped before the end, in a word */
  read(): string | undefined {
    try {
      while (this.#at < this.#bytes.length) this.#chunk();
      return undefined;
    } catch (error) {
      if (error instanceof RangeError) return error.message;
      throw error;
    }
  }

  #take(size: number): number[] {
    if (this.#at + size > this.#bytes.length) throw new RangeError("end");
    this.#at += size;
    return [...this.#bytes.subarray(this.#at - size, this.#at)];
  }

  #number(size: number): number {
    return this.#take(size).reduce((sum, byte) => sum * 256 + byte, 0);
  }

  #chunk(): void {
    const first = this.#number(1);
    const format = first >> 6;
    let id = first & 63;
    if (id === 0) id = this.#number(1) + 64;
    else if (id === 1) {
      const [low = 0, high = 0] = this.#take(2);
      id = high * 256 + low + 64;
    }
    const stream = this.#header(id, format);
    const body = stream.body as number[];
    body.push(...this.#take(Math.min(this.#chunkSize, stream.length - body.length)));
    if (body.length < stream.length) return;
    stream.body = undefined;
    this.#complete(stream, Uint8Array.from(body));
  }

  #header(id: number, format: number): TwinStream {
    const known = this.#streams.get(id);
    if (format === 3 && known?.body !== undefined) {
      if (known.extended !== undefined) this.#take(4);
      return known;
    }
    let time = format < 3 ? this.#number(3) : 0;
    const [length, type] = format < 2 ? [this.#number(3), this.#number(1)] : [0, 0];
    const little = format === 0 ? this.#take(4).reverse() : [];
    const has = format < 3 ? time === 0xffffff : known?.extended !== undefined;
    if (has) {
      const extended = this.#number(4);
      if (format < 3) time = extended;
    }
    if (known === undefined && format > 1) throw new RangeError("header");
    if (known === undefined && this.#streams.size === 64) throw new RangeError("streams");
    const fresh = { type: 0, length: 0, streamId: 0, timestamp: 0, delta: 0, extended: undefined, body: [] };
    const stream: TwinStream = known ?? fresh;
    this.#streams.set(id, stream);
    if (format < 2) Object.assign(stream, { length, type });
    if (format === 0) stream.streamId = little.reduce((sum, byte) => sum * 256 + byte, 0);
    if (format < 3) Object.assign(stream, { delta: time, extended: has ? time : undefined });
    stream.timestamp = format === 0 ? stream.delta : (stream.timestamp + stream.delta) % 2 ** 32;
    stream.body = [];
    return stream;
  }

  #complete({ type, streamId, timestamp }: TwinStream, body: Uint8Array): void {
    const value = body.length < 4 ? 0 : new DataView(body.buffer).getUint32(0);
    if (type === 1) {
      this.#chunkSize = value % 2 ** 31;
      if (this.#chunkSize === 0) throw new RangeError("size");
    } else if (type === 2) {
      const aborted = this.#streams.get(value);
      if (aborted !== undefined) aborted.body = undefined;
    } else if (type === 22) {
      this.#parts(body, streamId, timestamp);
    } else {
      this.messages.push({ type, streamId, timestamp, body: hash(body) });
    }
  }

  #parts(body: Uint8Array, streamId: number, timestamp: number): void {
    const view = new DataView(body.buffer);
    let shift: number | undefined;
    for (let at = 0; at + 11 <= body.length; ) {
      const length = view.getUint32(at) % 2 ** 24;
      const time = (view.getUint32(at + 3) % 2 ** 24) + body[at + 7]! * 2 ** 24;
      if (at + 11 + length > body.length) return;
      shift ??= timestamp - time;
      const type = body[at]!;
      const placed = (time + shift) >>> 0;
      if ([8, 9, 15, 18].includes(type)) {
        const part = body.slice(at + 11, at + 11 + length);
        this.messages.push({ type, streamId, timestamp: placed, body: hash(part) });
      }
      at += 15 + length;
    }
  }
}

/** Stands for the bytes of a message in comparisons. */
export function hash(bytes: Uint8Array): string {
  return `${bytes.length} ${Bun.hash(bytes).toString(36)}`;
}
