import { TestPublisher } from "../integration/publisher.ts";
import { TestReader } from "../integration/reader.ts";
import { type SyntheticTrack, syntheticTracks } from "../support/media.ts";
import type { Random } from "../support/random.ts";
import { interleaved, RtspClient } from "../support/rtsp-client.ts";

/** What all actors share. */
export interface Stage {
  /** `rtsp://host:port` */
  readonly origin: string;
  readonly random: Random;
  readonly streams: number;
  /** Aborted when the play is over. */
  readonly over: AbortSignal;
  readonly counts: Record<"readers" | "publishers" | "faults" | "packets", number>;
  /** What must not have been, as readers see it. */
  readonly wrong: string[];
}

const STREAM = { bytesPerSecond: 40_000, audio: true };

/** Publishes on one stream, again and again, each time ending in another way. */
export async function publishForever(stage: Stage, stream: number): Promise<void> {
  const { random, over, counts } = stage;
  while (!over.aborted) {
    await tolerate(async () => {
      const options = { ...STREAM, seed: stream };
      const publisher = await TestPublisher.start(`${stage.origin}/s${stream}`, options);
      counts.publishers += 1;
      await pause(over, random.between(5_000, 30_000));
      await endPublisher(publisher, random);
    });
    await pause(over, random.between(50, 500));
  }
}

async function endPublisher(publisher: TestPublisher, random: Random): Promise<void> {
  const { client } = publisher;
  publisher.fallSilent();
  switch (random.below(6)) {
    case 0:
      await client.must("TEARDOWN", { url: "/" });
      break;
    case 1:
      client.terminate();
      break;
    case 2:
      client.send(interleaved(0, new Uint8Array(30_000)).subarray(0, random.between(1, 20_000)));
      client.halfClose();
      break;
    case 3:
      client.send(Buffer.from("\x00no such method\r\n\r\n"));
      await client.closed;
      break;
    case 4:
      await client.closed; // it is silent until the server loses patience
      break;
  }
  await publisher[Symbol.asyncDispose]();
}

/** Reads random streams, again and again, each time ending in another way. */
export async function readForever(stage: Stage): Promise<void> {
  const { random, over, counts } = stage;
  while (!over.aborted) {
    await tolerate(async () => {
      const stream = random.below(stage.streams);
      const tracks = syntheticTracks({ ...STREAM, seed: stream });
      const reader = await TestReader.start(`${stage.origin}/s${stream}`, tracks, oddities(random, tracks));
      counts.readers += 1;
      await Promise.race([pause(over, random.between(500, 12_000)), reader.client.closed]);
      counts.packets += reader.packets;
      for (const fault of reader.faults) stage.wrong.push(`s${stream}: ${fault}`);
      await endReader(reader, random);
    });
    await pause(over, random.between(10, 100));
  }
}

/** Most readers take all tracks as they are; some do not. */
function oddities(random: Random, tracks: readonly SyntheticTrack[]) {
  if (random.chance(0.7)) return {};
  if (random.chance(0.5)) return { tracks: [random.below(tracks.length)] };
  return { channels: [2 * random.between(1, 60), 0] };
}

async function endReader(reader: TestReader, random: Random): Promise<void> {
  const { client } = reader;
  if (client.isClosed) return;
  switch (random.below(4)) {
    case 0:
      await client.must("TEARDOWN", { url: "/" });
      break;
    case 1:
      client.terminate();
      return;
    case 2:
      client.send(crypto.getRandomValues(new Uint8Array(100)));
      break;
  }
  await reader[Symbol.asyncDispose]();
}

/** Does what no client should, again and again. */
export async function misbehaveForever(stage: Stage): Promise<void> {
  const { random, over, counts } = stage;
  while (!over.aborted) {
    await tolerate(() => random.pick(FAULTS)(stage));
    counts.faults += 1;
    await pause(over, random.between(20, 200));
  }
}

const FAULTS: readonly ((stage: Stage) => Promise<void>)[] = [
  async (stage) => {
    const client = await connect(stage);
    client.send(stage.random.bytes(stage.random.between(1, 5_000)));
    await pause(stage.over, 50);
    client.terminate();
  },
  async (stage) => {
    const client = await connect(stage);
    client.send(Buffer.from("OPTIONS rtsp://x RTSP/1.0\r\n"));
    await client.closed; // nothing more comes: the server loses patience
  },
  async (stage) => {
    const client = await connect(stage);
    client.send(Buffer.concat([Buffer.from("OPTIONS * RTSP/1.0\r\n"), new Uint8Array(200_000).fill(65)]));
    await client.closed;
  },
  async (stage) => {
    const client = await connect(stage);
    const body = "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:97 H264/90000\r\n";
    await client.request("ANNOUNCE", { headers: { "Content-Type": "application/sdp" }, body });
    await client.closed;
  },
  async (stage) => {
    const client = await connect(stage);
    const request = { url: "/trackID=0", headers: { Transport: "RTP/AVP/TCP" } };
    for (let i = 0; i < 100; i++) client.send(client.write("SETUP", request));
    await client.closed;
  },
  async (stage) => {
    const client = await connect(stage);
    await client.must("SETUP", { url: "/trackID=0", headers: { Transport: "RTP/AVP/TCP" } });
    await client.must("PLAY", { url: "/" });
    client.pause(); // reads nothing any more
    await Promise.race([pause(stage.over, 8_000), client.closed]);
    client.terminate();
  },
];

function connect(stage: Stage): Promise<RtspClient> {
  return RtspClient.connect(`${stage.origin}/s${stage.random.below(stage.streams)}`);
}

/** Streams come and go, so requests may fail; what matters is checked elsewhere. */
async function tolerate(job: () => Promise<void>): Promise<void> {
  try {
    await job();
  } catch (error) {
    if (!/: \d{3}$|closed/.test(String(error))) throw error;
  }
}

/** Waits, or less when it is over. */
export async function pause(over: AbortSignal, ms: number): Promise<void> {
  if (over.aborted) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(timer);
      over.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    over.addEventListener("abort", done);
  });
}
