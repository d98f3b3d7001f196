/**
 * The yardstick of the HLS row: a bare `Bun.serve` that answers the same mix of requests from constants. Requests for a
 * playlist are held, and answered all together whenever a period is over; everything else is a part.
 *
 *   bun hls-constants.ts PLAYLIST PART PERIOD_MS
 */
const [playlistFile = "", partFile = "", period = "200"] = process.argv.slice(2);
const playlist = new Blob([await Bun.file(playlistFile).bytes()]);
const part = new Blob([await Bun.file(partFile).bytes()]);
const playlistHeaders = new Headers({
  "Content-Type": "application/vnd.apple.mpegurl",
  "Cache-Control": "no-cache",
  "Access-Control-Allow-Origin": "*",
});
const partHeaders = new Headers({
  "Content-Type": "video/mp4",
  "Cache-Control": "max-age=3600",
  "Access-Control-Allow-Origin": "*",
});
let held: ((response: Response) => void)[] = [];

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: (request, self) => {
    if (!request.url.includes("/stream.m3u8")) return new Response(part, { headers: partHeaders });
    if (!request.url.includes("?")) return new Response(playlist, { headers: playlistHeaders });
    self.timeout(request, 0);
    return new Promise<Response>((resolve) => {
      held.push(resolve);
    });
  },
});

setInterval(() => {
  const released = held;
  held = [];
  for (const resolve of released) resolve(new Response(playlist, { headers: playlistHeaders }));
}, Number(period));

console.log(`listens on ${server.port}`);

export {};
