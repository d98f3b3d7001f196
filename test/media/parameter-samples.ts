import type { CodecId, CodecParameters, KnownParameters } from "../../src/media/codec-parameters.ts";
import { parseVp9KeyFrame } from "../../src/media/vp9.ts";

const hex = (text: string) => new Uint8Array(Buffer.from(text, "hex"));

/** Writes bits, the highest first. */
export function bitsOf(...fields: readonly (readonly [value: number, width: number])[]): number[] {
  const text = fields.map(([value, width]) => value.toString(2).padStart(width, "0")).join("");
  return (text.match(/.{1,8}/g) ?? []).map((byte) => Number.parseInt(byte.padEnd(8, "0"), 2));
}

/** Sequence header of a still picture (AV1 §5.5.1, with the reduced header) of 640 by 360 pixels. */
export const AV1_HEADER = bitsOf(
  [0, 3],
  [1, 1],
  [1, 1],
  [8, 5],
  [9, 4],
  [8, 4],
  [639, 10],
  [359, 9],
  [0, 16],
);
/** Header of a key frame (VP9 bitstream specification §6.2) of 640 by 360 pixels. */
export const VP9_FRAME = bitsOf([0x82, 8], [0x498342, 24], [1, 3], [0, 1], [639, 16], [359, 16]);
/** Header of a key frame (RFC 6386 §9.1) of 640 by 360 pixels. */
export const VP8_FRAME = [0x10, 0, 0, 0x9d, 1, 0x2a, 0x80, 2, 0x68, 1];
/** Sequence header (ISO/IEC 13818-2 §6.2.2.1) of 640 by 360 pixels. */
export const MPEG12_SEQUENCE = [0, 0, 1, 0xb3, 0x28, 0x01, 0x68, 0x13, 0xff];

/** Parameters with nothing missing, of x264, x265 and others; several of a codec where they differ in kind. */
export const PARAMETER_SAMPLES: readonly KnownParameters[] = [
  { codec: "av1", sequenceHeader: new Uint8Array([0x0a, AV1_HEADER.length, ...AV1_HEADER]) },
  { codec: "vp9", picture: parseVp9KeyFrame(Uint8Array.from(VP9_FRAME)) },
  { codec: "vp8" },
  {
    codec: "h265",
    vps: hex("40010c01ffff01600000030090000003000003007b959809"),
    sps: hex("42010101600000030090000003000003007ba003c08010e596566924caf0168080000003008000001904"),
    pps: hex("4401c172b46240"),
  },
  {
    codec: "h264",
    sps: hex("67640028acd940780227e5c044000003000400000300c83c60c658"),
    pps: hex("68ebe3cb22c0"),
  },
  { codec: "mpeg4Video", config: hex("000001b001000001b5891300000100000001200086c400672c2090a31f") },
  { codec: "mpeg12Video" },
  { codec: "opus", channels: 1 },
  { codec: "opus", channels: 2 },
  { codec: "mpeg4Audio", config: hex("1190") },
  { codec: "mpeg4Audio", config: hex("1208") },
  { codec: "mpeg12Audio" },
  { codec: "ac3", clockRate: 48_000, channels: 6 },
  // FFmpeg: 48 kHz, two channels, 16 bits, frames of 4,608 samples
  { codec: "flac", streamInfo: hex("1200120000056800293f0bb802f0000752b0d10dbbd3a80e7a44a1bfa4a4f1ed8a4b") },
  { codec: "g722" },
  { codec: "g711", law: "mu", clockRate: 8_000, channels: 1 },
  { codec: "g711", law: "a", clockRate: 16_000, channels: 2 },
  { codec: "lpcm", bitDepth: 8, clockRate: 8_000, channels: 1 },
  { codec: "lpcm", bitDepth: 16, clockRate: 44_100, channels: 2 },
  { codec: "lpcm", bitDepth: 24, clockRate: 96_000, channels: 6 },
];

/** Samples of the codecs of a table. */
export function samplesOf(codecs: readonly CodecId[]): KnownParameters[] {
  return PARAMETER_SAMPLES.filter(({ codec }) => codecs.includes(codec));
}

/** A name for a test: `lpcm 24 96000 6`. */
export function sampleName(parameters: CodecParameters): string {
  const shown = (value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value;
  return Object.values(parameters)
    .filter((value) => typeof value !== "object" || value instanceof Uint8Array)
    .map(shown)
    .join(" ")
    .slice(0, 40);
}
