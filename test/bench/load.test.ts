import { expect, test } from "bun:test";
import type { Socket, TCPSocketListener } from "bun";
import { Certificates } from "../integration/certificates.ts";
import { startPublishers, startReaders, startViewers, type ViewResult } from "./load.ts";
import { Relay } from "./relay.ts";
import { buildTools, canBuildTools, hasTls } from "./tools.ts";

/** What lies between the relay and the reader: changes the bytes that pass. */
type Fault = (data: Buffer) => Buffer;

const SKIP = !canBuildTools();

/** Interleaved frame of RTP at or after `from`: its offset and size. */
function findFrame(data: Buffer, from: number): { at: number; size: number } {
  for (let at = 0; at + 4 < data.length; ) {
    const size = 4 + data.readUInt16BE(at + 2);
    if (at >= from && data[at + 1] === 0) return { at, size };
    at += size;
  }
  return { at: 0, size: 0 };
}

/** Hands on what `port` sends; the 5th chunk, which begins with a frame, goes through `fault`. */
function between(port: number, fault: Fault): TCPSocketListener<undefined> {
  return Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      async open(reader: Socket<undefined>) {
        let chunks = 0;
        await Bun.connect({
          hostname: "127.0.0.1",
          port,
          socket: {
            data(_, data) {
              reader.write(++chunks === 5 ? fault(data) : data);
            },
          },
        });
      },
      data() {},
    },
  });
}

/** Publishes at a low rate through relay and fault to one reader for 1 s. */
async function readThrough(fault: Fault) {
  buildTools();
  await using relay = await Relay.start(["forward", "--readers", "1"]);
  using proxy = between(relay.readerPort, fault);
  await using readers = startReaders({ port: proxy.port, count: 1, raw: true, seconds: 1 });
  await readers.began();
  await using publisher = startPublishers({
    port: relay.ingestPort,
    count: 1,
    raw: true,
    bitrate: 1_000_000,
  });
  await publisher.ready();
  return await readers.result();
}

test.skipIf(SKIP)(
  "an untouched stream has neither gaps nor mismatches",
  async () => {
    const result = await readThrough((data) => data);
    expect(result).toMatchObject({ gaps: 0, sequenceGaps: 0, mismatches: 0, closed: 0 });
    expect(result.packets).toBeGreaterThan(50);
  },
  20_000,
);

test.skipIf(SKIP)(
  "one changed byte is seen",
  async () => {
    const result = await readThrough((data) => {
      const { at, size } = findFrame(data, 0);
      const copy = Buffer.from(data);
      copy[at + size - 1] = (copy[at + size - 1] ?? 0) ^ 1;
      return copy;
    });
    expect(result.mismatches).toBe(1);
  },
  20_000,
);

test.skipIf(SKIP)(
  "one missing packet is seen",
  async () => {
    const result = await readThrough((data) => {
      const { at, size } = findFrame(data, 0);
      return Buffer.concat([data.subarray(0, at), data.subarray(at + size)]);
    });
    expect(result).toMatchObject({ gaps: 1, lost: 1, sequenceGaps: 1 });
  },
  20_000,
);

/** What readers of a relay see of one publisher. */
async function readFrom(args: readonly string[], how: { readonly udp?: boolean; readonly tls?: boolean }) {
  buildTools();
  await using relay = await Relay.start([...args, "--readers", "3"]);
  await using readers = startReaders({ port: relay.readerPort, count: 3, raw: true, seconds: 1, ...how });
  await readers.began();
  await using publisher = startPublishers({ port: relay.ingestPort, count: 1, raw: true });
  await publisher.ready();
  return await readers.result();
}

for (const args of [["send"], ["send", "--segment"]]) {
  test.skipIf(SKIP)(
    `datagrams are read whole (relay ${args.join(" ")})`,
    async () => {
      const result = await readFrom(args, { udp: true });
      expect(result).toMatchObject({ gaps: 0, sequenceGaps: 0, mismatches: 0, closed: 0 });
      expect(result.packets).toBeGreaterThan(500);
    },
    20_000,
  );
}

test.skipIf(SKIP || !hasTls() || !Certificates.available)(
  "an encrypted connection is read whole",
  async () => {
    using certificates = new Certificates("bench");
    const { keyFile, certFile } = certificates;
    const result = await readFrom(["forward", "--key", keyFile, "--cert", certFile], { tls: true });
    expect(result).toMatchObject({ gaps: 0, sequenceGaps: 0, mismatches: 0, closed: 0 });
    expect(result.packets).toBeGreaterThan(500);
  },
  20_000,
);

/** What viewers say of a server whose n-th part is what `part` makes of it. */
async function watch(part: (index: number) => Uint8Array, playlist = PLAYLIST): Promise<ViewResult> {
  buildTools();
  let parts = 0;
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async ({ url }) => {
      if (!url.includes("stream.m3u8")) return new Response(part(parts++) as Uint8Array<ArrayBuffer>);
      await Bun.sleep(20);
      return new Response(playlist);
    },
  });
  const options = { port: server.port ?? 0, count: 5, seconds: 1, unchecked: true };
  await using viewers = startViewers(options);
  const result = await viewers.result();
  await server.stop(true);
  return result;
}

const PLAYLIST = [
  ...["#EXTM3U", "#EXT-X-VERSION:9", "#EXT-X-TARGETDURATION:1", "#EXT-X-MEDIA-SEQUENCE:7"],
  ...['#EXT-X-MAP:URI="ab_init.mp4"', "#EXTINF:1.00000,", "ab_seg7.mp4"],
  ...['#EXT-X-PART:DURATION=0.20000,URI="ab_part5.mp4"', '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="ab_part6.mp4"'],
  "",
].join("\n");

const MOVIE = Buffer.from(
  "00000010" + "6d6f6f66" + "0011223344556677" + "00000009" + "6d646174" + "88",
  "hex",
);

test.skipIf(SKIP)(
  "viewers see a changed byte, a cut box, and a playlist that is none",
  async () => {
    const good = await watch(() => MOVIE);
    expect(good).toMatchObject({ playing: 5, mismatches: 0, closed: 0 });
    expect(good.parts).toBeGreaterThan(20);
    const changed = Buffer.from(MOVIE);
    changed[24] = 0x89;
    expect((await watch((index) => (index === 7 ? changed : MOVIE))).mismatches).toBe(1);
    expect((await watch(() => MOVIE.subarray(0, -1))).mismatches).toBeGreaterThan(5);
    expect((await watch(() => MOVIE, PLAYLIST.replace("#EXTINF", "#EXTIMF"))).mismatches).toBeGreaterThan(0);
  },
  30_000,
);
