import { expect, test } from "bun:test";
import { Network } from "../integration/network.ts";
import { type ClipName, longClip } from "../support/clips.ts";
import { parseFrames } from "../support/exact.ts";
import { Random } from "../support/random.ts";
import { TestServer } from "../support/server.ts";
import { Client, clientTest, ffmpeg, ffmpegReader, has } from "../support/tools.ts";
import { checkListing, frameList, H264_SLICES, H265_SLICES } from "./recording.ts";

const SEED = 5;
const TIMEOUT_MS = 60_000;
const FRAMES = 75;
const TOOLS = ["ffmpeg"] as const;

/** What is sent, how its tracks are called, and what of the pictures is compared. */
const STREAMS: readonly { clip: ClipName; tracks: string; filter?: string; sound?: string }[] = [
  { clip: "tsAac", tracks: "H264, MPEG-4 Audio", filter: H264_SLICES, sound: "aac_adtstoasc" },
  { clip: "tsBframes", tracks: "H264, AC-3", filter: H264_SLICES },
  { clip: "tsH265", tracks: "H265, Opus", filter: H265_SLICES },
  { clip: "tsMpeg2", tracks: "MPEG-1/2 Video, MPEG-1/2 Audio" },
  { clip: "tsMp3", tracks: "H264, MPEG-1/2 Audio", filter: H264_SLICES },
];

/** A server with a source on a port of the system's choice, which a debug line tells. */
async function serve(path: string, more = ""): Promise<{ server: TestServer; port: number }> {
  const server = await TestServer.start({
    config: `logLevel: debug\npaths:\n  ${path}:\n    source: udp://127.0.0.1:0\n${more}`,
  });
  const match = await server.waitForLog(/\[UDP source\] listening on 127\.0\.0\.1:(\d+)/);
  return { server, port: Number(match[1]) };
}

/** FFmpeg sends a file in real time. */
function send(file: string, port: number, ...options: string[]): Client {
  const url = `udp://127.0.0.1:${port}?pkt_size=1316`;
  const input = ["-nostdin", "-v", "error", "-re", "-i", file];
  return new Client(["ffmpeg", ...input, "-map", "0", "-c", "copy", ...options, "-f", "mpegts", url]);
}

for (const row of STREAMS) {
  clientTest(
    `FFmpeg sends ${row.tracks} by UDP, another one reads it by RTSP`,
    TOOLS,
    TIMEOUT_MS,
    async () => {
      const { server, port } = await serve("cam");
      await using _ = server;
      const file = await longClip(row.clip);
      await using sender = send(file, port);
      await server.waitForLog(
        new RegExp(`\\[path cam\\] \\[UDP source\\] ready: 2 tracks \\(${row.tracks}\\)`),
      );
      const readings = [
        ["0:v:0", row.filter, row.filter],
        ["0:a:0", undefined, row.sound],
      ] as const;
      await Promise.all(
        readings.map(async ([stream, filter, sentFilter]) => {
          const list = frameList(stream, filter);
          await using reader = ffmpegReader(server.rtsp("cam"), ["-frames:0", String(FRAMES), ...list]);
          const { stdout } = await reader.success();
          const sent = await ffmpeg("-i", file, ...frameList(stream, sentFilter));
          checkListing(sent.stdout, stdout, FRAMES - 2);
        }),
      );
      await sender.stop();
      expect(server.log.split("\n").filter((line) => / (WAR|ERR) /.test(line))).toEqual([]);
    },
  );
}

/** Between a sender and the server: may change datagrams, or leave them out. */
class Relay implements Disposable {
  readonly #socket: import("bun").udp.Socket<"buffer">;
  change: (datagram: Buffer) => Uint8Array | undefined = (datagram) => datagram;

  private constructor(socket: import("bun").udp.Socket<"buffer">) {
    this.#socket = socket;
  }

  static async open(port: number): Promise<Relay> {
    const socket = await Bun.udpSocket({
      hostname: "127.0.0.1",
      socket: {
        data: (from, datagram) => {
          const changed = relay.change(datagram);
          if (changed !== undefined) from.send(changed, port, "127.0.0.1");
        },
        error() {},
      },
    });
    const relay = new Relay(socket);
    return relay;
  }

  get port(): number {
    return this.#socket.port;
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

const VIDEO = frameList("0:v:0", H264_SLICES);

/** Hashes of the frames that a reader gets. */
async function read(server: TestServer, frames: number): Promise<Uint8Array> {
  // where much is missing, it may be long until a key frame comes whole
  const options = ["-copyinkf:0", "-frames:0", String(frames)];
  await using reader = ffmpegReader(server.rtsp("cam"), [...VIDEO.slice(0, -1), ...options, "-"]);
  return (await reader.success()).stdout;
}

/** Packets of transport streams in a datagram. */
function packets(datagram: Buffer): Buffer[] {
  return Array.from({ length: datagram.length / 188 }, (_, i) => datagram.subarray(188 * i, 188 * (i + 1)));
}

clientTest(
  "a tenth of the packets is missing: what comes is whole, and all comes again",
  TOOLS,
  TIMEOUT_MS,
  async () => {
    const { server, port } = await serve("cam");
    await using _ = server;
    using relay = await Relay.open(port);
    const file = await longClip("tsAac");
    await using sender = send(file, relay.port);
    await server.waitForLog(/ready: 2 tracks/);
    const random = new Random(SEED);
    relay.change = (datagram) => Buffer.concat(packets(datagram).filter(() => !random.chance(0.1)));
    const sent = (await ffmpeg("-i", file, ...VIDEO)).stdout;
    const known = new Set(parseFrames(sent).map(({ hash }) => hash));
    const got = parseFrames(await read(server, 40)).map(({ hash }) => hash);
    // the reader's first frame may have begun before it came
    expect(got.slice(1).filter((hash) => !known.has(hash))).toEqual([]);
    await server.waitForLog(
      /WAR \[path cam\] \[UDP source\] continuity counter error: packets lost \(\d+ times\)/,
    );
    relay.change = (datagram) => datagram;
    checkListing(sent, await read(server, FRAMES), FRAMES - 2);
    expect(server.log).not.toContain(" ERR ");
    await sender.stop();
  },
);

clientTest(
  "bad sync bytes and datagrams of odd sizes harm nothing but themselves",
  TOOLS,
  TIMEOUT_MS,
  async () => {
    const { server, port } = await serve("cam");
    await using _ = server;
    using relay = await Relay.open(port);
    const file = await longClip("tsAac");
    await using sender = send(file, relay.port);
    await server.waitForLog(/ready: 2 tracks/);
    const random = new Random(SEED);
    relay.change = (datagram) => {
      if (random.chance(0.05)) return datagram.subarray(0, datagram.length - 1);
      for (const packet of packets(datagram)) if (random.chance(0.01)) packet[0] = random.below(256);
      return datagram;
    };
    await server.waitForLog(/received packet with size 1315 not multiple of 188/);
    await server.waitForLog(/sync byte lost/);
    relay.change = (datagram) => datagram;
    const sent = (await ffmpeg("-i", file, ...VIDEO)).stdout;
    checkListing(sent, await read(server, FRAMES), FRAMES - 2);
    expect(server.log).not.toContain(" ERR ");
    await sender.stop();
  },
);

clientTest(
  "the sender starts again, with other packet identifiers: readers stay",
  TOOLS,
  TIMEOUT_MS,
  async () => {
    const { server, port } = await serve("cam");
    await using _ = server;
    const file = await longClip("tsAac");
    const first = send(file, port);
    await server.waitForLog(/ready: 2 tracks/);
    const list = ["-frames:0", "150", "-map", "0:v:0", "-c", "copy", "-f", "framemd5", "-"];
    await using reader = ffmpegReader(server.rtsp("cam"), list);
    await reader.line();
    await first.stop();
    await using second = send(file, port, "-mpegts_start_pid", "0x300", "-mpegts_pmt_start_pid", "0x500");
    const frames = parseFrames((await reader.success()).stdout);
    expect(frames.length).toBe(150);
    const steps = frames.slice(1).map(({ time }, i) => time - frames[i]!.time);
    expect(Math.min(...steps)).toBeGreaterThan(0);
    expect(server.log).not.toContain(" ERR ");
    await second.stop();
  },
);

clientTest(
  "silence ends the stream; it comes again with the sender, also on demand",
  TOOLS,
  TIMEOUT_MS,
  async () => {
    const port = await freePort();
    await using server = await TestServer.start({
      config: `readTimeout: 1s
paths:
  cam:
    source: udp://127.0.0.1:${port}
    sourceOnDemand: yes
`,
    });
    const file = await longClip("tsAac");
    const list = ["-frames:0", "10", "-map", "0:v:0", "-f", "null", "-"];
    for (let round = 0; round < 2; round++) {
      const from = server.log.length;
      await using sender = send(file, port);
      await using reader = ffmpegReader(server.rtsp("cam"), list);
      await reader.success();
      await sender.stop();
      const silence = /ERR \[path cam\] \[UDP source\] read udp 127\.0\.0\.1:\d+: i\/o timeout/;
      await server.waitForLog(silence, from);
    }
  },
);

/** A port that nobody has at this moment. */
async function freePort(): Promise<number> {
  const socket = await Bun.udpSocket({ hostname: "127.0.0.1" });
  const { port } = socket;
  socket.close();
  return port;
}

const twoHosts = has("ffmpeg") && Network.available ? test : test.skip;
for (const [family, group, from] of [
  ["IPv4", "239.7.7.7", "10.99.0.1"],
  ["IPv6", "[ff15::7:7]", "[fd99::1]"],
] as const) {
  twoHosts(
    `another host sends to a group of ${family}`,
    async () => {
      await using network = Network.open();
      const config = `paths:\n  cam:\n    source: udp://${group}:5004\n`;
      await using server = await TestServer.start({ prefix: network.on("b"), config });
      const file = await longClip("tsAac");
      const options = family === "IPv4" ? `&localaddr=${from}&ttl=2` : "";
      const url = `udp://${group}:5004?pkt_size=1316${options}`;
      const input = ["-nostdin", "-v", "error", "-re", "-i", file, "-c", "copy"];
      await using _ = new Client([...network.on("a"), "ffmpeg", ...input, "-f", "mpegts", url]);
      await server.waitForLog(/\[path cam\] \[UDP source\] ready: 2 tracks \(H264, MPEG-4 Audio\)/);
      const reader = [
        "ffmpeg",
        "-nostdin",
        "-v",
        "error",
        "-rtsp_transport",
        "tcp",
        "-i",
        server.rtsp("cam"),
      ];
      await using client = new Client([...network.on("b"), ...reader, "-frames:0", String(FRAMES), ...VIDEO]);
      checkListing((await ffmpeg("-i", file, ...VIDEO)).stdout, (await client.success()).stdout, FRAMES - 2);
    },
    TIMEOUT_MS,
  );
}
