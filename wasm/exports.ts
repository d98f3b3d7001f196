import type { FlvExports } from "./flv-exports.ts";

/** What the core exports: addresses and sizes are numbers; offsets are globals (assembly/index.ts). */
export interface CoreExports extends FlvExports {
  readonly ACCOUNT_LIMIT: WebAssembly.Global;
  readonly ACCOUNT_TAKEN: WebAssembly.Global;
  readonly CURSOR_CHANNELS: WebAssembly.Global;
  readonly CURSOR_DROPPING: WebAssembly.Global;
  readonly CURSOR_ENDING: WebAssembly.Global;
  readonly CURSOR_FRESH: WebAssembly.Global;
  readonly CURSOR_LOST_FRAMES: WebAssembly.Global;
  readonly CURSOR_LOST_PACKETS: WebAssembly.Global;
  readonly CURSOR_PASSED: WebAssembly.Global;
  readonly CURSOR_PLAIN: WebAssembly.Global;
  readonly CURSOR_POSITION: WebAssembly.Global;
  readonly CURSOR_REST: WebAssembly.Global;
  readonly CURSOR_SEQ: WebAssembly.Global;
  readonly CURSOR_SIZE: WebAssembly.Global;
  readonly EVENT_LOST: WebAssembly.Global;
  readonly EVENT_MALFORMED: WebAssembly.Global;
  readonly EVENT_NEW_SSRC: WebAssembly.Global;
  readonly EVENT_OVERSIZED: WebAssembly.Global;
  readonly EVENT_REFRAGMENT: WebAssembly.Global;
  readonly EVENT_UNIT_OVERSIZED: WebAssembly.Global;
  readonly EVENT_UNKNOWN_CHANNEL: WebAssembly.Global;
  readonly EVENT_UNKNOWN_TYPE: WebAssembly.Global;
  readonly EVENT_WRONG_SSRC: WebAssembly.Global;
  readonly LOG_BLOCKS: WebAssembly.Global;
  readonly LOG_CHANNELS: WebAssembly.Global;
  readonly LOG_EVENTS: WebAssembly.Global;
  readonly LOG_EVENT_EXPECTED: WebAssembly.Global;
  readonly LOG_EVENT_TRACK: WebAssembly.Global;
  readonly LOG_EVENT_VALUE: WebAssembly.Global;
  readonly LOG_FLOOR: WebAssembly.Global;
  readonly LOG_FRAMES_ENDED: WebAssembly.Global;
  readonly RTMP_ACCOUNT: WebAssembly.Global;
  readonly RTMP_DETAIL: WebAssembly.Global;
  readonly RTMP_ERROR: WebAssembly.Global;
  readonly RTMP_LIMIT: WebAssembly.Global;
  readonly RTMP_READER_SIZE: WebAssembly.Global;
  readonly RTMP_READY: WebAssembly.Global;
  readonly RTMP_SIZE: WebAssembly.Global;
  readonly RTMP_SPANS: WebAssembly.Global;
  readonly RTMP_STREAM_ID: WebAssembly.Global;
  readonly RTMP_TIMESTAMP: WebAssembly.Global;
  readonly RTMP_TYPE: WebAssembly.Global;
  readonly RECORD_ROW: WebAssembly.Global;
  readonly RECORD_ROW_AT: WebAssembly.Global;
  readonly RECORD_ROW_PACKED: WebAssembly.Global;
  readonly RECORD_ROW_SEQ: WebAssembly.Global;
  readonly RECORD_ROW_TIME: WebAssembly.Global;
  readonly LOG_HEAD: WebAssembly.Global;
  readonly LOG_HEAD_SEQ: WebAssembly.Global;
  readonly LOG_LOST: WebAssembly.Global;
  readonly LOG_PEND_END: WebAssembly.Global;
  readonly LOG_PEND_START: WebAssembly.Global;
  readonly LOG_HEARD: WebAssembly.Global;
  readonly LOG_REST: WebAssembly.Global;
  readonly LOG_REFUSED: WebAssembly.Global;
  readonly LOG_ROOM: WebAssembly.Global;
  readonly LOG_TRACKS: WebAssembly.Global;
  readonly MESSAGE_NAME: WebAssembly.Global;
  readonly MESSAGE_NAME_HIGH: WebAssembly.Global;
  readonly MESSAGE_RUN: WebAssembly.Global;
  readonly MESSAGE_VECTORS: WebAssembly.Global;
  readonly MP4_DETAIL: WebAssembly.Global;
  readonly MP4_END: WebAssembly.Global;
  readonly MP4_ERROR: WebAssembly.Global;
  readonly MP4_FIRST: WebAssembly.Global;
  readonly MP4_MISSING: WebAssembly.Global;
  readonly MP4_MOOF: WebAssembly.Global;
  readonly MP4_SAMPLES: WebAssembly.Global;
  readonly MP4_SHIFT: WebAssembly.Global;
  readonly MP4_TRACKS: WebAssembly.Global;
  readonly MP4_TRACK_COUNT: WebAssembly.Global;
  readonly MP4_TRACK_DURATION: WebAssembly.Global;
  readonly MP4_TRACK_FLAGS: WebAssembly.Global;
  readonly MP4_TRACK_ID: WebAssembly.Global;
  readonly MP4_TRACK_KIND: WebAssembly.Global;
  readonly MP4_TRACK_LENGTH_SIZE: WebAssembly.Global;
  readonly MP4_TRACK_OFFSET: WebAssembly.Global;
  readonly MP4_TRACK_RATE: WebAssembly.Global;
  readonly MP4_TRACK_SCALE: WebAssembly.Global;
  readonly MP4_TRACK_SETS: WebAssembly.Global;
  readonly MP4_TRACK_SETS_SIZE: WebAssembly.Global;
  readonly MP4_TRACK_SIZE: WebAssembly.Global;
  readonly MP4_TRACK_STRIDE: WebAssembly.Global;
  readonly MP4_TRACK_UNITS: WebAssembly.Global;
  readonly PACKETIZER_BYTES: WebAssembly.Global;
  readonly PACKETIZER_TRACKS: WebAssembly.Global;
  readonly PACKET_TRACK_DROPPED: WebAssembly.Global;
  readonly PACKET_TRACK_LIMIT: WebAssembly.Global;
  readonly PACKET_TRACK_STRIDE: WebAssembly.Global;
  readonly PARAM_SET_DATA: WebAssembly.Global;
  readonly PARAM_SET_STRIDE: WebAssembly.Global;
  readonly PART_COUNT: WebAssembly.Global;
  readonly PART_FRONT: WebAssembly.Global;
  readonly PART_TRACKS: WebAssembly.Global;
  readonly PART_TRACK_END: WebAssembly.Global;
  readonly PART_TRACK_END_DTS: WebAssembly.Global;
  readonly PART_TRACK_ID: WebAssembly.Global;
  readonly PART_TRACK_ORIGIN: WebAssembly.Global;
  readonly PART_TRACK_SEQ: WebAssembly.Global;
  readonly PART_TRACK_STRIDE: WebAssembly.Global;
  readonly PART_TRACK_UNITS: WebAssembly.Global;
  readonly PART_TRACK_VIDEO: WebAssembly.Global;
  readonly POOL_BACKED: WebAssembly.Global;
  readonly POOL_BUDGET: WebAssembly.Global;
  readonly POOL_END: WebAssembly.Global;
  readonly POOL_GIVES: WebAssembly.Global;
  readonly POOL_TAKEN: WebAssembly.Global;
  readonly POOL_TAKES: WebAssembly.Global;
  readonly REORDER_BASE: WebAssembly.Global;
  readonly REORDER_HIGHEST: WebAssembly.Global;
  readonly REORDER_JITTER: WebAssembly.Global;
  readonly REORDER_LATE: WebAssembly.Global;
  readonly REORDER_RECEIVED: WebAssembly.Global;
  readonly REORDER_SIZE: WebAssembly.Global;
  readonly REORDER_STARTED: WebAssembly.Global;
  readonly RECORDS_START: WebAssembly.Global;
  readonly RECORDS_STARTED: WebAssembly.Global;
  readonly RUN_FIRST: WebAssembly.Global;
  readonly RUN_PACKETS: WebAssembly.Global;
  readonly RUN_TRACK: WebAssembly.Global;
  readonly TRACK_ANCHOR_ARRIVAL: WebAssembly.Global;
  readonly TRACK_ANCHOR_TIME: WebAssembly.Global;
  readonly TRACK_BYTES: WebAssembly.Global;
  readonly TRACK_CLOCK_RATE: WebAssembly.Global;
  readonly TRACK_FRAMES: WebAssembly.Global;
  readonly TRACK_FRAME_OPEN: WebAssembly.Global;
  readonly TRACK_FRAME_TIME: WebAssembly.Global;
  readonly TRACK_GOP_FRAMES: WebAssembly.Global;
  readonly TRACK_HEAD: WebAssembly.Global;
  readonly TRACK_HEAD_SIZE: WebAssembly.Global;
  readonly TRACK_LAST_ARRIVAL: WebAssembly.Global;
  readonly TRACK_LAST_SEQ: WebAssembly.Global;
  readonly TRACK_LAST_TIME: WebAssembly.Global;
  readonly TRACK_LOST: WebAssembly.Global;
  readonly TRACK_OCTETS: WebAssembly.Global;
  readonly TRACK_PACKETS: WebAssembly.Global;
  readonly TRACK_PARAMS: WebAssembly.Global;
  readonly TRACK_PARAMS_KNOWN: WebAssembly.Global;
  readonly TRACK_PARAMS_NEEDED: WebAssembly.Global;
  readonly TRACK_PARAMS_VERSION: WebAssembly.Global;
  readonly TRACK_RAP_ARRIVAL: WebAssembly.Global;
  readonly TRACK_RAP_COUNT: WebAssembly.Global;
  readonly TRACK_RAP_SEQ: WebAssembly.Global;
  readonly TRACK_REPORTS: WebAssembly.Global;
  readonly TRACK_REPORT_ARRIVAL: WebAssembly.Global;
  readonly TRACK_REPORT_FRACTION: WebAssembly.Global;
  readonly TRACK_REPORT_SECONDS: WebAssembly.Global;
  readonly TRACK_REPORT_TIME: WebAssembly.Global;
  readonly TRACK_SEQ_OFFSET: WebAssembly.Global;
  readonly TRACK_SOURCE: WebAssembly.Global;
  readonly TRACK_SSRC: WebAssembly.Global;
  readonly TRACK_STARTED: WebAssembly.Global;
  readonly TRACK_STRIDE: WebAssembly.Global;
  readonly TS_DEMUX_CONTINUITY: WebAssembly.Global;
  readonly TS_DEMUX_DUPLICATES: WebAssembly.Global;
  readonly TS_DEMUX_EVENTS: WebAssembly.Global;
  readonly TS_DEMUX_JUMPS: WebAssembly.Global;
  readonly TS_DEMUX_LATEST: WebAssembly.Global;
  readonly TS_DEMUX_MALFORMED: WebAssembly.Global;
  readonly TS_DEMUX_PACKETS: WebAssembly.Global;
  readonly TS_DEMUX_SCRAMBLED: WebAssembly.Global;
  readonly TS_DEMUX_SIZE: WebAssembly.Global;
  readonly TS_DEMUX_SYNC_LOSSES: WebAssembly.Global;
  readonly TS_MUX_COUNT: WebAssembly.Global;
  readonly TS_MUX_OUT: WebAssembly.Global;
  readonly TS_MUX_REPEAT: WebAssembly.Global;
  readonly TS_PIDS: WebAssembly.Global;
  readonly TS_SECTION_DONE: WebAssembly.Global;
  readonly TS_SECTION_DONE_BYTES: WebAssembly.Global;
  readonly TS_SECTION_QUIET: WebAssembly.Global;
  readonly TS_SECTION_SIZE: WebAssembly.Global;
  readonly TS_SIZE: WebAssembly.Global;
  readonly TS_STREAM_ASKED: WebAssembly.Global;
  readonly TS_STREAM_CHANGED: WebAssembly.Global;
  readonly TS_STREAM_CHANNELS: WebAssembly.Global;
  readonly TS_STREAM_CONFIG: WebAssembly.Global;
  readonly TS_STREAM_LATM: WebAssembly.Global;
  readonly TS_STREAM_PARAMS: WebAssembly.Global;
  readonly TS_STREAM_PPS: WebAssembly.Global;
  readonly TS_STREAM_RATE: WebAssembly.Global;
  readonly TS_STREAM_READY: WebAssembly.Global;
  readonly TS_STREAM_SIZE: WebAssembly.Global;
  readonly TS_STREAM_SPS: WebAssembly.Global;
  readonly TS_STREAM_UNITS: WebAssembly.Global;
  readonly TS_STREAM_VPS: WebAssembly.Global;
  readonly TS_TARGETS: WebAssembly.Global;
  readonly TS_TRACKS: WebAssembly.Global;
  readonly TS_TRACK_CLOCK: WebAssembly.Global;
  readonly TS_TRACK_END: WebAssembly.Global;
  readonly TS_TRACK_KIND: WebAssembly.Global;
  readonly TS_TRACK_MAP: WebAssembly.Global;
  readonly TS_TRACK_MAP_SIZE: WebAssembly.Global;
  readonly TS_TRACK_ORIGIN: WebAssembly.Global;
  readonly TS_TRACK_PID: WebAssembly.Global;
  readonly TS_TRACK_PREFIX: WebAssembly.Global;
  readonly TS_TRACK_PREFIX_SIZE: WebAssembly.Global;
  readonly TS_TRACK_RATE: WebAssembly.Global;
  readonly TS_TRACK_SEQ: WebAssembly.Global;
  readonly TS_TRACK_STRIDE: WebAssembly.Global;
  readonly TS_TRACK_UNITS: WebAssembly.Global;
  readonly UNIT_RESULT: WebAssembly.Global;
  readonly UNIT_BLOCKS: WebAssembly.Global;
  readonly UNIT_CLOCK_RATE: WebAssembly.Global;
  readonly UNIT_CONFIG: WebAssembly.Global;
  readonly UNIT_CONFIG_DATA: WebAssembly.Global;
  readonly UNIT_DELTA_BITS: WebAssembly.Global;
  readonly UNIT_DEPTH: WebAssembly.Global;
  readonly UNIT_DROPPED: WebAssembly.Global;
  readonly UNIT_ENTRY_BYTES: WebAssembly.Global;
  readonly UNIT_ENTRY_DTS: WebAssembly.Global;
  readonly UNIT_ENTRY_FLAGS: WebAssembly.Global;
  readonly UNIT_ENTRY_PTS: WebAssembly.Global;
  readonly UNIT_ENTRY_SIZE: WebAssembly.Global;
  readonly UNIT_ENTRY_START: WebAssembly.Global;
  readonly UNIT_FORMAT: WebAssembly.Global;
  readonly UNIT_FRAME_TICKS: WebAssembly.Global;
  readonly UNIT_HEAD_SEQ: WebAssembly.Global;
  readonly UNIT_INDEX_BITS: WebAssembly.Global;
  readonly UNIT_JUMPS: WebAssembly.Global;
  readonly UNIT_LAST_TIME: WebAssembly.Global;
  readonly UNIT_TICKS: WebAssembly.Global;
  readonly UNIT_MALFORMED: WebAssembly.Global;
  readonly UNIT_OVERSIZED: WebAssembly.Global;
  readonly UNIT_SIZE_BITS: WebAssembly.Global;
  readonly UNIT_SPAN_SIZE: WebAssembly.Global;
  readonly UNIT_SPAN_START: WebAssembly.Global;
  readonly UNIT_SPAN_STRIDE: WebAssembly.Global;
  readonly UNIT_TRACK_SIZE: WebAssembly.Global;
  readonly VECTOR_BASE: WebAssembly.Global;
  readonly VECTOR_SIZE: WebAssembly.Global;
  readonly VECTOR_STRIDE: WebAssembly.Global;

  cursorAge(address: number, now: number): number;
  cursorAwait(address: number): void;
  cursorFill(address: number, dst: number, limit: number, only: number): number;
  cursorFollow(address: number, leader: number): void;
  cursorGather(address: number, out: number, limit: number, only: number): number;
  cursorToHead(address: number): void;
  cursorJump(address: number): void;
  cursorMove(address: number, size: number): number;
  cursorOpen(address: number, log: number, selected: number, usual: number, fresh: number): void;
  cursorSkip(address: number): void;
  cursorSpan(address: number): number;
  cursorTo(address: number, seq: number): number;
  cursorToRandomAccess(address: number): number;
  logClose(address: number): void;
  logJoin(address: number): number;
  logLeave(address: number, worker: number): void;
  logOpen(
    address: number,
    size: number,
    tracks: number,
    lagPackets: number,
    maxPacket: number,
    account: number,
  ): void;
  logPass(address: number, worker: number, seq: number): void;
  logTrim(address: number, keepSeq: number): void;
  accountClose(address: number): void;
  accountJoin(address: number): void;
  accountOpen(limit: number): number;
  blockCapacity(): number;
  blockGive(block: number): void;
  blockTake(account: number): number;
  packetizerOpen(address: number, log: number, tracks: number): void;
  packetizerPump(address: number, now: number): number;
  packetizerTrack(
    address: number,
    track: number,
    units: number,
    format: number,
    seq: number,
    ssrc: number,
    clockRate: number,
    frameTicks: number,
    sampleBytes: number,
  ): void;
  poolCheck(block: number): void;
  poolInit(blocks: number, backed: number): void;
  poolBack(blocks: number): void;
  slotGive(address: number): void;
  slotIsTaken(address: number): number;
  slotTake(size: number, account: number): number;
  rtpClose(address: number): void;
  rtpIngest(address: number, size: number, now: number): number;
  rtpReserve(address: number): number;
  rtpHeaderSize(packet: number, size: number): number;
  rtpReserveDatagram(address: number, size: number): number;
  rtpDatagram(address: number, reorder: number, index: number, size: number, now: number): number;
  rtcpDatagram(address: number, index: number, packet: number, size: number, now: number): void;
  reorderOpen(address: number, account: number): void;
  recordBegin(address: number, track: number, flags: number, time: number, now: number): void;
  recordCut(address: number, spans: number, count: number, limit: number, last: number): number;
  recordFind(address: number, seq: number, out: number): number;
  recordOpen(
    address: number,
    size: number,
    tracks: number,
    lagPackets: number,
    video: number,
    account: number,
  ): void;
  recordPublish(address: number): void;
  recordPut(address: number, src: number, size: number, last: number): number;
  reorderClose(address: number): void;
  batchGather(batch: number, cursor: number, base: number): number;
  batchAddress(
    batch: number,
    run: number,
    at: number,
    destinations: number,
    count: number,
    base: number,
  ): number;
  rtcpFind(packet: number, size: number, type: number, least: number): number;
  rtcpWriteReceiverReport(
    dst: number,
    ssrc: number,
    source: number,
    lost: number,
    highest: number,
    jitter: number,
    lastReport: number,
    delay: number,
  ): number;
  rtcpWriteSenderReport(
    dst: number,
    ssrc: number,
    seconds: number,
    fraction: number,
    time: number,
    packets: number,
    octets: number,
  ): number;
  rtmpClose(address: number): void;
  rtmpMessage(
    dst: number,
    src: number,
    size: number,
    chunkStream: number,
    type: number,
    streamId: number,
    time: number,
    chunkSize: number,
  ): number;
  rtmpOpen(address: number, limit: number, account: number): void;
  rtmpPart(address: number, spans: number, count: number, size: number, out: number): number;
  rtmpRead(address: number, src: number, size: number, out: number): number;
  rtmpRecords(
    log: number,
    writer: number,
    size: number,
    chunkStream: number,
    type: number,
    streamId: number,
    time: number,
    chunkSize: number,
  ): number;
  unitAt(address: number, seq: number, out: number): number;
  unitClose(address: number): void;
  unitOpen(address: number, limit: number, account: number): void;
  unitPull(cursor: number, tracks: number): number;
  unitSpans(address: number, seq: number, end: number, out: number, limit: number): number;
  unitTrim(address: number, seq: number): void;
  unitWrite(address: number, src: number, size: number, flags: number, pts: number, dts: number): number;
  tsDemux(address: number, src: number, size: number, isLast: number): number;
  tsFlush(address: number): void;
  tsLose(stream: number): void;
  tsRestart(address: number): void;
  tsTargetOpen(address: number, kind: number, size: number): void;
  tsWrite(address: number, tables: number): number;
  fmp4Part(address: number, sequence: number, dst: number, limit: number): number;
  mp4Begin(address: number, position: number): void;
  mp4End(address: number): number;
  mp4Open(address: number): void;
  mp4Read(address: number, src: number, size: number): number;
}
