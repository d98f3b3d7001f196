import { box, fullBox, text, u32, zeros } from "../../src/formats/fmp4/boxes.ts";
import { sampleEntry } from "../../src/formats/fmp4/codecs.ts";
import { readInit } from "../../src/formats/fmp4/read-init.ts";
import { audioEntry, visualEntry } from "../../src/formats/fmp4/sample-entry.ts";
import { readTsTrack, tsCarriage, tsCodecId } from "../../src/formats/mpegts/codecs.ts";
import { TsPrograms } from "../../src/formats/mpegts/programs.ts";
import type { CodecId, KnownParameters } from "../../src/media/codec-parameters.ts";
import { CODECS } from "../../src/media/codecs.ts";
import { withLengths } from "../../src/media/nal.ts";
import type { MediaMemory } from "../../wasm/core.ts";
import { Mp4Demuxer } from "../../wasm/mp4-demuxer.ts";
import { TsWriter } from "../../wasm/mpegts.ts";
import { TsDemuxer } from "../../wasm/ts-demuxer.ts";
import { UnitWriter } from "../../wasm/unit-writer.ts";
import { type PartRange, PartWriter, UnitLog } from "../../wasm/units.ts";
import { takeUnits } from "../wasm/ts-units.ts";
import type { ReadTrack } from "./protocol.ts";
import type { Sample, SampleUnit } from "./samples.ts";

/** Writes units into files or a stream of bytes. */
export interface ContainerWriter extends Disposable {
  /** What describes the segments, where there is such a thing. */
  readonly init: Uint8Array | undefined;
  /** Whole units of each track, in order. */
  write(units: readonly (readonly SampleUnit[])[]): Uint8Array;
}

/** Reads them again. */
export interface ContainerReader extends Disposable {
  push(bytes: Uint8Array): void;
  /** The end: nothing follows. */
  flush(): void;
  readonly tracks: readonly ReadTrack[];
}

function openLog(memory: MediaMemory, clockRate: number): UnitLog {
  return UnitLog.open(memory, { format: 0, clockRate, frameTicks: 0, reorderDepth: 0 })!;
}

/** The logs of some tracks, and what has been written there last. */
class Tracks implements Disposable {
  readonly logs: readonly UnitLog[];
  readonly #writer: UnitWriter;
  readonly #samples: readonly Sample[];

  constructor(memory: MediaMemory, samples: readonly Sample[]) {
    this.#samples = samples;
    this.logs = samples.map(({ format }) => openLog(memory, format.clockRate));
    this.#writer = UnitWriter.open(memory)!;
  }

  /** The units as ranges of the logs; those before are gone. */
  ranges(units: readonly (readonly SampleUnit[])[]): PartRange[] {
    return this.#samples.map(({ codec, ticks }, i) => {
      const log = this.logs[i] as UnitLog;
      log.trim(log.headSeq);
      const from = log.headSeq;
      for (const unit of units[i] ?? []) this.#writer.write(log, unit.bytes, unit);
      const endDts = (units[i]?.at(-1)?.dts ?? 0) + ticks;
      const isVideo = CODECS[codec].kind === "video";
      return { units: log, id: i + 1, isVideo, from, to: log.headSeq, origin: 0, endDts };
    });
  }

  [Symbol.dispose](): void {
    this.#writer.close();
    for (const log of this.logs) log.close();
  }
}

/** Writes fragmented MP4. */
export class Mp4Writer implements ContainerWriter {
  readonly init: Uint8Array;
  readonly #tracks: Tracks;
  readonly #writer: PartWriter;
  #sequence = 0;

  constructor(memory: MediaMemory, samples: readonly Sample[]) {
    this.init = writeMovie(samples);
    this.#tracks = new Tracks(memory, samples);
    this.#writer = PartWriter.open(memory)!;
  }

  write(units: readonly (readonly SampleUnit[])[]): Uint8Array {
    this.#sequence += 1;
    return new Uint8Array(Buffer.concat(this.#writer.write(this.#tracks.ranges(units), this.#sequence)!));
  }

  [Symbol.dispose](): void {
    this.#writer.close();
    this.#tracks[Symbol.dispose]();
  }
}

const PICTURE = { width: 640, height: 360 };
/** Sample entries of codecs that the server reads and does not write. */
const ENTRIES: Partial<Record<CodecId, Uint8Array>> = {
  vp8: visualEntry("vp08", PICTURE, fullBox("vpcC", 1, 0, zeros(8))),
  mpeg12Audio: audioEntry(".mp3", 2, 48_000, new Uint8Array(0)),
  // ETSI TS 102 366 §F.4: 48 kHz, 192 kbit/s, five channels and one for low frequencies
  ac3: audioEntry("ac-3", 6, 48_000, box("dac3", [0x10, 0x3d, 0x40])),
};

/** An initialization segment with what readers need (ISO/IEC 14496-12 §8). */
function writeMovie(samples: readonly Sample[]): Uint8Array {
  const tracks = samples.map(({ codec, parameters, format: { clockRate } }, i) => {
    const entry = ENTRIES[codec] ?? sampleEntry(parameters as KnownParameters);
    const handler = text(CODECS[codec].kind === "video" ? "vide" : "soun");
    const media = box(
      "mdia",
      fullBox("mdhd", 0, 0, zeros(8), u32(clockRate), zeros(8)),
      fullBox("hdlr", 0, 0, zeros(4), handler, zeros(12)),
      box("minf", box("stbl", fullBox("stsd", 0, 0, u32(1), entry))),
    );
    return box("trak", fullBox("tkhd", 0, 3, zeros(8), u32(i + 1), zeros(68)), media);
  });
  const defaults = samples.map((_, i) => fullBox("trex", 0, 0, u32(i + 1), u32(1), zeros(12)));
  const header = fullBox("mvhd", 0, 0, zeros(8), u32(1_000), zeros(84));
  return box("moov", header, ...tracks, box("mvex", ...defaults));
}

/** Reads fragmented MP4. */
export class Mp4Reader implements ContainerReader {
  readonly #memory: MediaMemory;
  readonly #init: ReturnType<typeof readInit>;
  readonly #demuxer: Mp4Demuxer;
  readonly #logs: readonly UnitLog[];

  constructor(memory: MediaMemory, init: Uint8Array) {
    this.#memory = memory;
    this.#init = readInit(init);
    this.#demuxer = Mp4Demuxer.open(memory)!;
    this.#logs = this.#init.map(({ timescale }) => openLog(memory, timescale));
    this.#demuxer.setUp(
      this.#init.map(({ description, ...track }, i) => {
        const { kind, lengthSize = 4, sets = [] } = description!;
        return { ...track, kind, lengthSize, sets: withLengths(sets), units: this.#logs[i] };
      }),
    );
  }

  push(segment: Uint8Array): void {
    this.#demuxer.begin(0);
    const fault = this.#demuxer.push(segment, () => 0) ?? this.#demuxer.end();
    if (fault !== undefined) throw new Error(fault);
  }

  flush(): void {
    // a segment has whole units
  }

  get tracks(): readonly ReadTrack[] {
    return this.#init.map(({ description, timescale }, i) => ({
      codec: description!.parameters.codec,
      parameters: description!.parameters,
      clockRate: timescale,
      zero: 0,
      units: takeUnits(this.#memory, this.#logs[i]!),
    }));
  }

  [Symbol.dispose](): void {
    this.#demuxer.close();
    for (const log of this.#logs) log.close();
  }
}

/** Writes a transport stream, with tables in front of each piece. */
export class TransportWriter implements ContainerWriter {
  readonly init = undefined;
  readonly #tracks: Tracks;
  readonly #writer: TsWriter;

  constructor(memory: MediaMemory, samples: readonly Sample[]) {
    this.#tracks = new Tracks(memory, samples);
    this.#writer = TsWriter.open(memory)!;
    this.#writer.setUp(
      samples.map(({ parameters }, i) => ({
        units: this.#tracks.logs[i] as UnitLog,
        pid: 256 + i,
        hasClock: i === 0,
        ...tsCarriage(parameters!)!,
      })),
    );
  }

  write(units: readonly (readonly SampleUnit[])[]): Uint8Array {
    return new Uint8Array(Buffer.concat(this.#writer.write(this.#tracks.ranges(units), true)!));
  }

  [Symbol.dispose](): void {
    this.#writer.close();
    this.#tracks[Symbol.dispose]();
  }
}

/** Reads a transport stream. */
export class TransportReader implements ContainerReader {
  readonly #memory: MediaMemory;
  readonly #demuxer: TsDemuxer;

  constructor(memory: MediaMemory) {
    this.#memory = memory;
    this.#demuxer = TsDemuxer.open(memory, new TsPrograms())!;
  }

  push(bytes: Uint8Array): void {
    this.#demuxer.push(bytes);
  }

  flush(): void {
    this.#demuxer.flush();
  }

  get tracks(): readonly ReadTrack[] {
    // a track that begins late has no units yet
    return this.#demuxer.tracks.flatMap((track) => {
      const { units } = track;
      if (units === undefined) return [];
      return {
        codec: tsCodecId(track),
        parameters: readTsTrack(track),
        clockRate: units.clockRate,
        zero: 0,
        units: takeUnits(this.#memory, units),
      };
    });
  }

  [Symbol.dispose](): void {
    this.#demuxer.close();
  }
}
