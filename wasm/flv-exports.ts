/** What the core exports for FLV (assembly/flv). */
export interface FlvExports {
  readonly FLV_DEMUX_SIZE: WebAssembly.Global;
  readonly FLV_EVENT: WebAssembly.Global;
  readonly FLV_EVENT_NUMBER: WebAssembly.Global;
  readonly FLV_IGNORED: WebAssembly.Global;
  readonly FLV_JUMPS: WebAssembly.Global;
  readonly FLV_LATEST: WebAssembly.Global;
  readonly FLV_MALFORMED: WebAssembly.Global;
  readonly FLV_TRACK_CHANGED: WebAssembly.Global;
  readonly FLV_TRACK_CHANNELS: WebAssembly.Global;
  readonly FLV_TRACK_CODEC: WebAssembly.Global;
  readonly FLV_TRACK_CONFIG_SIZE: WebAssembly.Global;
  readonly FLV_TRACK_COUNT: WebAssembly.Global;
  readonly FLV_TRACK_EARLY: WebAssembly.Global;
  readonly FLV_TRACK_FORM: WebAssembly.Global;
  readonly FLV_TRACK_FRAME_TICKS: WebAssembly.Global;
  readonly FLV_TRACK_FRAMES: WebAssembly.Global;
  readonly FLV_TRACK_ID: WebAssembly.Global;
  readonly FLV_TRACK_KIND: WebAssembly.Global;
  readonly FLV_TRACK_LENGTH_SIZE: WebAssembly.Global;
  readonly FLV_TRACK_NEEDS_CONFIG: WebAssembly.Global;
  readonly FLV_TRACK_RATE: WebAssembly.Global;
  readonly FLV_TRACK_SAMPLE: WebAssembly.Global;
  readonly FLV_TRACK_SAMPLE_BYTES: WebAssembly.Global;
  readonly FLV_TRACK_SETS: WebAssembly.Global;
  readonly FLV_TRACK_SETS_SIZE: WebAssembly.Global;
  readonly FLV_TRACK_STRIDE: WebAssembly.Global;
  readonly FLV_TRACK_UNITS: WebAssembly.Global;
  readonly FLV_TRACKS: WebAssembly.Global;
  readonly FLV_WRITER_COMPOSITION: WebAssembly.Global;
  readonly FLV_WRITER_FORM: WebAssembly.Global;
  readonly FLV_WRITER_HEAD: WebAssembly.Global;
  readonly FLV_WRITER_HEAD_SIZE: WebAssembly.Global;
  readonly FLV_WRITER_KEY: WebAssembly.Global;
  readonly FLV_WRITER_ORIGIN: WebAssembly.Global;
  readonly FLV_WRITER_SIZE: WebAssembly.Global;
  readonly FLV_WRITER_TIME: WebAssembly.Global;
  readonly FLV_WRITER_UNITS: WebAssembly.Global;
  readonly FLV_WRITER_VIDEO: WebAssembly.Global;

  flvOpen(address: number): void;
  flvBegin(address: number, kind: number, size: number, timestamp: number): void;
  flvPut(address: number, kind: number, src: number, size: number): number;
  flvStart(address: number, seq: number): number;
  flvRead(address: number, dst: number, size: number): number;
  flvConfigOf(address: number, kind: number): number;
}
