import { expect } from "bun:test";
import { Client } from "../support/tools.ts";

/** Sound may come this much nearer to or farther from its picture than in the clip, ms. */
export const TOLERANCE_MS = 20;

/** Distance of each beep of a recording of the clip from its flash, ms; positive when the sound is late. */
export async function distances(file: string): Promise<number[]> {
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

/** The median. */
export function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** Checks that decoding times of every stream of a file rise from packet to packet. */
export async function expectRisingTimes(file: string): Promise<void> {
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
