import { trackSetups } from "../../src/formats/rtp/track-setup.ts";
import { unitFormat } from "../../src/formats/rtp/unit-formats.ts";
import { unitSetup } from "../../src/formats/rtp/units.ts";
import type { CodecParameters } from "../../src/media/codec-parameters.ts";
import { CODECS } from "../../src/media/codecs.ts";
import type { StreamDescription } from "../../src/media/track.ts";
import type { Stream, StreamOptions } from "../../src/stream/stream.ts";
import { UnitInput } from "../../src/stream/unit-input.ts";
import { UnitWriter } from "../../wasm/unit-writer.ts";
import { UnitLog } from "../../wasm/units.ts";
import type { FakeClock } from "./fake-clock.ts";

const hex = (text: string) => new Uint8Array(Buffer.from(text, "hex"));
const NO_SETS = { vps: undefined, sps: undefined, pps: undefined };

/** 640x360 without B frames, and 1920x1080 with two of them, from x264. */
export const BASELINE = {
  sps: hex("6742c01ed900a02ff970110000030001000003003c8f162e48"),
  pps: hex("68ce3c80"),
};
export const HIGH = {
  sps: hex("67640028acd940780227e5c044000003000400000300c83c60c658"),
  pps: hex("68ebe3cb22c0"),
};

export const VIDEO: CodecParameters = { codec: "h264", ...BASELINE };
/** AAC-LC, 48 kHz, stereo. */
export const SOUND: CodecParameters = { codec: "mpeg4Audio", config: new Uint8Array([0x11, 0x90]) };

/** Time between two pictures, ms, and ticks of it. */
export const FRAME_MS = 40;
export const FRAME_TICKS = 3_600;
const SOUND_TICKS = 1_024;
const SOUND_RATE = 48_000;

/** The description of a stream of such tracks, and what the core must know of them. */
export function describeCodecs(codecs: readonly CodecParameters[]): {
  description: StreamDescription;
  setups: StreamOptions["log"]["tracks"];
} {
  const tracks = codecs.map((codec, i) => {
    const format = unitFormat(codec, i);
    return { media: CODECS[format.codec].kind, mid: undefined, formats: [format] };
  });
  const description = { title: "", tracks, fecGroups: [] };
  return { description, setups: trackSetups(description) };
}

/** A unit as it was sent; times in ticks of its track. */
export interface SentUnit {
  readonly bytes: Uint8Array;
  readonly dts: number;
  readonly pts: number;
  readonly isKey: boolean;
}

export interface BroadcastTimes {
  /** RTP times of the first picture and the first sound. */
  readonly starts: readonly [number, number];
  /** Whether the source says where they are on the wall clock; by arrival otherwise. */
  readonly isPlaced: boolean;
}

/** Publishes pictures, 25 a second, and sound while a clock goes on. */
export class Broadcast implements Disposable {
  /** What is sent: may be changed at any time. */
  hasVideo = true;
  hasSound = true;
  /** Pictures from one random access point to the next. */
  gop = 25;
  /** Whether there are any. */
  hasKeys = true;
  /** Bytes of a picture, and of a frame of sound. */
  pictureBytes = 400;
  soundBytes = 100;
  /** Parameter sets in front of random access points; undefined without. */
  sets: { readonly sps: Uint8Array; readonly pps: Uint8Array } | undefined;
  /** By the place of a picture in decoding order, how many pictures later it is shown. */
  delays: readonly number[] = [0];
  /** How much of its own time passes in a ms of the clock. */
  speed = 1;
  /** Added to the times of sound from now on, ticks. */
  soundShift = 0;
  readonly pictures: SentUnit[] = [];
  readonly sounds: SentUnit[] = [];
  readonly #clock: FakeClock;
  readonly #writer: UnitWriter;
  readonly #logs: readonly (UnitLog | undefined)[];
  readonly #input: UnitInput;
  readonly #starts: readonly [number, number];
  #picture = 0;
  #sinceKey = 0;
  #sound = 0;

  /**
   * @param codecs the first H264, the second AAC; either may be left out
   * @param times of the tracks; they begin with 0, and the source says where that is, when left out
   */
  constructor(
    clock: FakeClock,
    stream: Stream,
    codecs: readonly CodecParameters[] = [VIDEO, SOUND],
    { starts, isPlaced }: BroadcastTimes = { starts: [0, 0], isPlaced: true },
  ) {
    const { memory } = stream;
    const formats = codecs.map((codec, i) => unitFormat(codec, i));
    const logs = formats.map((format) => UnitLog.open(memory, unitSetup(format, NO_SETS)!)!);
    this.#clock = clock;
    this.#writer = UnitWriter.open(memory)!;
    this.#input = UnitInput.open(stream, logs, formats, () => 0);
    this.#starts = starts;
    for (const [i, { codec }] of isPlaced ? codecs.entries() : []) {
      this.#input.align(i, starts[codec === "h264" ? 0 : 1], clock.wall());
    }
    const of = (id: string) => logs[codecs.findIndex(({ codec }) => codec === id)];
    this.#logs = [of("h264"), of("mpeg4Audio")];
  }

  /** Sends for so long, ms of the clock: whole pictures. */
  async run(ms: number): Promise<void> {
    const step = FRAME_MS / this.speed;
    for (let elapsed = 0; elapsed < ms; elapsed += step) {
      this.#sendPicture();
      this.#sendSound();
      this.#input.pump();
      await this.#clock.advance(step);
    }
  }

  #sendPicture(): void {
    const [log] = this.#logs;
    const number = this.#picture;
    this.#picture += 1;
    if (log === undefined || !this.hasVideo) return;
    const isKey = this.hasKeys && this.#sinceKey % this.gop === 0;
    const place = this.#sinceKey % this.gop;
    this.#sinceKey += 1;
    const slice = new Uint8Array(this.pictureBytes).fill(number % 251);
    slice.set(isKey ? [0x65, 0x88] : [0x41, 0x9a]);
    new DataView(slice.buffer).setUint32(2, 0x7f7f_0000 + number); // no start code
    const nals = isKey && this.sets !== undefined ? [this.sets.sps, this.sets.pps, slice] : [slice];
    const dts = this.#starts[0] + number * FRAME_TICKS;
    const delay = this.delays[place % this.delays.length] as number;
    const unit = { bytes: lengthPrefixed(nals), dts, pts: dts + delay * FRAME_TICKS, isKey };
    this.#send(log, unit, this.pictures);
  }

  /** Frames that begin before the next picture. */
  #sendSound(): void {
    const [, log] = this.#logs;
    const end = (this.#picture * FRAME_MS * SOUND_RATE) / 1_000;
    for (; this.#sound * SOUND_TICKS < end; this.#sound += 1) {
      if (log === undefined || !this.hasSound) continue;
      const bytes = new Uint8Array(this.soundBytes).fill(this.#sound % 251);
      new DataView(bytes.buffer).setUint32(0, this.#sound);
      const dts = this.#starts[1] + this.soundShift + this.#sound * SOUND_TICKS;
      this.#send(log, { bytes, dts, pts: dts, isKey: true }, this.sounds);
    }
  }

  #send(log: UnitLog, unit: SentUnit, sent: SentUnit[]): void {
    if (!this.#writer.write(log, unit.bytes, unit)) throw new Error("no memory for a unit");
    sent.push(unit);
  }

  [Symbol.dispose](): void {
    this.#input.close();
    this.#writer.close();
    for (const log of this.#logs) log?.close();
  }
}

function lengthPrefixed(nals: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(
    Buffer.concat(
      nals.flatMap((nal) => {
        const length = Buffer.alloc(4);
        length.writeUInt32BE(nal.length);
        return [length, nal];
      }),
    ),
  );
}
