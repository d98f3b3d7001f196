import { readFileSync } from "node:fs";
import { clip } from "../support/clips.ts";
import { type FlvTag, readFlv } from "../support/flv.ts";
import type { Received, RtmpTestClient } from "../support/rtmp-client.ts";

/** H264 with B frames and AAC, 10 s, as FFmpeg writes it. */
export async function flvTags(): Promise<FlvTag[]> {
  return readFlv(readFileSync(await clip("flvAac")));
}

/** Sends tags, moved by `shift` ms. */
export function sendTags(client: RtmpTestClient, tags: readonly FlvTag[], shift = 0): void {
  for (const tag of tags) client.sendTag({ ...tag, timestamp: (tag.timestamp + shift) >>> 0 });
}

/** Bodies of the frames of tags or messages, without the sequence headers, as text. */
export function frames(all: readonly (FlvTag | Received)[], type: 8 | 9): string[] {
  return all
    .filter((each) => each.type === type && each.body[1] === 1)
    .map(({ body }) => Buffer.from(body.subarray(type === 9 ? 5 : 2)).toString("base64"));
}
