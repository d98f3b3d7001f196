/** Bytes of an RTP header without extras (RFC 3550 §5.1). */
const RTP_HEADER = 12;
/** Filler that payloads are cut from: twice its period, so that any offset has a whole payload behind it. */
const PATTERN_PERIOD = 65_521;
const PATTERN = makePattern();

export interface TrackOptions {
  readonly kind: "video" | "audio";
  /** Tells the bytes of one stream from those of another. */
  readonly seed: number;
  readonly payloadType: number;
  /** Packets of a frame: the first one holds parameter sets or SEI, the others the slice; 1 for audio. */
  readonly packetsPerFrame: number;
  /** Bytes of an RTP packet, header included. */
  readonly packetBytes: number;
  /** RTP ticks from frame to frame. */
  readonly ticksPerFrame: number;
  readonly framesPerSecond: number;
  /** Frames from one random access point to the next. */
  readonly gop: number;
}

/**
 * RTP packets of which each byte follows from the packet's number, counted from 0: whoever receives one can tell its
 * number and whether it is whole.
 */
export class SyntheticTrack {
  readonly options: TrackOptions;
  readonly ssrc: number;
  readonly #firstSeq: number;
  readonly #firstTime: number;

  constructor(options: TrackOptions) {
    this.options = options;
    this.ssrc = (0x5eed0000 + options.seed * 256 + options.payloadType) >>> 0;
    this.#firstSeq = (options.seed * 977 + 64_000) & 0xffff;
    this.#firstTime = (options.seed * 7_919_777 + 0xfffe_0000) >>> 0;
  }

  /** RTP time of a frame. */
  timeOf(frame: number): number {
    return (this.#firstTime + frame * this.options.ticksPerFrame) >>> 0;
  }

  /** Writes packet `number` at the beginning of `dst`. @returns its size */
  write(dst: Uint8Array, number: number): number {
    const { packetsPerFrame, payloadType, packetBytes } = this.options;
    const frame = Math.floor(number / packetsPerFrame);
    const index = number % packetsPerFrame;
    const seq = (this.#firstSeq + number) & 0xffff;
    dst[0] = 0x80;
    dst[1] = payloadType | (index === packetsPerFrame - 1 ? 0x80 : 0);
    dst[2] = seq >> 8;
    dst[3] = seq & 0xff;
    put32(dst, 4, this.timeOf(frame));
    put32(dst, 8, this.ssrc);
    const head = this.#writeNalHeader(dst, frame, index);
    const offset = (Math.imul(number + 1, 40_503) + Math.imul(this.options.seed, 2_654_435)) >>> 0;
    const start = offset % PATTERN_PERIOD;
    dst.set(PATTERN.subarray(start, start + packetBytes - head), head);
    return packetBytes;
  }

  /** RFC 6184 §5.6–5.8. @returns where the filler begins */
  #writeNalHeader(dst: Uint8Array, frame: number, index: number): number {
    const { kind, packetsPerFrame, gop } = this.options;
    if (kind === "audio") return RTP_HEADER;
    const isKey = frame % gop === 0;
    if (index === 0) {
      const first = isKey ? PARAMETER_SETS : SEI;
      dst.set(first, RTP_HEADER);
      return RTP_HEADER + first.length;
    }
    const start = index === 1 ? 0x80 : 0;
    const end = index === packetsPerFrame - 1 ? 0x40 : 0;
    dst[RTP_HEADER] = 0x7c;
    dst[RTP_HEADER + 1] = start | end | (isKey ? 5 : 1);
    return RTP_HEADER + 2;
  }

  /** The number of the packet whose time and sequence number these are; undefined when there is none. */
  locate(packet: Uint8Array): number | undefined {
    const { ticksPerFrame, packetsPerFrame } = this.options;
    const frame = ((get32(packet, 4) - this.#firstTime) >>> 0) / ticksPerFrame;
    const seq = ((packet[2]! << 8) | packet[3]!) - this.#firstSeq;
    const index = (seq - frame * packetsPerFrame) & 0xffff;
    return Number.isInteger(frame) && index < packetsPerFrame ? frame * packetsPerFrame + index : undefined;
  }
}

/** STAP-A of parameter sets (RFC 6184 §5.7.1), from a real 640x360 stream. */
const SPS = Buffer.from("6742c01eda02802dd8088000000300800000190750", "hex");
const PPS = Buffer.from("68ce3c80", "hex");
const PARAMETER_SETS = Buffer.concat([
  Buffer.from([24, 0, SPS.length]),
  SPS,
  Buffer.from([0, PPS.length]),
  PPS,
  Buffer.from([0, 0]), // length 0 ends the aggregate for a reader; the filler behind it is ours
]);
const SEI = Buffer.from([0x06, 0x05]);

/** What a reader of one track got. */
export class TrackCheck {
  readonly track: SyntheticTrack;
  packets = 0;
  /** Packets left out since the first one. */
  lost = 0;
  /** The first few things that must not be; empty is well. */
  readonly faults: string[] = [];
  /** Number of the first and the last packet. */
  first = -1;
  last = -1;
  readonly #expected = new Uint8Array(65_536);
  readonly #skips: boolean;

  /** @param skips whether whole frames may be missing; otherwise nothing may */
  constructor(track: SyntheticTrack, skips = false) {
    this.track = track;
    this.#skips = skips;
  }

  receive(packet: Uint8Array): void {
    const number = this.track.locate(packet);
    if (number === undefined) {
      this.#fault(`packet of ${packet.length} bytes that was never sent`);
      return;
    }
    const size = this.track.write(this.#expected, number);
    if (Buffer.compare(packet, this.#expected.subarray(0, size)) !== 0)
      this.#fault(`packet ${number} is damaged`);
    if (this.packets === 0) this.first = number;
    else if (number !== this.last + 1) this.#missing(number);
    this.packets += 1;
    this.last = number;
  }

  #missing(number: number): void {
    const { packetsPerFrame, gop } = this.track.options;
    this.lost += Math.max(number - this.last - 1, 0);
    if (!this.#skips || number <= this.last) this.#fault(`${number} follows ${this.last}`);
    else if ((this.last + 1) % packetsPerFrame !== 0) this.#fault(`frame broken off at packet ${this.last}`);
    else if (number % (packetsPerFrame * gop) !== 0)
      this.#fault(`goes on at ${number}, no random access point`);
  }

  /** Forgets where it was: the next packet may be any. */
  restart(): void {
    this.packets = 0;
  }

  #fault(text: string): void {
    if (this.faults.length < 10) this.faults.push(text);
  }
}

export interface SyntheticOptions {
  readonly seed?: number;
  /** Bytes a second of the video track, roughly; the rest follows from it. */
  readonly bytesPerSecond?: number;
  readonly framesPerSecond?: number;
  readonly gop?: number;
  readonly audio?: boolean;
  /** Bytes of a packet of video, header included; chosen when left out. */
  readonly packetBytes?: number;
}

/** The tracks of a synthetic stream: H264, and Opus if wanted. */
export function syntheticTracks(options: SyntheticOptions = {}): SyntheticTrack[] {
  const { seed = 1, bytesPerSecond = 50_000, framesPerSecond = 25, gop = 10, audio = true } = options;
  const fitting = Math.min(1_200, Math.max(100, Math.floor(bytesPerSecond / framesPerSecond / 3)));
  const packetBytes = options.packetBytes ?? fitting;
  const packetsPerFrame = Math.max(3, Math.round(bytesPerSecond / framesPerSecond / packetBytes));
  const video = new SyntheticTrack({
    kind: "video",
    seed,
    payloadType: 96,
    packetsPerFrame,
    packetBytes,
    ticksPerFrame: Math.round(90_000 / framesPerSecond),
    framesPerSecond,
    gop,
  });
  if (!audio) return [video];
  const sound = new SyntheticTrack({
    kind: "audio",
    seed: seed + 1_000,
    payloadType: 97,
    packetsPerFrame: 1,
    packetBytes: 120,
    ticksPerFrame: 960,
    framesPerSecond: 50,
    gop: 1,
  });
  return [video, sound];
}

/** The description a publisher announces for such tracks. */
export function syntheticSdp(tracks: readonly SyntheticTrack[]): string {
  const lines = ["v=0", "o=- 0 0 IN IP4 127.0.0.1", "s=synthetic", "c=IN IP4 0.0.0.0", "t=0 0"];
  tracks.forEach(({ options: { kind, payloadType } }, i) => {
    const rtpmap = kind === "video" ? "H264/90000" : "opus/48000/2";
    lines.push(`m=${kind} 0 RTP/AVP ${payloadType}`, `a=rtpmap:${payloadType} ${rtpmap}`);
    if (kind === "video") lines.push(`a=fmtp:${payloadType} packetization-mode=1`);
    lines.push(`a=control:trackID=${i}`);
  });
  return `${lines.join("\r\n")}\r\n`;
}

function put32(dst: Uint8Array, at: number, value: number): void {
  dst[at] = value >>> 24;
  dst[at + 1] = value >>> 16;
  dst[at + 2] = value >>> 8;
  dst[at + 3] = value;
}

function get32(src: Uint8Array, at: number): number {
  return ((src[at]! << 24) | (src[at + 1]! << 16) | (src[at + 2]! << 8) | src[at + 3]!) >>> 0;
}

/** xorshift32 from a fixed seed. */
function makePattern(): Uint8Array {
  const bytes = new Uint8Array(2 * PATTERN_PERIOD + 4);
  let state = 0x9e3779b9;
  for (let i = 0; i < PATTERN_PERIOD; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state;
    bytes[i + PATTERN_PERIOD] = state;
  }
  return bytes;
}
