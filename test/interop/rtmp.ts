import { clip } from "../support/clips.ts";
import type { TestServer } from "../support/server.ts";
import { Client } from "../support/tools.ts";
import { checkRecording, checkSound, H264_SLICES } from "./recording.ts";

/** How long readers record, s. */
export const RECORDED_SECONDS = 22;
/** Frames that must come in one run: 20 s of pictures, and of sound at 48 kHz. */
const PICTURES = 20 * 25;
const SOUNDS = Math.floor((20 * 48_000) / 1_024);
const QUIET = ["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "warning"];

/** H264 with B frames and AAC. */
export async function source(): Promise<string> {
  return await clip("flvAac");
}

/** An FFmpeg that publishes the clip over and over. @param output its options for the output, and the URL */
export async function publishClip(...output: string[]): Promise<Client> {
  const input = ["-re", "-stream_loop", "-1", "-i", await source(), "-c", "copy"];
  return new Client([...QUIET, ...input, ...output], 150_000);
}

/** An FFmpeg that records what it reads. @param input its options for the input, without the URL */
export async function record(url: string, file: string, input: readonly string[] = []): Promise<void> {
  const output = ["-t", String(RECORDED_SECONDS), "-c", "copy", "-f", "matroska", file];
  await using client = new Client([...QUIET, ...input, "-i", url, ...output], 100_000);
  await client.success();
}

/** Checks that a recording has a run of at least 20 s of the clip, bit by bit. */
export async function checkClip(file: string): Promise<void> {
  const sent = await source();
  await checkRecording(file, sent, { stream: "0:v:0", filter: H264_SLICES, frames: PICTURES });
  await checkRecording(file, sent, { stream: "0:a:0", frames: SOUNDS });
}

/** The same of a clip in MP4, of which FFmpeg leaves out the first frame of audio where it starts over. */
export async function checkMp4Clip(file: string, sent: string): Promise<void> {
  await checkRecording(file, sent, { stream: "0:v:0", filter: H264_SLICES, frames: PICTURES });
  await checkSound(file, sent, SOUNDS);
}

/** Resolves once a path has a stream. */
export async function isReady(server: TestServer, path: string): Promise<void> {
  await server.waitForLog(
    new RegExp(`is publishing to path '${path}'|\\[path ${path}\\] \\[[A-Z]+ source\\] ready`),
  );
}
