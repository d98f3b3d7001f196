import { type AmfObject, type AmfValue, amfObject, isAmfObject } from "../../../formats/amf/value.ts";
import { ProtocolError } from "../../../lib/errors.ts";
import { RTMP_CHUNK_SIZE, RTMP_STREAM_ID } from "../../../stream/rtmp-output.ts";
import { isControl, LinkControl } from "./control.ts";
import {
  type Command,
  EVENT,
  type InMessage,
  MESSAGE,
  type OutMessage,
  readCommand,
  readData,
  type Status,
  writeChunkSize,
  writeCommand,
  writeEvent,
  writePeerBandwidth,
  writeStatus,
  writeStreamCommand,
  writeWindowSize,
} from "./message.ts";
import { type RtmpTarget, readTarget } from "./url.ts";

const WINDOW = 2_500_000;
const VERSION = "LNX 9,0,124,2";
const CAPABILITIES = 31;

/** What a client wants to do with a stream. */
export interface StreamRequest {
  readonly action: "publish" | "read";
  readonly target: RtmpTarget;
}

/** What the owner must do. */
export type ServerOutput =
  | { readonly kind: "send"; readonly message: OutMessage }
  /** The client wants to publish or read. Nothing else is received before `accept` or `refuse`. */
  | ({ readonly kind: "request" } & StreamRequest)
  /** `onMetaData` of a publisher. */
  | { readonly kind: "metadata"; readonly values: AmfObject }
  /** The client has ended what it requested. */
  | { readonly kind: "stop" };

/** What `connect` says about a client. */
export interface ConnectInfo {
  readonly app: string;
  readonly tcUrl: string;
  /** Capabilities and all other members. */
  readonly members: AmfObject;
}

interface Active extends StreamRequest {
  readonly streamId: number;
  isAccepted: boolean;
}

/** The server's side of RTMP after the handshake: commands in, answers and requests out. */
export class RtmpServer {
  readonly #link = new LinkControl();
  readonly #outputs: ServerOutput[] = [];
  /** Members of our answer to `connect` that tell what we understand. */
  readonly #capabilities: Readonly<Record<string, AmfValue>>;
  #connect: ConnectInfo | undefined;
  /** What the client does; one thing at a time. */
  #active: Active | undefined;

  constructor(capabilities: Readonly<Record<string, AmfValue>> = {}) {
    this.#capabilities = capabilities;
  }

  /** Undefined before `connect`. */
  get client(): ConnectInfo | undefined {
    return this.#connect;
  }

  poll(): ServerOutput | undefined {
    return this.#outputs.shift();
  }

  /**
   * Takes a message that is neither audio nor video.
   *
   * @throws {ProtocolError} if it is malformed, or comes before `connect`
   */
  receive(message: InMessage): void {
    const { type } = message;
    if (isControl(type)) this.#send(this.#link.receive(message));
    else if (type === MESSAGE.command || type === MESSAGE.commandAmf3) this.#command(message);
    else if (type === MESSAGE.data || type === MESSAGE.dataAmf3) this.#data(message);
  }

  /** Sends an acknowledgement if one is due. @param received all bytes received so far */
  received(received: number): void {
    this.#send(this.#link.acknowledge(received));
  }

  #send(message: OutMessage | undefined): void {
    if (message !== undefined) this.#outputs.push({ kind: "send", message });
  }

  #command(message: InMessage): void {
    const command = readCommand(message);
    if (command === undefined) return;
    if (command.name === "connect") this.#connected(command);
    else if (this.#connect === undefined)
      throw new ProtocolError(`'${command.name.slice(0, 32)}' before 'connect'`);
    else this.#streamCommand(command, message.streamId, this.#connect);
  }

  #streamCommand(command: Command, streamId: number, client: ConnectInfo): void {
    const name = command.values[1];
    switch (command.name) {
      case "createStream":
        // one thing at a time, and always on this stream
        this.#send(writeCommand("_result", command.transaction, null, RTMP_STREAM_ID));
        return;
      case "publish":
        this.#request("publish", streamId, client, name);
        return;
      case "play":
      case "play2":
        this.#request("read", streamId, client, name);
        return;
      case "deleteStream":
        if (this.#active?.streamId === name || this.#active?.streamId === streamId) this.#stop();
        return;
      case "closeStream":
        if (this.#active?.streamId === streamId) this.#stop();
        return;
      case "FCUnpublish":
        if (this.#active?.action === "publish") this.#stop();
        return;
      default: // others are of no use here, and clients do not wait for an answer
    }
  }

  /** Later ones change nothing. */
  #connected({ transaction, values }: Command): void {
    if (this.#connect !== undefined) return;
    const [given] = values;
    const members: AmfObject = isAmfObject(given) ? given : new Map();
    const app = members.get("app");
    const tcUrl = members.get("tcUrl") ?? members.get("tcurl");
    if (typeof app !== "string" && typeof tcUrl !== "string")
      throw new ProtocolError("'connect' without an app");
    this.#connect = { app: textOf(app), tcUrl: textOf(tcUrl), members };
    this.#send(writeWindowSize(WINDOW));
    this.#send(writePeerBandwidth(WINDOW));
    this.#send(writeChunkSize(RTMP_CHUNK_SIZE));
    const encoding = members.get("objectEncoding");
    const server = amfObject({ fmsVer: VERSION, capabilities: CAPABILITIES, ...this.#capabilities });
    const info = amfObject({
      level: "status",
      code: "NetConnection.Connect.Success",
      description: "Connection succeeded.",
      objectEncoding: typeof encoding === "number" ? encoding : 0,
    });
    this.#send(writeCommand("_result", transaction, server, info));
  }

  #request(action: StreamRequest["action"], streamId: number, client: ConnectInfo, name: AmfValue): void {
    if (this.#active !== undefined) {
      const verb = this.#active.action === "publish" ? "publishing" : "reading";
      const code = action === "publish" ? "NetStream.Publish.BadName" : "NetStream.Play.Failed";
      this.#send(
        writeStatus(streamId, { level: "error", code, description: `already ${verb} on this connection` }),
      );
      return;
    }
    const { app, tcUrl } = client;
    // cameras may leave out the URL, of which nothing is needed
    const target = readTarget({ app, tcUrl: tcUrl === "" ? "rtmp://unknown" : tcUrl, stream: textOf(name) });
    this.#active = { action, target, streamId, isAccepted: false };
    this.#outputs.push({ kind: "request", action, target });
  }

  /** The client may publish or read what it requested. */
  accept(): void {
    const active = this.#active;
    if (active === undefined) return;
    active.isAccepted = true;
    const { streamId } = active;
    if (active.action === "publish") {
      this.#status("NetStream.Publish.Start", "publish start");
      return;
    }
    this.#send(writeEvent(EVENT.streamBegin, streamId));
    this.#status("NetStream.Play.Reset", "play reset");
    this.#status("NetStream.Play.Start", "play start");
    this.#status("NetStream.Data.Start", "data start");
    this.#status("NetStream.Play.PublishNotify", "publish notify");
  }

  /** ID of the message stream of what the client does. */
  get streamId(): number {
    return this.#active?.streamId ?? 0;
  }

  /** The client may not: nothing else is sent but this. */
  refuse(status: Status): void {
    this.#send(writeStatus(this.streamId, status));
    this.#active = undefined;
  }

  /** What the client publishes cannot be used. */
  failed(description: string): void {
    if (this.#active?.isAccepted !== true) return;
    const status = { level: "error", code: "NetStream.Publish.Failed", description } as const;
    this.#send(writeStatus(this.streamId, status));
  }

  /** The stream that the client reads has ended. */
  ended(): void {
    if (this.#active?.isAccepted !== true || this.#active.action !== "read") return;
    this.#send(writeEvent(EVENT.streamEof, this.streamId));
    this.#status("NetStream.Play.UnpublishNotify", "unpublish notify");
  }

  /**
   * Asks the client to connect again, which only helps if it has said that it can (Enhanced RTMP v2, "Reconnect
   * Request").
   */
  askToReconnect(description: string): void {
    const info = amfObject({ level: "status", code: "NetConnection.Connect.ReconnectRequest", description });
    this.#send(writeStreamCommand(0, "onStatus", 0, null, info));
  }

  #status(code: string, description: string): void {
    this.#send(writeStatus(this.streamId, { level: "status", code, description }));
  }

  #stop(): void {
    const active = this.#active;
    if (active === undefined) return;
    this.#outputs.push({ kind: "stop" });
    if (active.action === "publish") this.#status("NetStream.Unpublish.Success", "unpublish success");
    this.#active = undefined;
  }

  /** `onMetaData`, alone or with `@setDataFrame`; other data messages are not passed on. */
  #data(message: InMessage): void {
    if (this.#active?.action !== "publish") return;
    const values = readData(message);
    const at = values[0] === "@setDataFrame" ? 1 : 0;
    const found = values[at + 1];
    if (values[at] === "onMetaData" && isAmfObject(found))
      this.#outputs.push({ kind: "metadata", values: found });
  }
}

function textOf(value: AmfValue): string {
  return typeof value === "string" ? value : "";
}
