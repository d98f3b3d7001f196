import { PARAM_MAX } from "../assembly/abi.ts";
import type { MediaMemory } from "./core.ts";
import { UnitLog } from "./units.ts";

/** How an elementary stream is read. */
export interface TsStreamKind {
  /** TS_* of the ABI. */
  readonly kind: number;
  /** Ticks a second of its units; undefined: its sample rate, as soon as that is known. */
  readonly clockRate: number | undefined;
  /** Channels, where the program map says them. */
  readonly channels?: number;
}

/** An elementary stream of the program that is read. */
export class TsTrack {
  readonly kind: TsStreamKind;
  readonly address: number;
  readonly #memory: MediaMemory;
  #pid: number;
  #units: UnitLog | undefined;
  #closed = false;
  /** Whether the program map still has it. */
  isPresent = true;
  /** Whether somebody wants its units. */
  isWanted = true;

  private constructor(memory: MediaMemory, address: number, pid: number, kind: TsStreamKind) {
    this.#memory = memory;
    this.address = address;
    this.kind = kind;
    this.#pid = pid;
    memory.core.tsTargetOpen(address, kind.kind, memory.core.TS_STREAM_SIZE.value);
    if (kind.clockRate !== undefined) this.#open(kind.clockRate);
  }

  /** Undefined when the budget is used up. */
  static open(memory: MediaMemory, pid: number, kind: TsStreamKind): TsTrack | undefined {
    const address = memory.take(memory.core.TS_STREAM_SIZE.value);
    return address === undefined ? undefined : new TsTrack(memory, address, pid, kind);
  }

  /** Opens the unit log when the core has found out what it needs. */
  openUnits(): void {
    if (this.#get(this.#memory.core.TS_STREAM_ASKED) === 1 && this.#units === undefined) {
      this.#open(this.sampleRate);
    }
  }

  #open(clockRate: number): void {
    const setup = { format: 0, clockRate, frameTicks: 0, reorderDepth: 0 };
    this.#units = UnitLog.open(this.#memory, setup);
    const { core, i32 } = this.#memory;
    i32[(this.address + core.TS_STREAM_UNITS.value) >> 2] = this.#units?.address ?? 0;
  }

  #get(offset: WebAssembly.Global): number {
    return this.#memory.i32[(this.address + offset.value) >> 2] as number;
  }

  get pid(): number {
    return this.#pid;
  }

  /** Its packets have another identifier from now on: what it has begun is dropped. */
  move(pid: number): void {
    this.#pid = pid;
    this.#memory.core.tsLose(this.address);
  }

  /** Its units; undefined while it is not known how their time is counted. They are closed with the track. */
  get units(): UnitLog | undefined {
    return this.#units;
  }

  /** Whether its parameters are known: units come from then on. */
  get isReady(): boolean {
    return this.#get(this.#memory.core.TS_STREAM_READY) !== 0 && this.#units !== undefined;
  }

  /** Whether it has other parameters than those it began with, so that its clock is wrong. */
  get hasChanged(): boolean {
    return this.#get(this.#memory.core.TS_STREAM_CHANGED) !== 0;
  }

  /** Of audio that is ready, Hz. */
  get sampleRate(): number {
    return this.#get(this.#memory.core.TS_STREAM_RATE);
  }

  /** Of audio that is ready; 0 where only the frames say it. */
  get channels(): number {
    return this.kind.channels ?? this.#get(this.#memory.core.TS_STREAM_CHANNELS);
  }

  /** An AudioSpecificConfig: that which came in band, or what the headers of frames say. */
  get audioConfig(): Uint8Array {
    const { core, i32, u8 } = this.#memory;
    const latm = this.address + core.TS_STREAM_LATM.value;
    const size = i32[(latm + core.UNIT_CONFIG.value) >> 2] as number;
    const start = latm + core.UNIT_CONFIG_DATA.value;
    if (size > 0) return u8.slice(start, start + size);
    const value = this.#get(core.TS_STREAM_CONFIG);
    return new Uint8Array([value >> 8, value & 255]);
  }

  /** Parameter sets without start codes, copied; undefined as long as they have not come. */
  get parameterSets(): Readonly<Record<"sps" | "pps" | "vps", Uint8Array | undefined>> {
    const { TS_STREAM_SPS, TS_STREAM_PPS, TS_STREAM_VPS } = this.#memory.core;
    return {
      sps: this.#set(0, TS_STREAM_SPS),
      pps: this.#set(1, TS_STREAM_PPS),
      vps: this.#set(2, TS_STREAM_VPS),
    };
  }

  #set(number: number, size: WebAssembly.Global): Uint8Array | undefined {
    const bytes = this.#get(size);
    const start = this.address + this.#memory.core.TS_STREAM_PARAMS.value + number * PARAM_MAX;
    return bytes === 0 ? undefined : this.#memory.u8.slice(start, start + bytes);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#units?.close();
    this.#memory.give(this.address);
  }
}
