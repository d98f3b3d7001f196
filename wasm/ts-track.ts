import { PARAM_MAX } from "../assembly/abi.ts";
import type { MediaMemory } from "./core.ts";
import { UnitLog } from "./units.ts";

/** How an elementary stream is demuxed. */
export interface TsStreamKind {
  /** TS_* of the ABI. */
  readonly kind: number;
  /** Clock rate of its units, Hz; undefined: its sample rate, once known. */
  readonly clockRate: number | undefined;
  /** Channels, if the program map has them. */
  readonly channels?: number;
}

/** A demuxed elementary stream of the program. */
export class TsTrack {
  readonly kind: TsStreamKind;
  readonly address: number;
  readonly #memory: MediaMemory;
  #pid: number;
  #units: UnitLog | undefined;
  #closed = false;
  /** Whether the program map still has it. */
  isPresent = true;
  /** Whether its units are wanted. */
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

  /** Opens the unit log once the core knows the sample rate. */
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

  /** Changes its PID: the unit in progress is dropped. */
  move(pid: number): void {
    this.#pid = pid;
    this.#memory.core.tsLose(this.address);
  }

  /** Its units; undefined while their clock rate is unknown. They are closed with the track. */
  get units(): UnitLog | undefined {
    return this.#units;
  }

  /** Whether its parameters are known: units follow from then on. */
  get isReady(): boolean {
    return this.#get(this.#memory.core.TS_STREAM_READY) !== 0 && this.#units !== undefined;
  }

  /** Whether its parameters have changed, so that its clock is wrong. */
  get hasChanged(): boolean {
    return this.#get(this.#memory.core.TS_STREAM_CHANGED) !== 0;
  }

  /** Sample rate of audio that is ready, Hz. */
  get sampleRate(): number {
    return this.#get(this.#memory.core.TS_STREAM_RATE);
  }

  /** Channels of audio that is ready; 0 if only the frames have them. */
  get channels(): number {
    return this.kind.channels ?? this.#get(this.#memory.core.TS_STREAM_CHANNELS);
  }

  /** The AudioSpecificConfig, in band or derived from the frame headers. */
  get audioConfig(): Uint8Array {
    const { core, i32, u8 } = this.#memory;
    const latm = this.address + core.TS_STREAM_LATM.value;
    const size = i32[(latm + core.UNIT_CONFIG.value) >> 2] as number;
    const start = latm + core.UNIT_CONFIG_DATA.value;
    if (size > 0) return u8.slice(start, start + size);
    const value = this.#get(core.TS_STREAM_CONFIG);
    return new Uint8Array([value >> 8, value & 255]);
  }

  /** Parameter sets without start codes, copied; undefined until they arrive. */
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
