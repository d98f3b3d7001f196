import { existsSync, mkdirSync, renameSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { ffmpeg } from "./tools.ts";

/** Where clips are kept between runs. */
const CACHE = join(tmpdir(), "mediamtx-clips");
/** Length of every clip, s. */
export const CLIP_SECONDS = 10;

interface ClipRow {
  /** FFmpeg's words in front of the output file. */
  readonly command: string;
  /** Extension of the file. */
  readonly ext: string;
}

/** 25 frames a second, each different from all others. */
const VIDEO = `-f lavfi -i testsrc2=size=320x240:rate=25:duration=${CLIP_SECONDS},format=yuv420p`;
/** Noise: no two frames are the same. */
const NOISE = `-f lavfi -i anoisesrc=color=pink:amplitude=0.4:sample_rate=48000:duration=${CLIP_SECONDS}:seed=7`;
const X264 = "-c:v libx264 -preset ultrafast -tune zerolatency -g 25";
/** A flash at each second, and a beep as long as it. */
const FLASH = `-f lavfi -i color=black:s=320x240:r=25:d=${CLIP_SECONDS},drawbox=c=white:t=fill:enable='lt(mod(t\\,1)\\,0.12)'`;
const BEEP = `-f lavfi -i sine=f=1000:r=48000:d=${CLIP_SECONDS},volume='if(lt(mod(t\\,1)\\,0.12)\\,1\\,0)':eval=frame`;

const CLIPS = {
  h264: { command: `${VIDEO} ${X264} -profile:v baseline -b:v 300k`, ext: "mp4" },
  /** As a telephone that has been turned. */
  h264Turned: { command: `${VIDEO} -vf transpose=1 ${X264} -profile:v baseline -b:v 300k`, ext: "mp4" },
  h264Bframes: { command: `${VIDEO} -c:v libx264 -preset veryfast -bf 2 -g 25 -b:v 300k`, ext: "mp4" },
  h264Pyramid: {
    command: `${VIDEO} -c:v libx264 -preset veryfast -bf 5 -b_strategy 0 -refs 4 -x264-params b-pyramid=normal:open-gop=1 -g 25 -b:v 300k`,
    ext: "mp4",
  },
  h265Bframes: {
    command: `${VIDEO} -c:v libx265 -preset ultrafast -x265-params keyint=25:bframes=4:b-pyramid=1:b-adapt=0:pools=1:log-level=error -tag:v hvc1 -b:v 300k`,
    ext: "mp4",
  },
  h264Large: { command: `${VIDEO} ${X264} -b:v 4M -minrate 4M -maxrate 4M -bufsize 1M`, ext: "mp4" },
  h265: {
    command: `${VIDEO} -c:v libx265 -preset ultrafast -x265-params keyint=25:bframes=0:pools=1:log-level=error -tag:v hvc1 -b:v 300k`,
    ext: "mp4",
  },
  h265Large: {
    command: `${VIDEO} -c:v libx265 -preset ultrafast -x265-params keyint=25:bframes=0:pools=1:log-level=error -tag:v hvc1 -crf 8`,
    ext: "mp4",
  },
  av1: {
    command: `${VIDEO} -c:v libsvtav1 -preset 12 -g 25 -svtav1-params pred-struct=1 -b:v 300k`,
    ext: "mp4",
  },
  vp8: { command: `${VIDEO} -c:v libvpx -deadline realtime -cpu-used 8 -g 25 -b:v 300k`, ext: "webm" },
  vp9: { command: `${VIDEO} -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 25 -b:v 300k`, ext: "webm" },
  mpeg4: { command: `${VIDEO} -c:v mpeg4 -g 25 -b:v 500k`, ext: "mp4" },
  mjpeg: { command: `${VIDEO} -pix_fmt yuvj420p -c:v mjpeg -huffman default -q:v 5`, ext: "mkv" },
  mpeg2: { command: `${VIDEO} -c:v mpeg2video -g 25 -bf 0 -b:v 800k`, ext: "mkv" },
  opus: { command: `${NOISE} -ac 2 -c:a libopus -b:a 64k`, ext: "mkv" },
  aac: { command: `${NOISE} -ac 2 -c:a aac -b:a 96k`, ext: "mkv" },
  mp3: { command: `${NOISE} -ac 2 -c:a libmp3lame -b:a 96k -write_xing 0 -id3v2_version 0`, ext: "mp3" },
  ac3: { command: `${NOISE} -ac 2 -c:a ac3 -b:a 128k`, ext: "ac3" },
  flac: { command: `${NOISE} -ac 2 -sample_fmt s16 -c:a flac`, ext: "flac" },
  g722: { command: `${NOISE} -ar 16000 -ac 1 -c:a g722`, ext: "mkv" },
  alaw: { command: `${NOISE} -ar 8000 -ac 1 -c:a pcm_alaw`, ext: "wav" },
  ulaw: { command: `${NOISE} -ar 8000 -ac 1 -c:a pcm_mulaw`, ext: "wav" },
  l16: { command: `${NOISE} -ac 2 -c:a pcm_s16be`, ext: "aiff" },
  l24: { command: `${NOISE} -ac 2 -c:a pcm_s24be`, ext: "aiff" },
  av: { command: `${VIDEO} ${NOISE} -shortest ${X264} -b:v 300k -c:a aac -ac 2 -b:a 96k`, ext: "mp4" },
  flvAac: {
    command: `${VIDEO} ${NOISE} -shortest -c:v libx264 -preset veryfast -bf 2 -g 25 -b:v 300k -c:a aac -ac 2 -b:a 96k`,
    ext: "flv",
  },
  flvMp3: { command: `${NOISE} -ac 2 -ar 44100 -c:a libmp3lame -b:a 96k`, ext: "flv" },
  flvUlaw: { command: `${NOISE} -ar 8000 -ac 1 -c:a pcm_mulaw`, ext: "flv" },
  flvLpcm: { command: `${NOISE} -ar 44100 -ac 2 -c:a pcm_s16le`, ext: "flv" },
  tsMp3: { command: `${VIDEO} ${NOISE} -shortest ${X264} -b:v 300k -c:a libmp3lame -b:a 96k`, ext: "ts" },
  tsAac: { command: `${VIDEO} ${NOISE} -shortest ${X264} -b:v 300k -c:a aac -b:a 96k`, ext: "ts" },
  tsLatm: {
    command: `${VIDEO} ${NOISE} -shortest ${X264} -b:v 300k -c:a aac -b:a 96k -mpegts_flags latm`,
    ext: "ts",
  },
  tsBframes: {
    command: `${VIDEO} ${NOISE} -shortest -c:v libx264 -preset veryfast -bf 2 -g 25 -b:v 300k -c:a ac3 -b:a 128k`,
    ext: "ts",
  },
  tsH265: {
    command: `${VIDEO} ${NOISE} -shortest -c:v libx265 -preset ultrafast -x265-params keyint=25:pools=1:log-level=error -b:v 300k -c:a libopus -b:a 64k`,
    ext: "ts",
  },
  tsMpeg2: {
    command: `${VIDEO} ${NOISE} -shortest -c:v mpeg2video -g 12 -bf 2 -b:v 800k -c:a mp2 -b:a 128k`,
    ext: "ts",
  },
  sync: { command: `${FLASH} ${BEEP} -pix_fmt yuv420p ${X264} -c:a aac -ac 2`, ext: "mp4" },
} as const satisfies Record<string, ClipRow>;

/** A clip by its name. */
export type ClipName = keyof typeof CLIPS;

/**
 * A clip, made when it is first asked for on this machine.
 *
 * @returns its file
 * @throws {Error} if FFmpeg cannot make it
 */
export function clip(name: ClipName): Promise<string> {
  const { command, ext } = CLIPS[name];
  return cached(name, argsOf(command), ext);
}

function argsOf(command: string): string[] {
  return ["-threads", "1", "-bitexact", ...command.replaceAll("'", "").split(" ")];
}

/** How often a long clip has the frames of the short one: more than a test takes on a busy machine. */
const LONG = 8;
/** Clips that are made at the same time. */
const MAKERS = 2;

/**
 * Makes every clip that this machine does not have, so that no test waits for one.
 *
 * @returns how many were made
 */
export async function makeClips(): Promise<number> {
  const names = Object.keys(CLIPS) as ClipName[];
  let made = 0;
  const maker = async () => {
    for (let name = names.shift(); name !== undefined; name = names.shift()) {
      const { command, ext } = CLIPS[name];
      if (existsSync(fileOf(name, argsOf(command), ext))) continue;
      await clip(name);
      made += 1;
    }
  };
  await Promise.all(Array.from({ length: MAKERS }, maker));
  return made;
}

/** The same frames many times over in one file, for clients that cannot loop. */
export async function longClip(name: ClipName): Promise<string> {
  const file = await clip(name);
  const { ext } = CLIPS[name];
  const plain = ext === "mp3" ? ["-write_xing", "0", "-id3v2_version", "0"] : [];
  return await cached(
    `${name}-long`,
    ["-stream_loop", String(LONG - 1), "-i", file, "-c", "copy", ...plain],
    ext,
  );
}

/** Clips that are being made by this process: tests that run at the same time wait for the same one. */
const making = new Map<string, Promise<string>>();

function fileOf(name: string, args: readonly string[], ext: string): string {
  const key = Bun.hash(JSON.stringify(args)).toString(16).padStart(16, "0");
  return join(CACHE, `${name}-${key}.${ext}`);
}

function cached(name: string, args: readonly string[], ext: string): Promise<string> {
  const file = fileOf(name, args, ext);
  const present = making.get(file) ?? make(file, args);
  making.set(file, present);
  return present;
}

/** Another process may be making the same one: the last one counts, and nobody sees a part of it. */
async function make(file: string, args: readonly string[]): Promise<string> {
  if (existsSync(file)) return file;
  mkdirSync(CACHE, { recursive: true });
  const part = join(CACHE, `part-${process.pid}-${basename(file)}`);
  await ffmpeg("-y", ...args, part);
  renameSync(part, file);
  return file;
}
