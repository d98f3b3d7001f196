import type { MediaMemory } from "../../../wasm/core.ts";
import { ChunkInput, ChunkReader, type TakeMessage } from "../../../wasm/rtmp-reader.ts";
import { ChunkWriter, RTMP_BODY_MAX } from "../../../wasm/rtmp-writer.ts";
import { BudgetError, ProtocolError } from "../../lib/errors.ts";
import { orUsedUp } from "../../stream/budget.ts";
import type { Outbox } from "../../stream/outbox.ts";
import type { Handshake } from "./proto/handshake.ts";
import { MESSAGE, type OutMessage, readNumber } from "./proto/message.ts";

/** Chunk size before the first Set Chunk Size message (RTMP specification §5.4.1). */
const FIRST_CHUNK_SIZE = 128;

/** Memory in which connections read and write chunks, taken while there are any. */
export class ChunkMemory {
  readonly memory: MediaMemory;
  readonly #inputBytes: number | undefined;
  #users = 0;
  #input: ChunkInput | undefined;
  #writer: ChunkWriter | undefined;

  /** @param inputBytes how many bytes are read at a time */
  constructor(memory: MediaMemory, inputBytes?: number) {
    this.memory = memory;
    this.#inputBytes = inputBytes;
  }

  get writer(): ChunkWriter {
    return orUsedUp(this.#writer);
  }

  /** A reader for one more connection. @throws {BudgetError} if the media memory is used up */
  enter(): ChunkReader {
    this.#input ??= orUsedUp(ChunkInput.open(this.memory, this.#inputBytes));
    this.#users += 1;
    try {
      this.#writer ??= orUsedUp(ChunkWriter.open(this.memory));
      return orUsedUp(ChunkReader.open(this.memory, this.#input));
    } catch (error) {
      this.#left();
      throw error;
    }
  }

  leave(reader: ChunkReader): void {
    reader.close();
    this.#left();
  }

  #left(): void {
    this.#users -= 1;
    if (this.#users > 0) return;
    this.#input?.close();
    this.#writer?.close();
    this.#input = undefined;
    this.#writer = undefined;
  }
}

/** Bytes of a connection to messages and back: the handshake, then chunks. */
export class ChunkLink {
  readonly #memory: ChunkMemory;
  readonly #outbox: Outbox;
  /** Undefined once it is done. */
  #handshake: Handshake | undefined;
  /** Opened when the handshake is done: connections that do not finish it take no media memory. */
  #reader: ChunkReader | undefined;
  #chunkSize = FIRST_CHUNK_SIZE;

  constructor(memory: ChunkMemory, outbox: Outbox, handshake: Handshake) {
    this.#memory = memory;
    this.#outbox = outbox;
    this.#handshake = handshake;
    this.#sendHandshake(handshake);
  }

  /** Whether the handshake is done. */
  get isOpen(): boolean {
    return this.#reader !== undefined;
  }

  /**
   * Takes borrowed bytes from `at` on: the handshake, or messages, until `take` returns false.
   *
   * @returns position of the first byte that was not taken
   * @throws {ProtocolError} if the peer breaks the protocol
   * @throws {BudgetError} if the media memory is used up
   */
  receive(chunk: Uint8Array, at: number, take: TakeMessage): number {
    const handshake = this.#handshake;
    if (handshake !== undefined) return at + this.#shake(handshake, chunk, at);
    const read = (this.#reader as ChunkReader).receive(chunk, at, take);
    if (typeof read === "number") return read;
    throw read === "budget" ? new BudgetError(this.#memory.memory.refusal) : new ProtocolError(read.text);
  }

  #shake(handshake: Handshake, chunk: Uint8Array, at: number): number {
    const taken = handshake.receive(chunk, at);
    this.#sendHandshake(handshake);
    if (handshake.isDone) {
      this.#handshake = undefined;
      this.#reader = this.#memory.enter();
    }
    return taken;
  }

  #sendHandshake(handshake: Handshake): void {
    for (let bytes = handshake.poll(); bytes !== undefined; bytes = handshake.poll())
      this.#outbox.send(bytes);
  }

  /** From now on messages have any size, and their memory is charged to a share. */
  chargeTo(share: MediaMemory): void {
    this.#reader?.chargeTo(share);
  }

  /**
   * Sends a message.
   *
   * @returns false if there is no room: the peer does not read
   * @throws {ProtocolError} if it is too large, because of what the peer has sent
   */
  send(message: OutMessage): boolean {
    const { length } = message.body;
    if (length > RTMP_BODY_MAX) throw new ProtocolError(`cannot send a message of ${length} bytes`);
    if (this.#reader === undefined) return true;
    const sent = this.#outbox.send(this.#memory.writer.write(message, message.body, this.#chunkSize));
    if (message.type === MESSAGE.setChunkSize) this.#chunkSize = readNumber(message.body);
    return sent;
  }

  close(): void {
    if (this.#reader !== undefined) this.#memory.leave(this.#reader);
    this.#reader = undefined;
  }
}
