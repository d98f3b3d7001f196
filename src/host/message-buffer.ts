/** Datagrams that are received at once. */
export const MESSAGES_MAX = 64;
/** Largest datagram, and room for an address (`sockaddr_in6`). */
const SIZE = 65_536;
const ADDRESS_SIZE = 28;
/** `struct mmsghdr` of 64-bit Linux: its size, and where its fields are. */
const HEADER = { size: 64, name: 0, nameLength: 8, vectors: 16, vectorCount: 24, received: 56 } as const;
const VECTOR_SIZE = 16;

type Pointer = import("bun:ffi").Pointer;

/** Where `recvmmsg` puts datagrams and their senders. Only the pages that are written to take memory. */
export class MessageBuffer {
  readonly #headers = new DataView(new ArrayBuffer(MESSAGES_MAX * HEADER.size));
  readonly #vectors = new DataView(new ArrayBuffer(MESSAGES_MAX * VECTOR_SIZE));
  readonly #data = new Uint8Array(new ArrayBuffer(MESSAGES_MAX * SIZE));
  readonly #names = new Uint8Array(new ArrayBuffer(MESSAGES_MAX * ADDRESS_SIZE));
  readonly #address: Pointer;
  /** The last view of each place: most datagrams are as long as the one before. */
  readonly #views: (Uint8Array | undefined)[] = new Array<undefined>(MESSAGES_MAX).fill(undefined);
  readonly #senders: Uint8Array[] = [];
  /** Messages that the last call has filled. */
  count = MESSAGES_MAX;

  constructor(ptr: (view: Uint8Array | DataView) => Pointer) {
    const [data, names, vectors] = [ptr(this.#data), ptr(this.#names), ptr(this.#vectors)];
    const put = (view: DataView, at: number, value: number) => view.setBigUint64(at, BigInt(value), true);
    for (let i = 0; i < MESSAGES_MAX; i++) {
      put(this.#vectors, i * VECTOR_SIZE, data + i * SIZE);
      put(this.#vectors, i * VECTOR_SIZE + 8, SIZE);
      put(this.#headers, i * HEADER.size + HEADER.name, names + i * ADDRESS_SIZE);
      put(this.#headers, i * HEADER.size + HEADER.vectors, vectors + i * VECTOR_SIZE);
      put(this.#headers, i * HEADER.size + HEADER.vectorCount, 1);
      this.#senders.push(this.#names.subarray(i * ADDRESS_SIZE, (i + 1) * ADDRESS_SIZE));
    }
    this.#address = ptr(this.#headers);
  }

  /** Prepares the messages that were used. @returns the address of the first one */
  ready(): Pointer {
    for (let i = 0; i < this.count; i++) {
      this.#headers.setUint32(i * HEADER.size + HEADER.nameLength, ADDRESS_SIZE, true);
    }
    this.count = 0;
    return this.#address;
  }

  bytes(index: number): Uint8Array {
    const size = this.#headers.getUint32(index * HEADER.size + HEADER.received, true);
    const known = this.#views[index];
    if (known?.length === size) return known;
    const view = this.#data.subarray(index * SIZE, index * SIZE + size);
    this.#views[index] = view;
    return view;
  }

  sender(index: number): Uint8Array {
    return this.#senders[index] as Uint8Array;
  }
}
