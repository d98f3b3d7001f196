import { expect, test } from "bun:test";
import { Arena } from "./arena.ts";
import { TestPublisher } from "./publisher.ts";
import { TestReader } from "./reader.ts";

const LIMIT_MS = 60_000;

function webSocket(arena: Arena, path: string): string {
  return arena.url(path).replace("rtsp:", "ws:");
}

test.concurrent(
  "publishers and readers over a WebSocket, beside others, get every byte",
  async () => {
    await using arena = await Arena.start();
    {
      await using publisher = await TestPublisher.start(webSocket(arena, "cam"));
      const { tracks } = publisher;
      await using plain = await TestReader.start(arena.url("cam"), tracks);
      await using usual = await TestReader.start(webSocket(arena, "cam"), tracks);
      await using other = await TestReader.start(webSocket(arena, "cam"), tracks, { channels: [6, 10] });
      await using sound = await TestReader.start(webSocket(arena, "cam"), tracks, { tracks: [1] });
      for (const reader of [plain, usual, other, sound]) {
        await reader.more(200);
        expect(reader.faults).toEqual([]);
        expect(reader.reports.length).toBeGreaterThan(0);
      }
      await usual.client.must("GET_PARAMETER", { url: "/" });
    }
    await arena.settle();
  },
  LIMIT_MS,
);

test.concurrent(
  "thirty readers over WebSockets get a fast stream whole",
  async () => {
    await using arena = await Arena.start();
    {
      await using publisher = await TestPublisher.start(arena.url("cam"));
      const readers = await Promise.all(
        Array.from({ length: 30 }, () => TestReader.start(webSocket(arena, "cam"), publisher.tracks)),
      );
      await using stack = new AsyncDisposableStack();
      for (const reader of readers) stack.use(reader);
      await Promise.all(readers.map((reader) => reader.more(300)));
      for (const reader of readers) expect(reader.faults).toEqual([]);
    }
    await arena.settle();
  },
  LIMIT_MS,
);
