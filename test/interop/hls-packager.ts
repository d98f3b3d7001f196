import { existsSync, readFileSync } from "node:fs";
import { Client } from "../support/tools.ts";
import { Folder } from "./recording.ts";

const LIVE = ["-f", "hls", "-hls_time", "1", "-hls_list_size", "6"];
/** Options of FFmpeg for fragmented MP4, and for sound in a rendition of its own (`stream1.m3u8` is the picture). */
export const FMP4 = ["-hls_segment_type", "fmp4"];
export const SEPARATE = [
  "-map",
  "0:v",
  "-map",
  "0:a",
  "-master_pl_name",
  "index.m3u8",
  "-var_stream_map",
  "a:0,agroup:sound,default:yes v:0,agroup:sound",
];

/** FFmpeg packages a clip, over and over, into a folder. */
export class Packager implements AsyncDisposable {
  readonly folder = new Folder();
  readonly #client: Client;

  constructor(file: string, options: readonly string[], output = "index.m3u8") {
    const input = ["-re", "-stream_loop", "-1", "-i", file, "-c", "copy", "-strict", "-2"];
    this.#client = new Client(
      ["ffmpeg", "-nostdin", "-loglevel", "error", ...input, ...LIVE, ...options, this.folder.file(output)],
      120_000,
    );
  }

  /** Resolves when a playlist has three segments. */
  async ready(playlist: string): Promise<void> {
    const file = this.folder.file(playlist);
    const segments = () =>
      existsSync(file) ? (readFileSync(file, "utf8").match(/#EXTINF/g)?.length ?? 0) : 0;
    while (segments() < 3) {
      if (!this.#client.running) throw new Error((await this.#client.ended).stderr);
      await Bun.sleep(50);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]();
    this.folder[Symbol.dispose]();
  }
}

/** Records with FFmpeg over RTSP. */
export async function recordRtsp(
  url: string,
  file: string,
  seconds: number,
  options: readonly string[] = [],
) {
  const command = ["ffmpeg", "-nostdin", "-y", "-loglevel", "error", "-rtsp_transport", "tcp", "-i", url];
  await using reader = new Client([...command, "-t", String(seconds), "-c", "copy", ...options, file]);
  await reader.success();
}
