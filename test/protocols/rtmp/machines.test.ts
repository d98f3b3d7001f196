import { describe, expect, test } from "bun:test";
import { amfObject } from "../../../src/formats/amf/value.ts";
import { type ClientOutput, RtmpClient } from "../../../src/protocols/rtmp/proto/client.ts";
import {
  EVENT,
  MESSAGE,
  type OutMessage,
  readCommand,
  writeCommand,
  writeData,
  writeEvent,
  writeStatus,
  writeStreamCommand,
  writeWindowSize,
} from "../../../src/protocols/rtmp/proto/message.ts";
import { RtmpServer, type ServerOutput } from "../../../src/protocols/rtmp/proto/server.ts";

/** Outputs in words: commands by name, control messages by type, everything else by kind. */
function drain(machine: { poll(): ServerOutput | ClientOutput | undefined }): string[] {
  const words: string[] = [];
  for (let output = machine.poll(); output !== undefined; output = machine.poll()) {
    words.push(output.kind === "send" ? wordOf(output.message) : output.kind);
  }
  return words;
}

function wordOf(message: OutMessage): string {
  if (message.type !== MESSAGE.command) return `type ${message.type}`;
  const { name, values } = readCommand(message) ?? { name: "", values: [] };
  const code = (values[1] as ReadonlyMap<string, unknown> | undefined)?.get?.("code");
  return typeof code === "string" ? code : name;
}

const connect = writeCommand("connect", 1, amfObject({ app: "live", tcUrl: "rtmp://h/live" }));

describe("the server's side", () => {
  test("answers connect and createStream, hands on a request, and tells nothing before it is accepted", () => {
    const server = new RtmpServer();
    server.receive(connect);
    expect(drain(server)).toEqual(["type 5", "type 6", "type 1", "NetConnection.Connect.Success"]);
    for (const name of ["releaseStream", "FCPublish", "_checkbw"])
      server.receive(writeCommand(name, 2, null, "key"));
    server.receive(writeCommand("createStream", 3, null));
    expect(drain(server)).toEqual(["_result"]);
    server.receive(writeStreamCommand(1, "publish", 4, null, "key?user=u&pass=p", "live"));
    const request = server.poll();
    expect(request).toMatchObject({
      kind: "request",
      action: "publish",
      target: { path: "live/key", query: "user=u&pass=p", credentials: { user: "u", pass: "p" } },
    });
    expect(server.poll()).toBeUndefined();
    server.accept();
    expect(drain(server)).toEqual(["NetStream.Publish.Start"]);
    server.receive(writeData(1, "@setDataFrame", "onMetaData", amfObject({ width: 1 })));
    server.receive(writeCommand("FCUnpublish", 5, null, "key"));
    expect(drain(server)).toEqual(["metadata", "stop", "NetStream.Unpublish.Success"]);
  });

  test("takes a client without tcUrl, and one that begins with AMF3", () => {
    const server = new RtmpServer();
    const { body } = writeCommand("connect", 1, amfObject({ app: "cam" }));
    server.receive({ type: MESSAGE.commandAmf3, streamId: 0, body: Uint8Array.of(0, ...body) });
    drain(server);
    server.receive(writeStreamCommand(0, "play", 2, null, ""));
    expect(server.poll()).toMatchObject({ action: "read", target: { path: "cam" } });
  });

  test("refuses with one status, and may be asked again", () => {
    const server = new RtmpServer();
    server.receive(connect);
    server.receive(writeStreamCommand(1, "play", 2, null, "a"));
    drain(server);
    server.refuse({ level: "error", code: "NetStream.Play.StreamNotFound", description: "" });
    server.ended();
    expect(drain(server)).toEqual(["NetStream.Play.StreamNotFound"]);
    server.receive(writeStreamCommand(1, "play", 2, null, "b"));
    expect(drain(server)).toEqual(["request"]);
  });

  test("acknowledges windows, of 4 KB at least", () => {
    const server = new RtmpServer();
    server.receive(writeWindowSize(1));
    server.received(4_000);
    expect(drain(server)).toEqual([]);
    server.received(4_096);
    server.received(8_000);
    expect(drain(server)).toEqual(["type 3"]);
  });

  test("refuses what comes before connect, and a connect without an app", () => {
    expect(() => new RtmpServer().receive(writeCommand("publish", 1, null))).toThrow(
      "'publish' before 'connect'",
    );
    expect(() => new RtmpServer().receive(writeCommand("connect", 1, amfObject({})))).toThrow(
      "without an app",
    );
  });
});

describe("the client's side", () => {
  const options = {
    tcUrl: "rtmp://h/live",
    app: "live",
    stream: "key",
    capabilities: { capsEx: 1 },
    timeout: 1_000,
  };
  const success = writeCommand("_result", 1, null, amfObject({ code: "NetConnection.Connect.Success" }));

  test("connects, creates a stream and plays it; statuses may have any number", () => {
    const client = new RtmpClient(options, 0);
    expect(drain(client)).toEqual(["connect"]);
    client.receive(success, 40);
    expect(drain(client)).toEqual(["type 5", "createStream"]);
    expect(client.roundTrip).toBe(40);
    client.receive(writeCommand("_result", 2, null, 3), 50);
    expect(drain(client)).toEqual(["play", "type 4"]);
    const info = amfObject({ level: "status", code: "NetStream.Play.Start" });
    client.receive(writeStreamCommand(3, "onStatus", 77, null, info), 60);
    client.receive(writeData(3, "onMetaData", amfObject({ width: 1 })), 70);
    expect(drain(client)).toEqual(["playing", "metadata"]);
    client.tick(100_000);
    expect(() => client.receive(writeEvent(EVENT.streamEof, 3), 80)).toThrow("the stream has ended");
  });

  test("follows a redirect", () => {
    const client = new RtmpClient(options, 0);
    const ex = amfObject({ code: 302, redirect: "rtmp://other:1936/app" });
    const info = amfObject({ level: "error", code: "NetConnection.Connect.Rejected", ex });
    client.receive(writeCommand("_error", 1, null, info), 1);
    client.poll();
    expect(client.poll()).toEqual({ kind: "redirect", url: "rtmp://other:1936/app" });
  });

  test("says why the server has refused, and that it is silent", () => {
    const client = new RtmpClient(options, 0);
    client.receive(success, 1);
    client.receive(writeCommand("_result", 2, null, 1), 2);
    const status = writeStatus(1, {
      level: "error",
      code: "NetStream.Play.StreamNotFound",
      description: "no such",
    });
    expect(() => client.receive(status, 3)).toThrow(
      "server refused play request: NetStream.Play.StreamNotFound: no such",
    );
    expect(() => new RtmpClient(options, 0).tick(1_000)).toThrow("i/o timeout: no answer to 'connect'");
  });
});
