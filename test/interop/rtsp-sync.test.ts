import { expect } from "bun:test";
import { clip, longClip } from "../support/clips.ts";
import { TestServer } from "../support/server.ts";
import { Client, clientTest, ffmpegPublisher, ffmpegReader, gstPipeline } from "../support/tools.ts";
import { Folder } from "./recording.ts";

/** Sound may come this much nearer to or farther from its picture than in the clip, ms. */
const TOLERANCE_MS = 20;

/** Distance of each beep of a recording of the clip from its flash, ms; positive when the sound is late. */
async function distances(file: string): Promise<number[]> {
  const [picture, sound] = await Promise.all([analyse(file, FLASHES), analyse(file, BEEPS)]);
  let before: number | undefined;
  let time = 0;
  const flashes: number[] = [];
  for (const [, name, value] of picture.matchAll(/(pts_time|YAVG)[:=]([\d.]+)/g)) {
    if (name === "pts_time") time = Number(value);
    else {
      if (before !== undefined && before < 100 && Number(value) >= 100) flashes.push(time);
      before = Number(value);
    }
  }
  const beeps = [...sound.matchAll(/silence_end: ([\d.]+)/g)].map((match) => Number(match[1]));
  return flashes
    .map((flash) => beeps.map((beep) => beep - flash).sort((a, b) => Math.abs(a) - Math.abs(b))[0])
    .filter((distance) => distance !== undefined && Math.abs(distance) < 0.5)
    .map((seconds = 0) => seconds * 1000);
}

const FLASHES = ["-an", "-vf", "signalstats,metadata=print:key=lavfi.signalstats.YAVG:file=-"];
const BEEPS = ["-vn", "-af", "silencedetect=n=-30dB:d=0.3"];

async function analyse(file: string, filter: readonly string[]): Promise<string> {
  await using client = new Client([
    "ffmpeg",
    "-nostdin",
    "-hide_banner",
    "-i",
    file,
    ...filter,
    "-f",
    "null",
    "-",
  ]);
  const { stdout, stderr } = await client.success();
  return new TextDecoder().decode(stdout) + stderr;
}

function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** Checks that decoding times of every stream of a file rise from packet to packet. */
async function expectRisingTimes(file: string): Promise<void> {
  const entries = ["-show_entries", "packet=stream_index,dts_time", "-of", "csv=p=0"];
  await using client = new Client(["ffprobe", "-v", "error", ...entries, file]);
  const last = new Map<string, number>();
  for (const line of new TextDecoder()
    .decode((await client.success()).stdout)
    .trim()
    .split("\n")) {
    const [stream = "", time] = line.split(",");
    if (time === undefined || time === "N/A") continue;
    expect(Number(time)).toBeGreaterThan(last.get(stream) ?? -1);
    last.set(stream, Number(time));
  }
  expect([...last.keys()].sort()).toEqual(["0", "1"]);
}

/**
 * Publishes, records readers that come at different times, and compares each with the clip.
 *
 * @param delays when they come, ms after the publisher; the last one stays longer and gets sender reports meanwhile
 */
async function expectSync(
  delays: readonly number[],
  publish: (url: string) => Promise<Client>,
): Promise<void> {
  using folder = new Folder();
  const original = middle(await distances(await clip("sync")));
  await using server = await TestServer.start();
  const url = server.rtsp("sync");
  await using _ = await publish(url);
  await server.waitForLog(/is publishing to path 'sync', 2 tracks/);
  await Promise.all(
    delays.map(async (delay, i) => {
      await Bun.sleep(delay);
      const file = folder.file(`${i}.mkv`);
      await using reader = ffmpegReader(url, [
        "-c",
        "copy",
        "-t",
        i === delays.length - 1 ? "14" : "8",
        file,
      ]);
      await reader.success();
      const found = await distances(file);
      expect(found.length).toBeGreaterThan(4);
      expect(Math.abs(middle(found) - original)).toBeLessThanOrEqual(TOLERANCE_MS);
      await expectRisingTimes(file);
    }),
  );
}

clientTest("sound stays with its picture, FFmpeg publishing", ["ffmpeg", "ffprobe"], 60_000, async () => {
  await expectSync([0, 3_300, 5_700], async (url) => ffmpegPublisher(await longClip("sync"), url));
});

clientTest(
  "sound stays with its picture, GStreamer publishing",
  ["ffmpeg", "ffprobe", "rtspclientsink"],
  60_000,
  async () => {
    const file = await longClip("sync");
    // GStreamer sends its first sender reports after some seconds; until then arrival must do
    await expectSync([6_000, 9_300], async (url) =>
      gstPipeline(
        `filesrc location=${file} ! qtdemux name=d rtspclientsink name=s protocols=tcp latency=0 location=${url} ` +
          "d.video_0 ! queue ! h264parse ! s. d.audio_0 ! queue ! aacparse ! s.",
      ),
    );
  },
);
