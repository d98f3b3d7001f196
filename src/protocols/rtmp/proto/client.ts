import { type AmfObject, type AmfValue, amfObject, isAmfObject } from "../../../formats/amf/value.ts";
import { SourceError } from "../../../lib/errors.ts";
import { isControl, LinkControl } from "./control.ts";
import {
  type Command,
  EVENT,
  type InMessage,
  MESSAGE,
  type OutMessage,
  readCommand,
  readData,
  readNumber,
  writeCommand,
  writeEvent,
  writeStreamCommand,
  writeWindowSize,
} from "./message.ts";

const WINDOW = 2_500_000;
const VERSION = "LNX 9,0,124,2";
const CAPABILITIES = 15;
/** All codecs of the legacy lists (RTMP specification §7.2.1.1). */
const AUDIO_CODECS = 4_071;
const VIDEO_CODECS = 252;
/** How much a server may send ahead, ms. */
const BUFFER_MS = 100;

export interface RtmpClientOptions {
  readonly tcUrl: string;
  readonly app: string;
  /** Name of the stream, with its query. */
  readonly stream: string;
  /** Members of `connect` that tell what we understand. */
  readonly capabilities: Readonly<Record<string, AmfValue>>;
  /** Longest wait for an answer, ms. */
  readonly timeout: number;
}

/** What the owner must do. */
export type ClientOutput =
  | { readonly kind: "send"; readonly message: OutMessage }
  /** The stream plays: audio and video follow. */
  | { readonly kind: "playing" }
  | { readonly kind: "metadata"; readonly values: AmfObject }
  /** The server redirects to another URL. */
  | { readonly kind: "redirect"; readonly url: string };

type Step = "connect" | "createStream" | "play" | "playing";

/** The client's side of RTMP after the handshake, up to a stream that plays. */
export class RtmpClient {
  readonly #options: RtmpClientOptions;
  readonly #link = new LinkControl();
  readonly #outputs: ClientOutput[] = [];
  #step: Step = "connect";
  #transaction = 1;
  #sentAt: number;
  #streamId = 0;
  #roundTrip: number | undefined;

  constructor(options: RtmpClientOptions, now: number) {
    const { app, tcUrl, capabilities } = options;
    this.#options = options;
    this.#sentAt = now;
    const members = {
      app,
      flashVer: VERSION,
      tcUrl,
      fpad: false,
      capabilities: CAPABILITIES,
      audioCodecs: AUDIO_CODECS,
      videoCodecs: VIDEO_CODECS,
      videoFunction: 1,
      objectEncoding: 0,
      ...capabilities,
    };
    this.#send(writeCommand("connect", this.#transaction, amfObject(members)));
  }

  poll(): ClientOutput | undefined {
    return this.#outputs.shift();
  }

  /** From `connect` to its answer, ms. */
  get roundTrip(): number | undefined {
    return this.#roundTrip;
  }

  /** When `tick` is due, monotonic ms. */
  get deadline(): number {
    return this.#step === "playing" ? Number.POSITIVE_INFINITY : this.#sentAt + this.#options.timeout;
  }

  /** @throws {SourceError} if the server has not answered in time */
  tick(now: number): void {
    if (now >= this.deadline) throw new SourceError(`i/o timeout: no answer to '${this.#step}'`);
  }

  /** Sends an acknowledgement if one is due. @param received all bytes received so far */
  received(received: number): void {
    this.#send(this.#link.acknowledge(received));
  }

  #send(message: OutMessage | undefined): void {
    if (message !== undefined) this.#outputs.push({ kind: "send", message });
  }

  /**
   * Takes a message that is neither audio nor video.
   *
   * @throws {ProtocolError | SourceError} if it must stop
   */
  receive(message: InMessage, now: number): void {
    const { type } = message;
    if (isControl(type)) this.#control(message);
    else if (type === MESSAGE.command || type === MESSAGE.commandAmf3) this.#command(message, now);
    else if (type === MESSAGE.data || type === MESSAGE.dataAmf3) this.#data(message);
  }

  #control(message: InMessage): void {
    this.#send(this.#link.receive(message));
    if (message.type !== MESSAGE.userControl || this.#step !== "playing") return;
    const event = readNumber(Uint8Array.of(0, 0, ...message.body.subarray(0, 2)));
    if (event === EVENT.streamEof && readNumber(message.body, 2) === this.#streamId) throw ended();
  }

  #command(message: InMessage, now: number): void {
    const command = readCommand(message);
    switch (command?.name) {
      case "_result":
        this.#answered(command, now);
        return;
      case "_error":
        if (command.transaction === this.#transaction) this.#refused(infoOf(command));
        return;
      case "onStatus":
        this.#status(infoOf(command));
        return;
      case "close":
        throw new SourceError("the server has closed the connection");
      default:
    }
  }

  #answered({ transaction, values }: Command, now: number): void {
    if (transaction !== this.#transaction) return;
    if (this.#step === "connect") {
      this.#roundTrip = now - this.#sentAt;
      this.#send(writeWindowSize(WINDOW));
      this.#next("createStream", now);
      this.#send(writeCommand("createStream", this.#transaction, null));
    } else if (this.#step === "createStream") {
      const [, id] = values;
      if (typeof id !== "number") throw new SourceError("the server has created no stream");
      this.#streamId = id;
      this.#next("play", now);
      this.#send(writeStreamCommand(id, "play", this.#transaction, null, this.#options.stream));
      this.#send(writeEvent(EVENT.setBufferLength, id, BUFFER_MS));
    }
  }

  #next(step: Step, now: number): void {
    this.#step = step;
    this.#transaction += 1;
    this.#sentAt = now;
  }

  /** nginx-rtmp numbers its `onStatus` as it likes: the code alone counts. */
  #status(info: AmfObject): void {
    const code = textOf(info.get("code"));
    if (info.get("level") === "error" || code === "NetStream.Play.StreamNotFound") this.#refused(info);
    if (code === "NetStream.Play.Start") {
      if (this.#step !== "play") return;
      this.#step = "playing";
      this.#outputs.push({ kind: "playing" });
    } else if (code === "NetStream.Play.UnpublishNotify" || code === "NetStream.Play.Stop") {
      throw ended();
    }
  }

  #refused(info: AmfObject): void {
    const details = info.get("ex");
    const redirect = isAmfObject(details) ? details.get("redirect") : undefined;
    if (typeof redirect === "string") {
      this.#outputs.push({ kind: "redirect", url: redirect });
      return;
    }
    const text = [textOf(info.get("code")), textOf(info.get("description"))].filter((part) => part !== "");
    throw new SourceError(
      `server refused ${this.#step} request: ${text.join(": ").slice(0, 256) || "no reason given"}`,
    );
  }

  #data(message: InMessage): void {
    const values = readData(message);
    const at = values[0] === "@setDataFrame" ? 1 : 0;
    const found = values[at + 1];
    if (values[at] === "onMetaData" && isAmfObject(found))
      this.#outputs.push({ kind: "metadata", values: found });
  }
}

function infoOf({ values }: Command): AmfObject {
  const [first, second] = values;
  if (isAmfObject(second)) return second;
  return isAmfObject(first) ? first : new Map();
}

function textOf(value: AmfValue): string {
  return typeof value === "string" ? value : "";
}

function ended(): SourceError {
  return new SourceError("the stream has ended");
}
