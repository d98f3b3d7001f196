import { RtspClient } from "../support/rtsp-client.ts";

/** A frame of the sound of an HlsOrigin, as it came by RTP. */
export interface SoundFrame {
  readonly number: number;
  /** RTP time, without wraps. */
  readonly time: number;
  /** Monotonic ms. */
  readonly arrival: number;
}

/** Reads the sound of an HlsOrigin by RTSP. */
export class SoundReader implements AsyncDisposable {
  readonly frames: SoundFrame[] = [];
  readonly client: RtspClient;

  private constructor(client: RtspClient) {
    this.client = client;
    client.onFrame = (channel, payload) => {
      if (channel !== 0) return;
      const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
      const raw = view.getUint32(4);
      const last = this.frames.at(-1)?.time ?? raw;
      const time = last + ((raw - last) | 0);
      this.frames.push({ number: view.getUint32(13), time, arrival: performance.now() });
    };
  }

  static async start(url: string): Promise<SoundReader> {
    const client = await RtspClient.connect(url);
    const reader = new SoundReader(client);
    await client.must("DESCRIBE", { headers: { Accept: "application/sdp" } });
    const headers = { Transport: "RTP/AVP/TCP;unicast;interleaved=0-1" };
    await client.must("SETUP", { url: "/trackID=0", headers });
    await client.must("PLAY", { url: "/" });
    return reader;
  }

  /** Resolves when there are `count` frames more. */
  async more(count: number, limitMs = 30_000): Promise<void> {
    const wanted = this.frames.length + count;
    const end = performance.now() + limitMs;
    while (this.frames.length < wanted) {
      if (performance.now() > end) throw new Error(`${this.frames.length} frames came, ${wanted} are wanted`);
      await Bun.sleep(20);
    }
  }

  /** Steps from frame to frame that are not the usual: number and ticks. */
  get breaks(): [number: number, ticks: number][] {
    return this.frames.slice(1).flatMap(({ number, time }, i): [number, number][] => {
      const before = this.frames[i]!;
      const step: [number, number] = [number - before.number, time - before.time];
      return step[0] === 1 && step[1] === 960 ? [] : [step];
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
  }
}
