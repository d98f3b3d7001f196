import { randomBytes } from "node:crypto";
import { BLOCK_SIZE } from "../../assembly/abi.ts";
import { type AmfObject, type AmfValue, amfObject, isAmfObject } from "../../src/formats/amf/value.ts";
import { clientHandshake } from "../../src/protocols/rtmp/proto/handshake.ts";
import {
  MESSAGE,
  type OutMessage,
  readCommand,
  readData,
  readNumber,
  writeChunkSize,
  writeCommand,
  writeData,
  writeStreamCommand,
} from "../../src/protocols/rtmp/proto/message.ts";
import { parseSourceUrl } from "../../src/protocols/rtmp/proto/url.ts";
import { MediaMemory } from "../../wasm/core.ts";
import { ChunkInput, ChunkReader } from "../../wasm/rtmp-reader.ts";
import { type FlvTag, readFlv } from "./flv.ts";

/** A message as it was received. */
export interface Received {
  readonly type: number;
  readonly streamId: number;
  readonly timestamp: number;
  readonly body: Uint8Array;
}

/** What an `onStatus`, `_result` or `_error` says. */
export interface Told {
  readonly name: string;
  readonly code: AmfValue;
  readonly level: AmfValue;
  readonly info: AmfObject;
  readonly values: readonly AmfValue[];
}

const PATIENCE_MS = 25_000;

/** One RTMP connection as a client has it, and ways to misbehave. */
export class RtmpTestClient implements AsyncDisposable {
  /** Our side as the server's log names it. */
  local = "";
  readonly received: Received[] = [];
  bytesReceived = 0;
  readonly closed: Promise<void>;
  /** Chunk size of what is sent. */
  chunkSize = 128;
  readonly #url: ReturnType<typeof parseSourceUrl>;
  readonly #memory = MediaMemory.load(200 * BLOCK_SIZE);
  readonly #input = ChunkInput.open(this.#memory) as ChunkInput;
  readonly #reader = ChunkReader.open(this.#memory, this.#input) as ChunkReader;
  #handshake = clientHandshake("plain", randomBytes);
  #socket!: import("bun").Socket<undefined>;
  #isClosed = false;
  #resolveClosed!: () => void;
  #wake: () => void = () => {};
  readonly #opened = Promise.withResolvers<void>();
  #unsent: Uint8Array[] = [];

  private constructor(url: string) {
    this.#url = parseSourceUrl(url);
    this.#reader.chargeTo(this.#memory);
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  /** Connects, and does the handshake. @param url `rtmp://` or, to any certificate, `rtmps://` */
  static async connect(url: string): Promise<RtmpTestClient> {
    const client = new RtmpTestClient(url);
    const { host, port, scheme } = client.#url;
    client.#socket = await Bun.connect({
      ...(scheme === "rtmps" && { tls: { rejectUnauthorized: false } }),
      hostname: host,
      port,
      socket: {
        data: (_, chunk) => client.#take(chunk),
        drain: () => client.#drain(),
        close: () => client.#ended(),
        error: () => client.#ended(),
      },
    });
    client.local = `127.0.0.1:${client.#socket.localPort}`;
    client.#sendHandshake();
    await Promise.race([client.#opened.promise, client.closed]);
    return client;
  }

  #sendHandshake(): void {
    for (let bytes = this.#handshake.poll(); bytes !== undefined; bytes = this.#handshake.poll())
      this.write(bytes);
  }

  #take(chunk: Uint8Array): void {
    this.bytesReceived += chunk.length;
    let at = 0;
    if (!this.#handshake.isDone) {
      at = this.#handshake.receive(chunk);
      this.#sendHandshake();
      if (this.#handshake.isDone) this.#opened.resolve();
    }
    if (at < chunk.length) {
      this.#reader.receive(chunk, at, ({ type, streamId, timestamp, copy }) => {
        this.received.push({ type, streamId, timestamp, body: copy.call(this.#reader) });
        return true;
      });
    }
    this.#wake();
  }

  #ended(): void {
    this.#isClosed = true;
    this.#resolveClosed();
    this.#wake();
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Sends bytes as they are. */
  write(bytes: Uint8Array): void {
    if (this.#unsent.length > 0) {
      this.#unsent.push(bytes.slice());
      return;
    }
    const sent = Math.max(this.#socket.write(bytes), 0);
    if (sent < bytes.length) this.#unsent.push(bytes.slice(sent));
  }

  get backlog(): number {
    return this.#unsent.reduce((sum, { length }) => sum + length, 0);
  }

  #drain(): void {
    const unsent = this.#unsent;
    this.#unsent = [];
    for (const bytes of unsent) this.write(bytes);
    this.#wake();
  }

  /** Stops reading: the kernel's buffers fill. */
  stall(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  send(message: OutMessage): void {
    this.write(chunksOf(message, this.chunkSize));
    if (message.type === MESSAGE.setChunkSize) this.chunkSize = readNumber(message.body);
  }

  /** Resolves once `find` finds something; rejects when the connection ends first. */
  async until<T>(find: () => T | undefined, what: string): Promise<T> {
    const end = performance.now() + PATIENCE_MS;
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      if (this.#isClosed)
        throw new Error(`the server has closed the connection before ${what}; told ${this.codes}`);
      if (performance.now() > end)
        throw new Error(`not within ${PATIENCE_MS} ms: ${what}; told ${this.codes}`);
      const woken = Promise.withResolvers<void>();
      this.#wake = woken.resolve;
      const timer = setTimeout(woken.resolve, 1_000);
      await woken.promise;
      clearTimeout(timer);
    }
  }

  /** Everything that the server has told in commands. */
  get told(): Told[] {
    return this.received.flatMap((message) => {
      const command = message.type === MESSAGE.command ? readCommand(message) : undefined;
      if (command === undefined) return [];
      const info = command.values.findLast(isAmfObject) ?? new Map<string, AmfValue>();
      const { name, values } = command;
      return [{ name, values, info, code: info.get("code"), level: info.get("level") }];
    });
  }

  /** Codes of all statuses so far. */
  get codes(): AmfValue[] {
    return this.told.filter(({ name }) => name === "onStatus").map(({ code }) => code);
  }

  /** Resolves once a status with this code has come. */
  async status(code: string): Promise<Told> {
    return await this.until(() => this.told.find((each) => each.code === code), code);
  }

  /** `connect` and `createStream`. */
  async open(members: Readonly<Record<string, AmfValue>> = {}, app = this.#url.app): Promise<Told> {
    const { tcUrl } = this.#url;
    this.send(writeCommand("connect", 1, amfObject({ app, tcUrl, flashVer: "test", ...members })));
    const told = await this.status("NetConnection.Connect.Success");
    this.send(writeCommand("createStream", 2, null));
    await this.until(() => this.told.find(({ values }) => values[1] === 1), "createStream is answered");
    return told;
  }

  /** Asks to publish; nothing is waited for. */
  publish(name = this.#url.stream): void {
    this.send(writeStreamCommand(1, "publish", 3, null, name, "live"));
  }

  /** Asks to play; nothing is waited for. */
  play(name = this.#url.stream): void {
    this.send(writeStreamCommand(1, "play", 3, null, name));
  }

  /** A publisher whose publishing was accepted. */
  static async publishing(url: string): Promise<RtmpTestClient> {
    const client = await RtmpTestClient.connect(url);
    await client.open();
    client.publish();
    await client.status("NetStream.Publish.Start");
    client.send(writeChunkSize(60_000));
    return client;
  }

  /** A reader whose playing was accepted. */
  static async playing(
    url: string,
    members: Readonly<Record<string, AmfValue>> = {},
  ): Promise<RtmpTestClient> {
    const client = await RtmpTestClient.connect(url);
    await client.open(members);
    client.play();
    await client.status("NetStream.Play.Start");
    return client;
  }

  sendTag({ type, timestamp, body }: FlvTag): void {
    const chunkStream = type === MESSAGE.audio ? 4 : type === MESSAGE.video ? 6 : 5;
    this.send({ chunkStream, type, streamId: 1, timestamp, body });
  }

  sendMetadata(values: Readonly<Record<string, AmfValue>>): void {
    this.send(writeData(1, "@setDataFrame", "onMetaData", amfObject(values)));
  }

  /** Sends the tags of a file at once, as if they had been recorded that long ago. */
  sendFile(file: Uint8Array): void {
    for (const tag of readFlv(file)) this.sendTag(tag);
  }

  /** Audio and video messages so far. */
  get media(): Received[] {
    return this.received.filter(({ type }) => type === MESSAGE.audio || type === MESSAGE.video);
  }

  /** The last `onMetaData`. */
  get metadata(): AmfObject | undefined {
    const found = this.received.findLast(({ type }) => type === MESSAGE.data);
    const value = found && readData(found)[1];
    return isAmfObject(value) ? value : undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.terminate();
    await this.closed;
    this.#reader.close();
    this.#input.close();
  }
}

/** The chunks of a message, all with the longest header at first. */
export function chunksOf(
  { chunkStream, type, streamId, timestamp, body }: OutMessage,
  chunkSize: number,
): Uint8Array {
  const extended = timestamp >= 0xffffff;
  const head = Buffer.alloc(extended ? 16 : 12);
  head.writeUInt8(chunkStream);
  head.writeUIntBE(extended ? 0xffffff : timestamp, 1, 3);
  head.writeUIntBE(body.length, 4, 3);
  head.writeUInt8(type, 7);
  head.writeUInt32LE(streamId, 8);
  if (extended) head.writeUInt32BE(timestamp, 12);
  const next = Buffer.alloc(extended ? 5 : 1);
  next.writeUInt8(0xc0 | chunkStream);
  if (extended) next.writeUInt32BE(timestamp, 1);
  const parts: Uint8Array[] = [head];
  for (let at = 0; at < body.length; at += chunkSize) {
    if (at > 0) parts.push(next);
    parts.push(body.subarray(at, at + chunkSize));
  }
  return new Uint8Array(Buffer.concat(parts));
}
