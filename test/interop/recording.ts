import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { contiguousRun, parseFrames } from "../support/exact.ts";
import { ffmpeg } from "../support/tools.ts";

/** What is left of H264 is its slices: parameter sets, delimiters and SEI may come and go. */
export const H264_SLICES = "h264_mp4toannexb,filter_units=pass_types=1-5";
/** The same of H265. */
export const H265_SLICES = "hevc_mp4toannexb,filter_units=pass_types=0-31";

/** A folder for what clients write; it goes with its scope. */
export class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "mediamtx-interop-"));

  file(name: string): string {
    return join(this.path, name);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** FFmpeg's options that list the frames of a stream. */
export function frameList(stream: string, filter?: string): string[] {
  const filters = filter === undefined ? [] : ["-bsf:0", filter];
  return ["-map", stream, "-c", "copy", ...filters, "-f", "framemd5", "-"];
}

/**
 * Checks that a stream of a recording is a run of the same stream of its source.
 *
 * @param filter says what of each frame is compared
 * @returns the number of frames
 * @throws {Error} if it is not, or has less than `frames` frames
 */
export async function checkRecording(
  recording: string,
  source: string,
  { stream, filter, frames }: { stream: string; filter?: string; frames: number },
): Promise<number> {
  const [sent, received] = await Promise.all(
    [source, recording].map(async (file) => await ffmpeg("-i", file, ...frameList(stream, filter))),
  );
  return checkListing(sent?.stdout, received?.stdout, frames);
}

/** The same for the sound of a clip that FFmpeg plays over and over: it leaves out the first frame where it starts over. */
export async function checkSound(recording: string, source: string, frames: number): Promise<void> {
  const [sent, received] = await Promise.all(
    [source, recording].map(async (file) => (await ffmpeg("-i", file, ...frameList("0:a:0"))).stdout),
  );
  const lines = new TextDecoder().decode(sent).split("\n");
  const first = lines.findIndex((line) => line.startsWith("0,"));
  lines.splice(first, 1);
  checkListing(new TextEncoder().encode(lines.join("\n")), received, frames);
}

/** The same for what FFmpeg printed with {@link frameList}. */
export function checkListing(
  sent: Uint8Array = new Uint8Array(0),
  received: Uint8Array = new Uint8Array(0),
  frames = 1,
): number {
  const hashes = (listing: Uint8Array) => parseFrames(listing).map(({ hash }) => hash);
  const { length } = contiguousRun(hashes(sent), hashes(received), { head: 1, tail: 1 });
  if (length < frames) throw new Error(`only ${length} frames came, ${frames} are wanted`);
  return length;
}
