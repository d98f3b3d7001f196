import {
  FLAG_END_OF_FRAME,
  FLAG_GAP,
  FLAG_START_OF_FRAME,
  FLAG_VIDEO,
  FRAMES_WITHOUT_KEY,
  HEAD_MAX,
  KIND_H264,
  KIND_H265,
  KIND_PACKET,
  MAX_FRAME_BYTES,
  PARAM_PPS,
  PARAM_SPS,
  PARAM_VPS,
  UNKNOWN_FRAME_MAX,
} from "../../../assembly/abi.ts";
import type { LogOptions, TrackSetup } from "../../../wasm/log.ts";
import { concat, type RtpPacket, readRtp, writeFrame, writeRtp } from "./packet.ts";
import { isRandomAccess, ParamsTwin } from "./random-access.ts";
import { refragment } from "./refragment.ts";
import { readSenderReport, type SenderReportTwin } from "./rtcp.ts";

/** What happened to packets that were not taken as they are; names as in the core's EVENT_*. */
export type EventName =
  | "WRONG_SSRC"
  | "UNKNOWN_TYPE"
  | "UNKNOWN_CHANNEL"
  | "MALFORMED"
  | "OVERSIZED"
  | "LOST"
  | "REFRAGMENT"
  | "NEW_SSRC";

/** A packet as readers get it, and its index entry. */
export interface Entry {
  readonly bytes: Uint8Array;
  readonly track: number;
  readonly flags: number;
  readonly time: number;
  readonly now: number;
}

/** What is known of one track. */
export class TrackTwin {
  readonly params: ParamsTwin;
  readonly clockRate: number;
  readonly kinds: ReadonlyMap<number, number>;
  video = false;
  ssrc: number | undefined;
  source = 0;
  rival = 0;
  rivalRun = 0;
  timeOffset = 0;
  lastSeq = 0;
  seqOffset = 0;
  lastTime = 0;
  lastArrival = 0;
  raps = 0;
  rap = 0;
  frameOpen = false;
  frame = 0;
  frameTime = 0;
  previousFrame = 0;
  frameBytes = 0;
  frames = 0;
  keyFrames = 0;
  framesAtRap = 0;
  gopFrames = 0;
  rapArrival = 0;
  head: Uint8Array = new Uint8Array(0);
  refragments = false;
  packets = 0;
  bytes = 0;
  octets = 0;
  lost = 0;
  reports = 0;
  report: (SenderReportTwin & { arrival: number }) | undefined;
  anchorTime = 0;
  anchorArrival = 0;

  constructor(setup: TrackSetup) {
    this.kinds = setup.kinds;
    this.clockRate = setup.clockRate;
    const kinds = [...setup.kinds.values()].find((kind) => kind === KIND_H264 || kind === KIND_H265);
    const h26x = PARAM_SPS | PARAM_PPS;
    const needed = kinds === undefined ? 0 : kinds === KIND_H264 ? h26x : h26x | PARAM_VPS;
    this.params = new ParamsTwin(setup.paramsKnown, needed);
  }

  get keyless(): boolean {
    return this.keyFrames === 0 && this.frames > FRAMES_WITHOUT_KEY;
  }
}

/** Takes interleaved frames the slow way: one array of packets, everything copied. */
export class IngestTwin {
  readonly entries: Entry[] = [];
  readonly tracks: readonly TrackTwin[];
  readonly #options: LogOptions;
  readonly #channels = new Map<number, { track: number; rtcp: boolean }>();
  #pending: Uint8Array = new Uint8Array(0);
  readonly events = new Set<EventName>();
  /** Track, value and expected value of the last event. */
  example: readonly [number, number, number] = [0, 0, 0];
  framesEnded = 0;
  lost = 0;
  refused = 0;
  floor = 0;

  constructor(options: LogOptions) {
    this.#options = options;
    this.tracks = options.tracks.map((setup) => new TrackTwin(setup));
  }

  mapChannel(channel: number, track: number, rtcp: boolean): void {
    this.#channels.set(channel, { track, rtcp });
  }

  get pending(): boolean {
    return this.#pending.length > 0;
  }

  /** As RtpLog.receive; "frame" when a frame grew too large. */
  receive(chunk: Uint8Array, now: number): number | "frame" {
    let left = concat([this.#pending, chunk]);
    let taken = chunk.length;
    while (left.length > 0) {
      if (left[0] !== 0x24 || this.#isJunk(left)) {
        taken = Math.max(chunk.length - left.length, 0);
        left = new Uint8Array(0);
        break;
      }
      const end = left.length < 4 ? 4 : 4 + (left[2] as number) * 256 + (left[3] as number);
      if (left.length < end) break;
      if (!this.#frame(left[1] as number, left.subarray(4, end), now)) return "frame";
      left = left.subarray(end);
    }
    this.#pending = left;
    const floors = this.tracks.flatMap(({ video, previousFrame }) => (video ? [previousFrame] : []));
    this.floor = Math.min(this.entries.length - this.#options.lagPackets, ...floors);
    return taken;
  }

  /** A frame on an unknown channel that is too large to be one. */
  #isJunk(bytes: Uint8Array): boolean {
    if (bytes.length < 4 || this.#channels.has(bytes[1] as number)) return false;
    return (bytes[2] as number) * 256 + (bytes[3] as number) > UNKNOWN_FRAME_MAX;
  }

  #frame(channel: number, bytes: Uint8Array, now: number): boolean {
    const use = this.#channels.get(channel);
    if (use === undefined) this.#note("UNKNOWN_CHANNEL", 0, channel);
    else if (use.rtcp) this.#rtcp(use.track, bytes, now);
    else return this.#rtp(use.track, bytes, now);
    return true;
  }

  #note(event: EventName, track: number, value: number, expected = 0): void {
    this.events.add(event);
    if (event !== "LOST" && event !== "REFRAGMENT" && event !== "NEW_SSRC") this.refused += 1;
    this.example = [track, value, expected];
  }

  #rtcp(index: number, bytes: Uint8Array, now: number): void {
    const track = this.#track(index);
    const report = readSenderReport(bytes);
    if (report === undefined || (track.ssrc !== undefined && track.source !== report.ssrc)) return;
    track.report = { ...report, time: (report.time + track.timeOffset) >>> 0, arrival: now };
    track.reports += 1;
  }

  #track(index: number): TrackTwin {
    return this.tracks[index] as TrackTwin;
  }

  #rtp(index: number, bytes: Uint8Array, now: number): boolean {
    const track = this.#track(index);
    const packet = readRtp(bytes);
    if (packet === undefined) return this.#drop("MALFORMED", index, bytes.length);
    const kind = track.kinds.get(packet.payloadType);
    if (kind === undefined) return this.#drop("UNKNOWN_TYPE", index, packet.payloadType);
    if (isForeign(track, kind, packet))
      return this.#drop("WRONG_SSRC", index, packet.ssrc | 0, track.source | 0);
    const padding = packet.padded ? (bytes.at(-1) as number) : 0;
    if (packet.padded && packet.header + padding > bytes.length)
      return this.#drop("MALFORMED", index, bytes.length);
    if (track.ssrc === undefined) {
      track.source = packet.ssrc;
    } else if (track.source !== packet.ssrc) {
      this.#note("NEW_SSRC", index, packet.ssrc | 0, track.source | 0);
      changeSource(track, packet, now);
    }
    track.rivalRun = 0;
    const gap = this.#countLoss(track, index, packet);
    track.ssrc ??= packet.ssrc;
    const size = bytes.length - padding;
    if (size > this.#options.maxPacket) return this.#oversized(index, kind, packet, size, now);
    const clean = bytes.slice(0, size);
    clean[0] = (clean[0] as number) & ~0x20;
    const header = new DataView(clean.buffer);
    header.setUint16(2, packet.seq + track.seqOffset);
    header.setUint32(4, packet.time + track.timeOffset);
    header.setUint32(8, track.ssrc);
    return this.#enter(index, kind, clean, gap ? FLAG_GAP : 0, now);
  }

  #drop(event: EventName, index: number, value: number, expected = 0): true {
    this.#note(event, index, value, expected);
    return true;
  }

  #countLoss(track: TrackTwin, index: number, { seq }: RtpPacket): boolean {
    const missing = track.ssrc === undefined ? 0 : (seq - track.lastSeq - 1) & 0xffff;
    if (missing >= 0x8000) {
      if (0x10000 - missing > 100) track.lastSeq = seq;
      return false;
    }
    track.lastSeq = seq;
    if (missing === 0) return false;
    track.lost += missing;
    this.lost += missing;
    this.#note("LOST", index, missing);
    return true;
  }

  #oversized(index: number, kind: number, packet: RtpPacket, size: number, now: number): boolean {
    const { maxPacket } = this.#options;
    const track = this.#track(index);
    if (kind !== KIND_H264 && kind !== KIND_H265) return this.#drop("OVERSIZED", index, size, maxPacket);
    if (!track.refragments) this.#note("REFRAGMENT", index, size, maxPacket);
    track.refragments = true;
    const offset = track.seqOffset;
    const pieces = refragment(packet, size, kind, maxPacket);
    for (const [i, { payload, last }] of pieces.entries()) {
      const seq = (packet.seq + offset + i) & 0xffff;
      const time = (packet.time + track.timeOffset) >>> 0;
      const ssrc = track.ssrc as number;
      const bytes = writeRtp({ ...packet, seq, time, ssrc, marker: last && packet.marker }, payload);
      if (!this.#enter(index, kind, bytes, 0, now)) return false;
    }
    track.seqOffset += Math.max(0, pieces.length - 1);
    return true;
  }

  #enter(index: number, kind: number, bytes: Uint8Array, flags: number, now: number): boolean {
    const track = this.#track(index);
    const packet = readRtp(bytes) as RtpPacket;
    track.packets += 1;
    track.bytes += bytes.length;
    track.octets += bytes.length - packet.header;
    track.lastTime = packet.time;
    track.lastArrival = now;
    let all = flags | FLAG_START_OF_FRAME | FLAG_END_OF_FRAME;
    if (kind === KIND_PACKET) {
      this.framesEnded += 1;
      anchor(track, packet.time, now);
    } else {
      const isEmpty = bytes.length === packet.header;
      all =
        flags | FLAG_VIDEO | (isEmpty ? this.#followEmpty(track, packet) : this.#followFrame(track, packet));
      track.frameBytes += bytes.length;
      if (track.frameBytes > MAX_FRAME_BYTES) return false;
      if (!isEmpty) this.#followRandomAccess(track, kind, packet, (flags & FLAG_GAP) !== 0, now);
      if (track.raps === 0 && (all & FLAG_START_OF_FRAME) !== 0) anchor(track, packet.time, now);
    }
    const framed = writeFrame(2 * index, bytes);
    this.entries.push({ bytes: framed, track: index, flags: all, time: packet.time, now: now | 0 });
    return true;
  }

  #followFrame(track: TrackTwin, { time, marker }: RtpPacket): number {
    let flags = marker ? FLAG_END_OF_FRAME : 0;
    track.video = true;
    if (!track.frameOpen || track.frameTime !== time) {
      flags |= FLAG_START_OF_FRAME;
      track.previousFrame = track.frame;
      track.frame = this.entries.length;
      if (track.frames === 0 || track.frameTime !== time) track.frames += 1;
      track.frameTime = time;
      track.frameBytes = 0;
    }
    track.frameOpen = !marker;
    if (marker) this.framesEnded += 1;
    return flags;
  }

  /** A packet without payload begins no frame, but its marker may end the one that it belongs to. */
  #followEmpty(track: TrackTwin, { time, marker }: RtpPacket): number {
    track.video = true;
    if (!marker || !track.frameOpen || track.frameTime !== time) return 0;
    track.frameOpen = false;
    this.framesEnded += 1;
    return FLAG_END_OF_FRAME;
  }

  /** A frame is found out once; without any key frame for long, every frame counts until the first one comes. */
  #followRandomAccess(track: TrackTwin, kind: number, packet: RtpPacket, gap: boolean, now: number): void {
    if (track.raps > 0 && track.rap === track.frame) return;
    const found = isRandomAccess(track.params, kind, packet.bytes.subarray(packet.header), gap);
    if (found) track.keyFrames += 1;
    if (!found && !track.keyless) return;
    track.gopFrames = track.raps > 0 ? track.frames - track.framesAtRap : 0;
    track.framesAtRap = track.frames;
    track.rapArrival = now;
    track.head = packet.bytes.slice(packet.header, packet.header + HEAD_MAX);
    track.raps += 1;
    track.rap = track.frame;
    anchor(track, packet.time, now);
  }
}

/** Whether a packet of another SSRC is refused: it is followed with a key frame, or after 32 in a row. */
function isForeign(track: TrackTwin, kind: number, { ssrc, bytes, header }: RtpPacket): boolean {
  if (track.ssrc === undefined || track.source === ssrc) return false;
  track.rivalRun = track.rival === ssrc ? track.rivalRun + 1 : 1;
  track.rival = ssrc;
  return track.rivalRun < 32 && !beginsKey(kind, bytes.subarray(header));
}

function beginsKey(kind: number, payload: Uint8Array): boolean {
  if (payload.length < 5) return false;
  const [a = 0, b = 0, c = 0, d = 0, e = 0] = payload;
  if (kind === KIND_H264) {
    const type = a & 31;
    return [5, 7, 8].includes(type === 28 ? (b >> 7) * (b & 31) : type === 24 ? d & 31 : type);
  }
  const whole = (a >> 1) & 63;
  const type = whole === 49 ? (c >> 7) * (c & 63) : whole === 48 ? (e >> 1) & 63 : whole;
  return kind === KIND_H265 && [16, 17, 18, 19, 20, 21, 32, 33, 34].includes(type);
}

/** Follows another SSRC: the header that readers see goes on without a gap. */
function changeSource(track: TrackTwin, { ssrc, seq, time }: RtpPacket, now: number): void {
  track.source = ssrc;
  track.seqOffset += track.lastSeq + 1 - seq;
  track.lastSeq = (seq - 1) & 0xffff;
  const moved = (time + track.timeOffset - track.lastTime) | 0;
  const elapsed = Math.min(((now - track.lastArrival) * track.clockRate) / 1000, 2_000_000_000);
  if (Math.abs(moved - elapsed) <= track.clockRate) return;
  track.timeOffset = (track.lastTime + Math.trunc(elapsed) - time) >>> 0;
}

/** The earliest arrival counts; drift is followed by a hundredth of what is late. */
function anchor(track: TrackTwin, time: number, now: number): void {
  const elapsed = (((time - track.anchorTime) | 0) * 1000) / track.clockRate;
  const late = now - track.anchorArrival - elapsed;
  if (track.anchorArrival === 0 || late < 0 || late > 1000) track.anchorArrival = now;
  else track.anchorArrival += elapsed + late * 0.01;
  track.anchorTime = time;
}
