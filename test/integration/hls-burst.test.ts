import { expect, test } from "bun:test";
import { TestServer } from "../support/server.ts";
import { ClipPublisher } from "./clip-publisher.ts";
import { encodeSmall } from "./h264-clip.ts";

const TIMEOUT_MS = 60_000;
/** Nothing is left to wait for: far less than the distance of two pictures. TEST_AT_ONCE_MS=50 holds on a quiet machine. */
const AT_ONCE_MS = Number(process.env["TEST_AT_ONCE_MS"] ?? 500);
const SECOND = 90_000;
/** Key pictures alone, of one packet each, and of several. */
const SIZES = {
  small: encodeSmall({ size: "64x64", gop: 1, seconds: 1 }),
  large: encodeSmall({ size: "640x480", gop: 1, seconds: 1 }),
};

const get = async (url: string) => (await fetch(url)).text();

for (const variant of ["lowLatency", "fmp4", "mpegts"]) {
  for (const [size, pictures] of Object.entries(SIZES)) {
    test.concurrent(
      `${variant}: a viewer that waits is answered by a burst of ${size} pictures, though nothing follows`,
      async () => {
        await using server = await TestServer.start({ config: `hlsVariant: ${variant}\npaths:\n  all:\n` });
        for (const count of [3, 6, 10]) {
          for (const start of [0, 0x7fff_0000, 0xffff_0000]) {
            const path = `cam-${count}-${start}`;
            await using publisher = await ClipPublisher.start(server.rtsp(path));
            const answer = fetch(server.hls(`${path}/stream.m3u8`));
            await server.waitForLog(new RegExp(`muxer ${path}\\] is converting`));
            publisher.burst(pictures.slice(0, count), start, SECOND);
            const sent = performance.now();
            const response = await answer;
            expect(performance.now() - sent).toBeLessThan(AT_ONCE_MS);
            expect(response.status).toBe(200);
            const listed = async () =>
              (await get(server.hls(`${path}/stream.m3u8`))).match(/^\w+_seg\d+\.(mp4|ts)$/gm)?.length;
            const all = Math.min(count - 1, 7);
            await server.until(async () => (await listed()) === all, "all are listed", AT_ONCE_MS);
          }
        }
      },
      TIMEOUT_MS,
    );
  }
}
