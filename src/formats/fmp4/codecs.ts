import type { Av1Facts } from "../../media/av1.ts";
import type { H265Facts } from "../../media/h265.ts";
import type { Mpeg4AudioFacts } from "../../media/mpeg4-audio.ts";
import type { PictureFacts } from "../../media/picture.ts";
import type { Vp9Facts } from "../../media/vp9.ts";
import { box, fullBox, u16, u32, zeros } from "./boxes.ts";

/** A track as a file describes it. */
export type Mp4Track =
  | {
      readonly codec: "av1";
      readonly picture: Av1Facts;
      /** The OBU with its header and size. */
      readonly sequenceHeader: Uint8Array;
    }
  | { readonly codec: "vp9"; readonly picture: Vp9Facts }
  | {
      readonly codec: "h264";
      readonly picture: PictureFacts;
      readonly sps: Uint8Array;
      readonly pps: Uint8Array;
    }
  | {
      readonly codec: "h265";
      readonly picture: H265Facts;
      readonly vps: Uint8Array;
      readonly sps: Uint8Array;
      readonly pps: Uint8Array;
    }
  | {
      readonly codec: "mpeg4Audio";
      readonly facts: Mpeg4AudioFacts;
      readonly config: Uint8Array;
      readonly clockRate: number;
    }
  | { readonly codec: "opus"; readonly channels: number };

export type Mp4Codec = Mp4Track["codec"];

interface Row<Track> {
  readonly isVideo: boolean;
  /** Sample description (ISO/IEC 14496-12 §8.5.2). */
  readonly entry: (track: Track) => Uint8Array;
  /** The name in `CODECS` of playlists and in pages (RFC 6381). */
  readonly name: (track: Track) => string;
}

type Rows = { readonly [Codec in Mp4Codec]: Row<Extract<Mp4Track, { codec: Codec }>> };

/** How files carry each codec. */
const MP4_CODECS: Rows = {
  av1: {
    isVideo: true,
    entry: (track) => visualEntry("av01", track.picture, av1Configuration(track)),
    name: ({ picture }) => av1Name(picture),
  },
  vp9: {
    isVideo: true,
    entry: ({ picture }) => visualEntry("vp09", picture, vp9Configuration(picture)),
    name: ({ picture: { profile, bitDepth } }) => `vp09.${twoDigits(profile)}.10.${twoDigits(bitDepth)}`,
  },
  h264: {
    isVideo: true,
    entry: ({ picture, sps, pps }) => visualEntry("avc1", picture, avcConfiguration(sps, pps)),
    name: ({ sps }) => `avc1.${Buffer.from(sps.subarray(1, 4)).toString("hex")}`,
  },
  h265: {
    isVideo: true,
    entry: (track) => visualEntry("hvc1", track.picture, hevcConfiguration(track)),
    name: ({ picture }) => hevcName(picture),
  },
  mpeg4Audio: {
    isVideo: false,
    entry: ({ facts, config }) =>
      audioEntry(
        "mp4a",
        facts.channels === 0 ? 2 : facts.channels,
        facts.sampleRate,
        elementaryStream(config),
      ),
    name: ({ facts }) => `mp4a.40.${facts.objectType}`,
  },
  opus: {
    isVideo: false,
    // RFC 7845 §5.1 in the order of "Encapsulation of Opus in ISOBMFF" §4.3.2
    entry: ({ channels }) =>
      audioEntry("Opus", channels, 48_000, box("dOps", [0, channels, ...u16(312), ...u32(48_000), 0, 0, 0])),
    name: () => "opus",
  },
};

export const MP4_CODEC_IDS = Object.keys(MP4_CODECS) as Mp4Codec[];

/** Whether a track has pictures. */
export function isVideoTrack({ codec }: Mp4Track): boolean {
  return MP4_CODECS[codec].isVideo;
}

export function sampleEntry(track: Mp4Track): Uint8Array {
  return rowOf(track).entry(track);
}

/** The name of a track's codec with its parameters (RFC 6381). */
export function codecName(track: Mp4Track): string {
  return rowOf(track).name(track);
}

function rowOf<Track extends Mp4Track>(track: Track): Row<Track> {
  return MP4_CODECS[track.codec] as unknown as Row<Track>;
}

/** Ticks a second of a track in a file. */
export function timescaleOf(track: Mp4Track): number {
  if (isVideoTrack(track)) return 90_000;
  return track.codec === "mpeg4Audio" ? track.clockRate : 48_000;
}

function visualEntry(type: string, { width, height }: PictureFacts, configuration: Uint8Array): Uint8Array {
  const size = [...u16(width), ...u16(height)];
  const resolution = u32(0x48_0000); // 72 dots an inch
  const rest = [...resolution, ...resolution, ...zeros(4), ...u16(1), ...zeros(32), ...u16(24), 0xff, 0xff];
  return box(type, zeros(6), u16(1), zeros(16), size, rest, configuration);
}

function audioEntry(type: string, channels: number, rate: number, configuration: Uint8Array): Uint8Array {
  const shown = rate > 0xffff ? 0 : rate;
  const head = [...zeros(6), ...u16(1), ...zeros(8), ...u16(channels), ...u16(16), ...zeros(4)];
  return box(type, head, u16(shown), u16(0), configuration);
}

/** AV1 Codec ISO Media File Format Binding §2.3.3. */
function av1Configuration({ picture, sequenceHeader }: Extract<Mp4Track, { codec: "av1" }>): Uint8Array {
  const { profile, level, isHighTier, bitDepth, isMonochrome, subsamplingX, subsamplingY } = picture;
  const flags = [
    isHighTier,
    bitDepth > 8,
    bitDepth === 12,
    isMonochrome,
    subsamplingX === 1,
    subsamplingY === 1,
  ];
  const packed = flags.reduce((bits, flag) => (bits << 1) | Number(flag), 0) * 4 + picture.samplePosition;
  return box("av1C", [0x81, (profile << 5) | level, packed, 0], sequenceHeader);
}

/** AV1 Codec ISO Media File Format Binding §5: all fields, as not every player knows the short form. */
function av1Name(picture: Av1Facts): string {
  const { profile, level, isHighTier, bitDepth, subsamplingX, subsamplingY, samplePosition } = picture;
  const chroma = `${subsamplingX}${subsamplingY}${subsamplingX + subsamplingY === 2 ? samplePosition : 0}`;
  return [
    "av01",
    profile,
    `${twoDigits(level)}${isHighTier ? "H" : "M"}`,
    twoDigits(bitDepth),
    Number(picture.isMonochrome),
    chroma,
    ...[picture.primaries, picture.transfer, picture.matrix].map(twoDigits),
    Number(picture.isFullRange),
  ].join(".");
}

/** Colours as ISO/IEC 23091-2 numbers them, by color_space of VP9; 2 is unspecified. */
const VP9_PRIMARIES = [2, 6, 1, 6, 7, 9, 2, 1];
const VP9_TRANSFERS = [2, 6, 1, 6, 7, 14, 2, 13];
const VP9_MATRICES = [2, 6, 1, 6, 7, 9, 2, 0];

/** VP Codec ISO Media File Format Binding, "VP Codec Configuration Box". */
function vp9Configuration(picture: Vp9Facts): Uint8Array {
  const { profile, level, bitDepth, subsamplingX, subsamplingY, isFullRange, colorSpace } = picture;
  const chroma = subsamplingX === 0 ? 3 : subsamplingY === 0 ? 2 : 1;
  const packed = (bitDepth << 4) | (chroma << 1) | Number(isFullRange);
  const colour = [VP9_PRIMARIES, VP9_TRANSFERS, VP9_MATRICES].map((table) => table[colorSpace] as number);
  return fullBox("vpcC", 1, 0, [profile, level, packed], colour, [0, 0]);
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}

/** ISO/IEC 14496-15 §5.3.3.1. */
function avcConfiguration(sps: Uint8Array, pps: Uint8Array): Uint8Array {
  const head = [1, sps[1] as number, sps[2] as number, sps[3] as number, 0xff, 0xe1];
  return box("avcC", head, u16(sps.length), sps, [1], u16(pps.length), pps);
}

/** ISO/IEC 14496-15 §8.3.3.1. */
function hevcConfiguration({ picture, vps, sps, pps }: Extract<Mp4Track, { codec: "h265" }>): Uint8Array {
  const { profile, compatibility, constraints, level, chromaFormat, lumaDepth, chromaDepth } = picture;
  const head = [1, profile, ...u32(compatibility), ...constraints, level, 0xf0, 0, 0xfc];
  const depths = [0xfc | chromaFormat, 0xf8 | (lumaDepth - 8), 0xf8 | (chromaDepth - 8), 0, 0, 0x0f, 3];
  const sets = (
    [
      [32, vps],
      [33, sps],
      [34, pps],
    ] as const
  ).flatMap(([type, set]) => [0x80 | type, 0, 1, ...u16(set.length), ...set]);
  return box("hvcC", head, depths, sets);
}

/** ISO/IEC 14496-15 §E.3: profile, compatibility with its bits reversed, tier and level, constraints. */
function hevcName({ profile, compatibility, constraints, level }: H265Facts): string {
  const space = ["", "A", "B", "C"][profile >> 6] as string;
  const tier = (profile & 0x20) === 0 ? "L" : "H";
  let reversed = 0;
  for (let i = 0; i < 32; i++) reversed = ((reversed << 1) | ((compatibility >>> i) & 1)) >>> 0;
  const bytes = [...constraints];
  while (bytes.at(-1) === 0) bytes.pop();
  const flags = bytes.map((byte) => byte.toString(16).toUpperCase());
  return [
    "hvc1",
    `${space}${profile & 31}`,
    reversed.toString(16).toUpperCase(),
    `${tier}${level}`,
    ...flags,
  ].join(".");
}

/** ISO/IEC 14496-14 §5.6: an ES_Descriptor around an AudioSpecificConfig. */
function elementaryStream(config: Uint8Array): Uint8Array {
  const specific = descriptor(5, [...config]);
  const decoder = descriptor(4, [0x40, 0x15, 0, 0, 0, ...u32(128_000), ...u32(128_000), ...specific]);
  return fullBox("esds", 0, 0, descriptor(3, [0, 0, 0, ...decoder, ...descriptor(6, [2])]));
}

function descriptor(tag: number, content: readonly number[]): number[] {
  return [tag, 0x80, 0x80, 0x80, content.length, ...content];
}
