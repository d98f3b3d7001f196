import { TestServer } from "../support/server.ts";
import { ffmpegPublisher } from "../support/tools.ts";

/** A server with a publisher of path `cam`, once its playlist has three segments. */
export class Published implements AsyncDisposable {
  readonly server: TestServer;
  readonly #publisher: AsyncDisposable;

  private constructor(server: TestServer, publisher: AsyncDisposable) {
    this.server = server;
    this.#publisher = publisher;
  }

  /**
   * @param publish FFmpeg by RTSP over TCP when left out
   */
  static async start(
    variant: string,
    file: string,
    publish: (file: string, url: string) => AsyncDisposable = ffmpegPublisher,
  ): Promise<Published> {
    const server = await TestServer.start({ config: `hlsVariant: ${variant}\npaths:\n  all:\n` });
    const publisher = publish(file, server.rtsp("cam"));
    await server.waitForLog(/is publishing to path 'cam'/);
    await server.until(
      async () => {
        const text = await (await fetch(server.hls("cam/stream.m3u8"))).text();
        return (text.match(/_seg\d+\./g)?.length ?? 0) >= 3;
      },
      "three segments",
      30_000,
    );
    return new Published(server, publisher);
  }

  /** URL of a file of the path. */
  url(file: string): string {
    return this.server.hls(`cam/${file}`);
  }

  async text(file: string): Promise<string> {
    const response = await fetch(this.url(file));
    if (response.status !== 200) throw new Error(`${file}: ${response.status}`);
    return await response.text();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#publisher[Symbol.asyncDispose]();
    await this.server.stop();
  }
}
