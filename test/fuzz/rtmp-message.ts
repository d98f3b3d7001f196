import { amfObject, ecmaArray } from "../../src/formats/amf/value.ts";
import { ProtocolError, SourceError } from "../../src/lib/errors.ts";
import { RtmpClient } from "../../src/protocols/rtmp/proto/client.ts";
import {
  type OutMessage,
  writeAcknowledgement,
  writeCommand,
  writeData,
  writeEvent,
  writePeerBandwidth,
  writeStatus,
  writeStreamCommand,
  writeWindowSize,
} from "../../src/protocols/rtmp/proto/message.ts";
import { RtmpServer } from "../../src/protocols/rtmp/proto/server.ts";

/** Messages that are neither audio nor video, to both sides: a type, the ID of the message stream, a size, a body each. */
export const name = "rtmp-message";

const HEAD = 4;

function listed(...messages: readonly OutMessage[]): Uint8Array {
  return new Uint8Array(
    Buffer.concat(
      messages.map(({ type, streamId, body }) =>
        Buffer.concat([Uint8Array.of(type, streamId, body.length >> 8, body.length & 255), body]),
      ),
    ),
  );
}

const members = { app: "live", tcUrl: "rtmp://h/live", objectEncoding: 0, capsEx: 15 };
const connect = writeCommand("connect", 1, amfObject({ ...members, fourCcList: ["av01", "*"] }));
const metadata = ecmaArray({ videocodecid: 7, audiocodecid: "mp4a", width: 320 });
const status = (code: string) => writeStatus(1, { level: "status", code, description: "x" });

export const seeds: Uint8Array[] = [
  listed(
    connect,
    writeWindowSize(5_000),
    writeCommand("releaseStream", 2, null, "key"),
    writeCommand("createStream", 3, null),
    writeStreamCommand(1, "publish", 4, null, "key?user=u&pass=p", "live"),
    writeData(1, "@setDataFrame", "onMetaData", metadata),
    writeStreamCommand(1, "deleteStream", 5, null, 1),
  ),
  listed(
    connect,
    writeStreamCommand(1, "play", 2, null, "key", -2_000),
    writeEvent(3, 1, 100),
    writeEvent(6, 99),
  ),
  listed(
    writeAcknowledgement(7),
    writePeerBandwidth(9),
    connect,
    writeStreamCommand(1, "closeStream", 0, null),
  ),
  listed(
    writeCommand(
      "_result",
      1,
      amfObject({ fmsVer: "x" }),
      amfObject({ code: "NetConnection.Connect.Success" }),
    ),
    writeCommand("_result", 2, null, 1),
    status("NetStream.Play.Start"),
    writeData(1, "onMetaData", metadata),
    writeEvent(1, 1),
  ),
  listed(
    writeCommand(
      "_error",
      1,
      null,
      amfObject({
        code: "NetConnection.Connect.Rejected",
        ex: amfObject({ code: 302, redirect: "rtmp://other/app" }),
      }),
    ),
  ),
  listed(
    writeCommand("_result", 1, null, null),
    writeCommand("_result", 2, null, 1),
    status("NetStream.Play.StreamNotFound"),
  ),
];

export function run(input: Uint8Array): void {
  const server = new RtmpServer();
  const client = new RtmpClient(
    { tcUrl: "rtmp://h/live", app: "live", stream: "key", capabilities: {}, timeout: 1_000 },
    0,
  );
  const ends = [toEnd(() => drive(server, input, (message) => server.receive(message))), "and"];
  ends.push(toEnd(() => drive(client, input, (message) => client.receive(message, 1))));
  throw new ProtocolError(ends.join(" "));
}

function toEnd(work: () => string): string {
  try {
    return work();
  } catch (error) {
    if (error instanceof ProtocolError || error instanceof SourceError)
      return error.message.replace(/[^a-z ].*$/i, "");
    throw error;
  }
}

/** Feeds the messages; requests are accepted and refused in turn. @returns what the machine wanted, as letters */
function drive(
  machine: RtmpServer | RtmpClient,
  input: Uint8Array,
  receive: (message: { type: number; streamId: number; body: Uint8Array }) => void,
): string {
  const kinds: string[] = [];
  for (let at = 0; at + HEAD <= input.length; ) {
    const [type = 0, streamId = 0, high = 0, low = 0] = input.subarray(at, at + HEAD);
    const size = high * 256 + low;
    receive({ type, streamId, body: input.subarray(at + HEAD, at + HEAD + size) });
    at += HEAD + size;
    for (let output = machine.poll(); output !== undefined; output = machine.poll()) {
      kinds.push(output.kind);
      if (output.kind !== "request" || !(machine instanceof RtmpServer)) continue;
      if (output.target.path.length % 2 === 0) machine.accept();
      else machine.refuse({ level: "error", code: "x", description: "y" });
    }
  }
  return kinds.slice(0, 8).join("");
}
