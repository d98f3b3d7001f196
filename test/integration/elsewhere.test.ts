import { expect, test } from "bun:test";
import { RtspClient } from "../support/rtsp-client.ts";
import { TestServer } from "../support/server.ts";
import { TestPublisher } from "./publisher.ts";

const LIMIT_MS = 60_000;

/** Status of a DESCRIBE, where it sends the client, and the description. */
async function describePath(
  url: string,
): Promise<[status: number, location: string | undefined, sdp: string]> {
  await using client = await RtspClient.connect(url);
  const { status, headers, body } = await client.request("DESCRIBE");
  return [status, headers.get("Location"), new TextDecoder().decode(body)];
}

test(
  "while nobody publishes, readers are sent to the fallback: a path of ours, or a URL",
  async () => {
    await using server = await TestServer.start({
      config:
        "paths:\n  cam:\n    fallback: /other\n  far:\n    fallback: rtsp://example.com/stream\n  other:\n",
    });
    expect(await describePath(server.rtsp("cam"))).toEqual([301, server.rtsp("other"), ""]);
    expect(await describePath(server.rtsp("far"))).toEqual([301, "rtsp://example.com/stream", ""]);
    await using _ = await TestPublisher.start(server.rtsp("cam"));
    expect((await describePath(server.rtsp("cam")))[0]).toBe(200);
    expect((await describePath(server.rtsp("far")))[0]).toBe(301);
  },
  LIMIT_MS,
);

test(
  "?vlcmulticast names a group in the description, where multicast is allowed",
  async () => {
    for (const [protocols, address] of [
      ["[udp, multicast, tcp]", "224.1.0.0"],
      ["[udp, tcp]", "0.0.0.0"],
    ]) {
      await using server = await TestServer.start({ config: `protocols: ${protocols}\npaths:\n  all:\n` });
      await using _ = await TestPublisher.start(server.rtsp("cam"));
      expect((await describePath(server.rtsp("cam?vlcmulticast")))[2]).toContain(`c=IN IP4 ${address}\r\n`);
      expect((await describePath(server.rtsp("cam")))[2]).toContain("c=IN IP4 0.0.0.0\r\n");
    }
  },
  LIMIT_MS,
);
