import type { CodecParameters } from "../../src/media/codec-parameters.ts";
import { withLengths } from "../../src/media/nal.ts";
import { setsOf } from "../../src/media/parameters.ts";
import { type ClipName, clip } from "../support/clips.ts";
import { Client } from "../support/tools.ts";

/** A unit of a clip, with its times in s. */
export interface ClipUnit {
  readonly bytes: Uint8Array;
  readonly pts: number;
  readonly dts: number;
  readonly isKey: boolean;
}

/** The first track of a clip in units. */
export interface UnitClip {
  readonly codec: CodecParameters;
  readonly units: readonly ClipUnit[];
  /** From the first unit of one round to that of the next, s. */
  readonly seconds: number;
}

interface Probed {
  readonly packets: readonly {
    readonly pts_time?: string;
    readonly dts_time?: string;
    readonly duration_time?: string;
    readonly flags: string;
    readonly data: string;
  }[];
  readonly streams: readonly {
    readonly codec_name: string;
    readonly sample_rate?: string;
    readonly channels?: number;
    readonly extradata?: string;
  }[];
}

/** Reads the units of a clip as its container has them. */
export async function readUnits(name: ClipName): Promise<UnitClip> {
  const entries = "packet=pts_time,dts_time,duration_time,flags,data:stream";
  const args = ["-v", "error", "-show_data", "-show_packets", "-show_streams", "-show_entries", entries];
  const file = await clip(name);
  await using probe = new Client(["ffprobe", ...args, "-select_streams", "0", "-of", "json", file]);
  const { stdout } = await probe.success();
  const { packets, streams } = JSON.parse(Buffer.from(stdout).toString()) as Probed;
  const [stream] = streams as [Probed["streams"][number]];
  const extra = stream.extradata === undefined ? undefined : readDump(stream.extradata);
  const codec = codecOf(stream, extra);
  const units = packets.map(({ pts_time, dts_time, flags, data }) => {
    const pts = Number(pts_time ?? dts_time);
    return { bytes: readDump(data), pts, dts: Number(dts_time ?? pts), isKey: flags.startsWith("K") };
  });
  const last = packets.at(-1);
  const seconds = units.at(-1)!.dts - units[0]!.dts + Number(last?.duration_time ?? 0);
  return { codec, units: withSets(units, codec), seconds };
}

/** Bytes of a dump: an offset, up to 16 bytes in hexadecimal, the same as text. */
function readDump(text: string): Uint8Array {
  const lines = text.split("\n").filter((line) => line !== "");
  return Buffer.from(lines.map((line) => line.slice(10, 50).replaceAll(" ", "")).join(""), "hex");
}

function codecOf(stream: Probed["streams"][number], extra: Uint8Array | undefined): CodecParameters {
  const clockRate = Number(stream.sample_rate);
  const { channels = 1 } = stream;
  switch (stream.codec_name) {
    case "h264":
      return { codec: "h264", ...avcSets(extra!) };
    case "hevc":
      return { codec: "h265", ...hevcSets(extra!) };
    case "av1":
    case "vp8":
    case "vp9":
      return { codec: stream.codec_name };
    case "mpeg4":
      return { codec: "mpeg4Video", config: extra };
    case "mpeg2video":
      return { codec: "mpeg12Video" };
    case "aac":
      return { codec: "mpeg4Audio", config: extra! };
    case "opus":
      return { codec: "opus", channels };
    case "mp3":
      return { codec: "mpeg12Audio" };
    case "ac3":
      return { codec: "ac3", clockRate, channels };
    case "adpcm_g722":
      return { codec: "g722" };
    case "pcm_alaw":
    case "pcm_mulaw":
      return { codec: "g711", law: stream.codec_name === "pcm_alaw" ? "a" : "mu", clockRate, channels };
    case "pcm_s16be":
    case "pcm_s24be":
      return { codec: "lpcm", bitDepth: stream.codec_name === "pcm_s16be" ? 16 : 24, clockRate, channels };
    default:
      throw new Error(`no units of ${stream.codec_name}`);
  }
}

/** ISO/IEC 14496-15 §5.3.3.1, one set of each kind. */
function avcSets(extra: Uint8Array) {
  const view = new DataView(extra.buffer, extra.byteOffset, extra.length);
  const spsSize = view.getUint16(6);
  const ppsSize = view.getUint16(9 + spsSize);
  return {
    sps: extra.subarray(8, 8 + spsSize),
    pps: extra.subarray(11 + spsSize, 11 + spsSize + ppsSize),
  };
}

/** ISO/IEC 14496-15 §8.3.3.1, the first set of each kind. */
function hevcSets(extra: Uint8Array) {
  const view = new DataView(extra.buffer, extra.byteOffset, extra.length);
  const sets = new Map<number, Uint8Array>();
  let at = 23;
  for (let array = 0; array < extra[22]!; array++) {
    const type = extra[at]! & 63;
    const count = view.getUint16(at + 1);
    at += 3;
    for (let i = 0; i < count; i++) {
      const size = view.getUint16(at);
      if (!sets.has(type)) sets.set(type, extra.subarray(at + 2, at + 2 + size));
      at += 2 + size;
    }
  }
  return { vps: sets.get(32), sps: sets.get(33), pps: sets.get(34) };
}

/** Units with parameter sets in front of those that begin a group of pictures, as sources leave them there. */
function withSets(units: readonly ClipUnit[], codec: CodecParameters): ClipUnit[] {
  const front = withLengths(setsOf(codec));
  return units.map((unit) => (unit.isKey ? { ...unit, bytes: Buffer.concat([front, unit.bytes]) } : unit));
}
