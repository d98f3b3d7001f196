import { unitFormat } from "../../src/formats/rtp/unit-formats.ts";
import type { CodecId, KnownParameters } from "../../src/media/codec-parameters.ts";
import { withLengths } from "../../src/media/nal.ts";
import { setsOf } from "../../src/media/parameters.ts";
import type { Format } from "../../src/media/track.ts";
import { MPEG12_SEQUENCE, PARAMETER_SAMPLES, VP8_FRAME, VP9_FRAME } from "../media/parameter-samples.ts";
import { Random } from "../support/random.ts";
import { body } from "../wasm/ts-makers.ts";
import { concat } from "../wasm/twin/packet.ts";

/** An access unit or an audio frame, with its times in ticks of its track. */
export interface SampleUnit {
  readonly bytes: Uint8Array;
  readonly pts: number;
  readonly dts: number;
  readonly isKey: boolean;
}

/** A track without end, each of whose units follows from its number. */
export interface Sample {
  readonly name: string;
  readonly codec: CodecId;
  /** Undefined of codecs that are passed on as they are. */
  readonly parameters: KnownParameters | undefined;
  readonly format: Format;
  /** Of samples of a fixed size, whose units may be cut and joined anywhere: bytes of a tick. */
  readonly tickBytes: number | undefined;
  /** Ticks from unit to unit, in the order of decoding. */
  readonly ticks: number;
  /** Whether the session description says the codec alone: parameter sets come in band. */
  readonly isBare?: boolean;
  /** What comes later than the first unit of other tracks, s. */
  readonly delay?: number;
  /** RTP time of the instant that is 0 in its units, where the protocol lets a publisher choose it; 0 when left out. */
  readonly rtpStart?: number;
  /** @param i from 0 */
  unit(i: number): SampleUnit;
}

/** Pictures from one random access point to the next: a fifth of a second. */
const GOP = 6;
const PICTURE_TICKS = 3_600;
/** Positions of the pictures of a group with B pictures, in the order of decoding, and their types. */
const SHOWN = [0, 3, 1, 2, 5, 4];
const TYPES = "IPBBPB";
/** Time of the first unit of tracks without delay, s. */
export const START_S = 10;

/** How the bytes of a unit are made. */
type Make = (random: Random, i: number, isKey: boolean) => Uint8Array;

/** One sample of each kind of each codec. */
export const SAMPLES: readonly Sample[] = [
  picture("av1", (random, _, isKey) =>
    concat([isKey ? parametersOf("av1").sequenceHeader : new Uint8Array(0), frameObu(random, isKey)]),
  ),
  picture("vp9", (random, _, isKey) => begin(content(random, isKey), isKey ? VP9_FRAME : [0x84])),
  picture("vp8", (random, _, isKey) => begin(content(random, isKey), isKey ? VP8_FRAME : [0x11])),
  picture("h265", (random, i, isKey) => {
    const nals = slices(random, isKey ? [0x26, 1] : [i % GOP === 1 ? 0x02 : 0x00, 1], isKey);
    return withLengths(isKey ? [...setsOf(parametersOf("h265")), ...nals] : nals);
  }),
  picture("h264", (random, i, isKey) => {
    const nals = slices(random, isKey ? [0x65] : [TYPES[i % GOP] === "P" ? 0x41 : 0x01], isKey);
    return withLengths(isKey ? [...setsOf(parametersOf("h264")), ...nals] : nals);
  }),
  picture("mpeg4Video", (random, i, isKey) =>
    begin(content(random, isKey), [0, 0, 1, 0xb6, ("IPB".indexOf(TYPES[i % GOP] as string) << 6) | 0x10]),
  ),
  picture("mpeg12Video", mpeg12Picture),
  passedOn("mjpeg", "JPEG/90000", PICTURE_TICKS, (random) => {
    // RFC 2435 §3.1: one packet, type 1, a quality without tables of its own, 640 by 360 pixels
    return begin(random.bytes(900), [0, 0, 0, 0, 1, 50, 80, 45]);
  }),
  passedOn("mpegts", "MP2T/90000", 1_800, (random) => begin(random.bytes(5 * 188), [0x47])),
  sound({ codec: "opus", channels: 1 }, 960, opusFrame),
  sound({ codec: "opus", channels: 2 }, 960, opusFrame),
  passedOn("vorbis", "vorbis/44100/2", 1_024, (random) => random.bytes(300)),
  sound(parametersOf("mpeg4Audio"), 1_024, (random) => random.bytes(random.between(100, 900))),
  sound({ codec: "mpeg4Audio", config: new Uint8Array([0x12, 0x08]) }, 1_024, (random) => random.bytes(333)),
  // layer III, 128 kbit/s, 48 kHz
  sound({ codec: "mpeg12Audio" }, 2_160, (random) => begin(random.bytes(384), [0xff, 0xfb, 0x94, 0xc4])),
  sound({ codec: "ac3", clockRate: 48_000, channels: 6 }, 1_536, ac3Frame),
  sound(parametersOf("flac"), 4_608, (random) => random.bytes(random.between(14, 9_000))),
  passedOn("speex", "speex/16000", 320, (random) => random.bytes(70)),
  passedOn("g726", "G726-32/8000", 160, (random) => random.bytes(80)),
  pcm({ codec: "g722" }, 1, 8_000),
  pcm({ codec: "g711", law: "mu", clockRate: 8_000, channels: 1 }, 1, 8_000),
  pcm({ codec: "g711", law: "a", clockRate: 16_000, channels: 2 }, 2, 16_000),
  pcm({ codec: "lpcm", bitDepth: 8, clockRate: 8_000, channels: 1 }, 1, 8_000),
  pcm({ codec: "lpcm", bitDepth: 16, clockRate: 44_100, channels: 2 }, 4, 44_100),
  pcm({ codec: "lpcm", bitDepth: 24, clockRate: 48_000, channels: 2 }, 6, 48_000),
  passedOn("generic", "x-telemetry/1000", 40, (random) => random.bytes(200)),
];

function parametersOf<Id extends CodecId>(codec: Id): Extract<KnownParameters, { codec: Id }> {
  const found = PARAMETER_SAMPLES.find((each) => each.codec === codec);
  if (found === undefined) throw new Error(`no parameters of ${codec}`);
  return found as Extract<KnownParameters, { codec: Id }>;
}

function randomOf(name: string, i: number): Random {
  return new Random(Number(Bun.hash.crc32(name)) + i * 7_919);
}

function picture(codec: CodecId, make: Make): Sample {
  const parameters = parametersOf(codec);
  const isReordered = ["h264", "h265", "mpeg12Video", "mpeg4Video"].includes(codec);
  return {
    name: codec,
    codec,
    parameters,
    format: unitFormat(parameters),
    tickBytes: undefined,
    ticks: PICTURE_TICKS,
    unit: (i) => {
      const isKey = i % GOP === 0;
      const dts = START_S * 90_000 + i * PICTURE_TICKS;
      const shown = i - (i % GOP) + (SHOWN[i % GOP] as number) + 1;
      const pts = isReordered ? START_S * 90_000 + shown * PICTURE_TICKS : dts;
      return { bytes: make(randomOf(codec, i), i, isKey), pts, dts, isKey };
    },
  };
}

function sound(parameters: KnownParameters, ticks: number, make: Make, tickBytes?: number): Sample {
  const format = unitFormat(parameters);
  const encoding = (format.rtpmap ?? "").split("/");
  const name = [parameters.codec, ...encoding, ...(channelsOf(parameters) ?? [])].join(" ");
  return {
    name,
    codec: parameters.codec,
    parameters,
    format,
    tickBytes,
    ticks,
    unit: (i) => {
      const time = START_S * format.clockRate + i * ticks;
      return { bytes: make(randomOf(name, i), i, true), pts: time, dts: time, isKey: true };
    },
  };
}

/** What tells samples of Opus apart. */
function channelsOf(parameters: KnownParameters): readonly string[] | undefined {
  return parameters.codec === "opus" ? [parameters.channels === 1 ? "mono" : "stereo"] : undefined;
}

/** Samples of a fixed size, 20 ms at a time. */
function pcm(parameters: KnownParameters, tickBytes: number, clockRate: number): Sample {
  const ticks = clockRate / 50;
  return sound(parameters, ticks, (random) => random.bytes(ticks * tickBytes), tickBytes);
}

/** A codec whose packets are passed on: each unit is the payload of one. */
function passedOn(codec: CodecId, rtpmap: string, ticks: number, make: Make): Sample {
  const clockRate = Number(rtpmap.split("/")[1]);
  return {
    name: codec,
    codec,
    parameters: undefined,
    format: { codec, payloadType: 96, clockRate, rtpmap, fmtp: new Map() },
    tickBytes: undefined,
    ticks,
    unit: (i) => {
      const time = START_S * clockRate + i * ticks;
      return { bytes: make(randomOf(codec, i), i, true), pts: time, dts: time, isKey: true };
    },
  };
}

/** Key frames are cut into several packets. */
function content(random: Random, isKey: boolean): Uint8Array {
  return body(random, isKey ? random.between(2_500, 5_000) : random.between(30, 1_800));
}

function begin(bytes: Uint8Array, head: readonly number[]): Uint8Array {
  bytes.set(head);
  return bytes;
}

/** Two slices; the first bit says which one is the first. */
function slices(random: Random, header: readonly number[], isKey: boolean): Uint8Array[] {
  return [0x80, 0x40].map((first) => concat([new Uint8Array([...header, first]), content(random, isKey)]));
}

/** An OBU with a frame (AV1 §5.3). */
function frameObu(random: Random, isKey: boolean): Uint8Array {
  const bytes = content(random, isKey);
  const { length } = bytes;
  return concat([new Uint8Array([0x32, (length & 127) | 128, length >> 7]), bytes]);
}

/** ISO/IEC 13818-2 §6.2: headers, a picture with its place in the group, and slices. */
function mpeg12Picture(random: Random, i: number, isKey: boolean): Uint8Array {
  const place = SHOWN[i % GOP] as number;
  const type = "IPB".indexOf(TYPES[i % GOP] as string) + 1;
  const headers = isKey ? [...MPEG12_SEQUENCE, 0xff, 0xe0, 0x18, 0, 0, 1, 0xb8, 0, 8, 0, 0x40] : [];
  const picture = [0, 0, 1, 0, place >> 2, ((place & 3) << 6) | (type << 3) | 7, 0xff, 0xf8];
  const rows = [1, 2, 3].flatMap((row) => [new Uint8Array([0, 0, 1, row]), content(random, isKey)]);
  return concat([new Uint8Array([...headers, ...picture]), ...rows]);
}

/** RFC 6716 §3.1: one frame of 20 ms. */
function opusFrame(random: Random): Uint8Array {
  return begin(random.bytes(random.between(3, 400)), [0xfc]);
}

/** ETSI TS 102 366 §4.3: 48 kHz, 192 kbit/s, five channels and one for low frequencies. */
function ac3Frame(random: Random): Uint8Array {
  return begin(random.bytes(768), [0x0b, 0x77, 0, 0, 20, 8 << 3, 0xe1]);
}
