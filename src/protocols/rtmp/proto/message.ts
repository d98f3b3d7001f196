import { readAmf0, readAmf3Command } from "../../../formats/amf/amf0-reader.ts";
import { writeAmf0 } from "../../../formats/amf/amf0-writer.ts";
import { type AmfValue, amfObject } from "../../../formats/amf/value.ts";

/** Types of messages (RTMP specification §5.4, §7.1). */
export const MESSAGE = {
  setChunkSize: 1,
  acknowledgement: 3,
  userControl: 4,
  windowSize: 5,
  peerBandwidth: 6,
  audio: 8,
  video: 9,
  dataAmf3: 15,
  commandAmf3: 17,
  data: 18,
  command: 20,
} as const;

/** Events of user control messages (§7.1.7). */
export const EVENT = {
  streamBegin: 0,
  streamEof: 1,
  setBufferLength: 3,
  pingRequest: 6,
  pingResponse: 7,
} as const;

/** Largest message that is neither audio nor video, bytes. */
export const COMMAND_MAX = 256 * 1024;

/** A message that was received. */
export interface InMessage {
  readonly type: number;
  /** ID of the message stream. */
  readonly streamId: number;
  /** Borrowed. */
  readonly body: Uint8Array;
}

/** A message to be sent. */
export interface OutMessage {
  readonly chunkStream: number;
  readonly type: number;
  readonly streamId: number;
  readonly timestamp: number;
  readonly body: Uint8Array;
}

/** Chunk streams that messages are sent on: control messages must use 2 (§5.4), the others are free. */
const CONTROL = 2;
const CONNECTION = 3;
const STATUS = 5;

/** A command (§7.1.1). */
export interface Command {
  readonly name: string;
  readonly transaction: number;
  /** The command object, and what follows it. */
  readonly values: readonly AmfValue[];
}

/**
 * Reads a command message.
 *
 * @returns undefined if it has no name
 * @throws {ProtocolError} if it is malformed
 */
export function readCommand({ type, body }: InMessage): Command | undefined {
  const [name, transaction, ...values] =
    type === MESSAGE.commandAmf3 ? readAmf3Command(body) : readAmf0(body);
  if (typeof name !== "string") return undefined;
  return { name, transaction: typeof transaction === "number" ? transaction : 0, values };
}

/** Reads a data message. @throws {ProtocolError} if it is malformed */
export function readData({ type, body }: InMessage): readonly AmfValue[] {
  return type === MESSAGE.dataAmf3 ? readAmf3Command(body) : readAmf0(body);
}

/** The first four bytes as a number, big-endian; 0 if there are fewer. */
export function readNumber(body: Uint8Array, at = 0): number {
  if (body.length < at + 4) return 0;
  return new DataView(body.buffer, body.byteOffset, body.byteLength).getUint32(at);
}

/** A command of the connection. */
export function writeCommand(...values: readonly AmfValue[]): OutMessage {
  return outgoing(CONNECTION, MESSAGE.command, 0, writeAmf0(...values));
}

/** A command of a message stream. */
export function writeStreamCommand(streamId: number, ...values: readonly AmfValue[]): OutMessage {
  return outgoing(STATUS, MESSAGE.command, streamId, writeAmf0(...values));
}

/** What an `onStatus` tells. */
export interface Status {
  readonly level: "status" | "error";
  readonly code: string;
  readonly description: string;
}

/** An `onStatus` of a message stream (§7.2.2). */
export function writeStatus(streamId: number, { level, code, description }: Status): OutMessage {
  return writeStreamCommand(streamId, "onStatus", 0, null, amfObject({ level, code, description }));
}

/** A data message of a message stream. */
export function writeData(streamId: number, ...values: readonly AmfValue[]): OutMessage {
  return outgoing(STATUS, MESSAGE.data, streamId, writeAmf0(...values));
}

/** Set Chunk Size (§5.4.1). */
export function writeChunkSize(size: number): OutMessage {
  return outgoing(CONTROL, MESSAGE.setChunkSize, 0, numbers(size));
}

/** Acknowledgement (§5.4.3). @param received all bytes so far; wraps */
export function writeAcknowledgement(received: number): OutMessage {
  return outgoing(CONTROL, MESSAGE.acknowledgement, 0, numbers(received));
}

/** Window Acknowledgement Size (§5.4.4). */
export function writeWindowSize(size: number): OutMessage {
  return outgoing(CONTROL, MESSAGE.windowSize, 0, numbers(size));
}

/** Set Peer Bandwidth with the dynamic limit (§5.4.5). */
export function writePeerBandwidth(size: number): OutMessage {
  const dynamic = 2;
  return outgoing(CONTROL, MESSAGE.peerBandwidth, 0, Uint8Array.of(...numbers(size), dynamic));
}

/** A user control message (§7.1.7). */
export function writeEvent(event: number, ...values: readonly number[]): OutMessage {
  return outgoing(
    CONTROL,
    MESSAGE.userControl,
    0,
    Uint8Array.of(event >> 8, event & 255, ...numbers(...values)),
  );
}

function outgoing(chunkStream: number, type: number, streamId: number, body: Uint8Array): OutMessage {
  return { chunkStream, type, streamId, timestamp: 0, body };
}

function numbers(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => {
    view.setUint32(4 * i, value >>> 0);
  });
  return bytes;
}
