import { join } from "node:path";
import { Client } from "../support/tools.ts";

const SCRIPT = join(import.meta.dir, "gst-server.py");

/** An RTSP server of GStreamer that plays files. */
export class GstServer implements AsyncDisposable {
  readonly port: number;
  readonly #client: Client;

  private constructor(client: Client, port: number) {
    this.#client = client;
    this.port = port;
  }

  /**
   * Starts it and waits until it listens.
   *
   * @param options as in `gst-server.py`
   * @param pipelines by name of the stream
   * @param prefix what goes in front of the command
   */
  static async start(
    options: readonly string[],
    pipelines: Readonly<Record<string, string>>,
    prefix: readonly string[] = [],
  ): Promise<GstServer> {
    const streams = Object.entries(pipelines).map(([name, pipeline]) => `${name}=${pipeline}`);
    const client = new Client([...prefix, "/usr/bin/python3", SCRIPT, ...options, ...streams], 120_000);
    try {
      return new GstServer(client, Number(await client.line()));
    } catch (error) {
      await client[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]();
  }
}
