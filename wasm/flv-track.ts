import { FLV_VIDEO } from "../assembly/abi.ts";
import type { MediaMemory } from "./core.ts";
import { UnitLog } from "./units.ts";

/** How the units of a track are made, once its parameters are known. */
export interface FlvSettings<Parameters> {
  /** What its codec is; the demuxer does not look into it. */
  readonly parameters: Parameters;
  /** Of its units, Hz. */
  readonly clockRate: number;
  /** SAMPLE_* of the ABI; of messages that are a sample each. */
  readonly sample?: number;
  /** Ticks of a frame of audio, if all have the same. */
  readonly frameTicks?: number;
  /** Bytes of a tick of audio samples of a fixed size. */
  readonly sampleBytes?: number;
  /** Bytes of the length of a NAL unit, 1 to 4; 4 by default. */
  readonly lengthSize?: number;
  /** NAL units to insert before random access points, each with a length of four bytes in front; at most 16 KB. */
  readonly sets?: Uint8Array;
  /** Largest unit, bytes. */
  readonly maxBytes: number;
}

/** How messages of a codec are read. */
export interface FlvReading<Parameters> {
  /** FLV_SAMPLE and so on, of the ABI. */
  readonly form: number;
  /** Without a sequence header. */
  readonly settings?: FlvSettings<Parameters>;
  /** Reads a sequence header; undefined: it is invalid, and ignored. */
  configure?(config: Uint8Array): FlvSettings<Parameters> | undefined;
  /** Of codecs whose frames say what they are: from the first one. */
  learn?(rate: number, channels: number): FlvSettings<Parameters>;
}

/** The codecs of FLV. */
export interface FlvCodecs<Parameters> {
  /**
   * How messages of a codec are read; undefined if it is not supported.
   *
   * @param codec codec id, sound format (with the flags of its header in the higher four bits where they matter), or
   *   FourCC
   */
  find(isVideo: boolean, codec: number): FlvReading<Parameters> | undefined;
  /** Whether units cannot go on with other parameters. */
  isChange(before: Parameters, after: Parameters): boolean;
}

/** A track of a stream in FLV. */
export class FlvTrack<Parameters> {
  readonly isVideo: boolean;
  /** Its number in multitrack messages; 0 without one. */
  readonly id: number;
  /** As `FlvCodecs.find` takes it. */
  readonly codec: number;
  readonly #memory: MediaMemory;
  readonly #address: number;
  readonly #codecs: FlvCodecs<Parameters>;
  readonly #reading: FlvReading<Parameters> | undefined;
  #units: UnitLog | undefined;
  #parameters: Parameters | undefined;
  #sets = 0;
  #hasChanged = false;
  #closed = false;

  /** @param address of its context in the core */
  constructor(memory: MediaMemory, address: number, codecs: FlvCodecs<Parameters>) {
    const { core } = memory;
    this.#memory = memory;
    this.#address = address;
    this.#codecs = codecs;
    this.isVideo = this.#get(core.FLV_TRACK_KIND) === FLV_VIDEO;
    this.id = this.#get(core.FLV_TRACK_ID);
    this.codec = this.#get(core.FLV_TRACK_CODEC) >>> 0;
    this.#reading = codecs.find(this.isVideo, this.codec);
    if (this.#reading === undefined) return;
    const { form, settings, configure } = this.#reading;
    memory.setInt(address, core.FLV_TRACK_FORM, form);
    memory.setInt(
      address,
      core.FLV_TRACK_NEEDS_CONFIG,
      settings === undefined && configure !== undefined ? 1 : 0,
    );
    if (settings !== undefined) this.#apply(settings);
  }

  #get(offset: WebAssembly.Global): number {
    return this.#memory.i32[(this.#address + offset.value) >> 2] as number;
  }

  /** Whether its codec is. */
  get isSupported(): boolean {
    return this.#reading !== undefined;
  }

  /** Its codec parameters, as far as they are known. */
  get parameters(): Parameters | undefined {
    return this.#parameters;
  }

  /** Its units; undefined while its parameters are unknown. They are closed with the track. */
  get units(): UnitLog | undefined {
    return this.#units;
  }

  /** Whether its parameters are known: units follow from then on. */
  get isReady(): boolean {
    return this.#units !== undefined;
  }

  /** Frames so far, those that were dropped afterwards included. */
  get frames(): number {
    return this.#get(this.#memory.core.FLV_TRACK_FRAMES);
  }

  /** Messages that were dropped because no sequence header was in front of them. */
  get early(): number {
    return this.#get(this.#memory.core.FLV_TRACK_EARLY);
  }

  /** Whether the codec has changed, or parameters that its units depend on. */
  get hasChanged(): boolean {
    return this.#hasChanged || this.#get(this.#memory.core.FLV_TRACK_CHANGED) !== 0;
  }

  /** Takes a sequence header, which is borrowed. */
  configure(config: Uint8Array): void {
    const settings = this.#reading?.configure?.(config);
    if (settings !== undefined) this.#apply(settings);
    else if (this.#units === undefined)
      this.#memory.setInt(this.#address, this.#memory.core.FLV_TRACK_CONFIG_SIZE, 0);
  }

  /** The header of the first frame is known. */
  learn(): void {
    const { core } = this.#memory;
    const settings = this.#reading?.learn?.(
      this.#get(core.FLV_TRACK_RATE),
      this.#get(core.FLV_TRACK_CHANNELS),
    );
    if (settings !== undefined) this.#apply(settings);
  }

  #apply(settings: FlvSettings<Parameters>): void {
    const before = this.#parameters;
    if (before !== undefined && this.#codecs.isChange(before, settings.parameters)) this.#hasChanged = true;
    if (this.#hasChanged) return;
    this.#parameters = settings.parameters;
    this.#write(settings);
    this.#putSets(settings.sets ?? NOTHING);
  }

  #write({
    clockRate,
    maxBytes,
    sample = 0,
    frameTicks = 0,
    sampleBytes = 1,
    lengthSize = 4,
  }: FlvSettings<Parameters>) {
    const memory = this.#memory;
    const { core } = memory;
    const setup = { format: 0, clockRate, frameTicks: 0, reorderDepth: 0, maxBytes };
    this.#units ??= UnitLog.open(memory, setup);
    memory.setInt(this.#address, core.FLV_TRACK_UNITS, this.#units?.address ?? 0);
    memory.setInt(this.#address, core.FLV_TRACK_SAMPLE, sample);
    memory.setInt(this.#address, core.FLV_TRACK_SAMPLE_BYTES, sampleBytes);
    memory.setInt(this.#address, core.FLV_TRACK_LENGTH_SIZE, lengthSize);
    memory.setFloat(this.#address, core.FLV_TRACK_FRAME_TICKS, frameTicks);
  }

  /** Without memory for them, units go without. */
  #putSets(sets: Uint8Array): void {
    const memory = this.#memory;
    const { core } = memory;
    const slot = sets.length === 0 ? undefined : memory.take(sets.length);
    if (slot !== undefined) memory.u8.set(sets, slot);
    memory.setInt(this.#address, core.FLV_TRACK_SETS, slot ?? 0);
    memory.setInt(this.#address, core.FLV_TRACK_SETS_SIZE, slot === undefined ? 0 : sets.length);
    this.#freeSets();
    this.#sets = slot ?? 0;
  }

  #freeSets(): void {
    if (this.#sets !== 0) this.#memory.give(this.#sets);
    this.#sets = 0;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#freeSets();
    this.#units?.close();
    this.#units = undefined;
  }
}

const NOTHING = new Uint8Array(0);
