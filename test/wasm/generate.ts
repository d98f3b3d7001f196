import {
  KIND_AV1,
  KIND_H264,
  KIND_H265,
  KIND_MJPEG,
  KIND_MPEG4_VIDEO,
  KIND_MPEG12_VIDEO,
  KIND_PACKET,
  KIND_VP8,
  KIND_VP9,
  PARAM_PPS,
  PARAM_SPS,
} from "../../assembly/abi.ts";
import type { TrackSetup } from "../../wasm/log.ts";
import type { Random } from "../support/random.ts";
import { concat, writeFrame, writeRtp } from "./twin/packet.ts";
import { writeRtcp } from "./twin/rtcp.ts";

/** Payload type of a track of each kind; a second one for the first track. */
export const TRACK_KINDS = [
  KIND_H264,
  KIND_H265,
  KIND_PACKET,
  KIND_VP8,
  KIND_VP9,
  KIND_AV1,
  KIND_MPEG4_VIDEO,
  KIND_MPEG12_VIDEO,
  KIND_MJPEG,
  KIND_PACKET,
] as const;

/** One track of each kind: payload type 96 and up. */
export function trackSetups(kinds: readonly number[] = TRACK_KINDS): TrackSetup[] {
  return kinds.map((kind, i) => ({
    kinds: new Map([[96 + (i % 16), kind]]),
    clockRate: kind === KIND_PACKET ? 48_000 : 90_000,
    paramsKnown: i % 2 === 1 ? PARAM_SPS | PARAM_PPS : 0,
  }));
}

/** How often something is not as it should be. */
export interface Disorder {
  /** Chance that a packet is missing, foreign, malformed and so on. */
  readonly faults: number;
  /** Chance of a packet larger than 1,500 bytes. */
  readonly large: number;
  /** Chance that a frame ends without a marker. */
  readonly unmarked: number;
}

interface Sender {
  readonly kind: number;
  readonly payloadType: number;
  ssrc: number;
  seq: number;
  time: number;
  packetsLeft: number;
  first: boolean;
}

/** Makes interleaved frames as a publisher may send them: all codecs, some disorder. */
export class Generator {
  readonly #random: Random;
  readonly #disorder: Disorder;
  readonly #senders: Sender[];
  /** Channel of each track's packets; its RTCP is on the next one. */
  readonly channels: readonly number[];

  constructor(random: Random, setups: readonly TrackSetup[], disorder: Disorder) {
    this.#random = random;
    this.#disorder = disorder;
    this.channels = setups.map((_, i) => 2 * (setups.length - 1 - i) + 10);
    this.#senders = setups.map(({ kinds }) => {
      const [payloadType, kind] = [...kinds][0] as [number, number];
      const seq = random.below(0x10000);
      return {
        kind,
        payloadType,
        ssrc: random.bits(),
        seq,
        time: random.bits(),
        packetsLeft: 0,
        first: true,
      };
    });
  }

  /** Some frames, one after the other. */
  frames(count: number): Uint8Array {
    return concat(Array.from({ length: count }, () => this.frame()));
  }

  /** One interleaved frame. */
  frame(): Uint8Array {
    const random = this.#random;
    const track = random.below(this.#senders.length);
    const channel = this.channels[track] as number;
    const sender = this.#senders[track] as Sender;
    if (random.chance(0.03)) return writeFrame(channel + 1, this.#reports(sender));
    if (random.chance(this.#disorder.faults)) return this.#fault(sender, channel);
    return writeFrame(channel, this.#packet(sender));
  }

  #packet(sender: Sender): Uint8Array {
    const random = this.#random;
    if (random.chance(this.#disorder.faults / 20)) {
      sender.ssrc = random.bits();
      sender.seq = random.below(0x10000);
      if (random.chance(0.5)) sender.time = random.bits();
    }
    if (sender.packetsLeft === 0) {
      sender.packetsLeft = sender.kind === KIND_PACKET ? 1 : 1 << random.below(5);
      sender.time = (sender.time + 3000) >>> 0;
      sender.first = true;
    }
    sender.packetsLeft -= 1;
    sender.seq = (sender.seq + 1) & 0xffff;
    const marker = sender.packetsLeft === 0 && !random.chance(this.#disorder.unmarked);
    const payload = this.#payload(sender);
    sender.first = false;
    const { payloadType, seq, time, ssrc } = sender;
    const sources = random.chance(0.05) ? random.below(4) : 0;
    const padding = random.chance(0.05) ? random.between(1, 20) : 0;
    const fields = { payloadType, seq, time, ssrc, marker, sources, padding };
    const extended = random.chance(0.05) ? { ...fields, extension: random.below(5) } : fields;
    const most = 65_535 - 12 - 4 * sources - padding - 24;
    return writeRtp(extended, payload.subarray(0, most));
  }

  #payload(sender: Sender): Uint8Array {
    const random = this.#random;
    let size = random.below(random.chance(0.3) ? 1400 : 60);
    if (random.chance(this.#disorder.large)) size = random.chance(0.3) ? 65_535 : random.between(1400, 9000);
    const payload = random.bytes(size);
    const start = START.get(sender.kind)?.(random, sender.first);
    if (start !== undefined) payload.set(start.subarray(0, size));
    return payload;
  }

  #reports(sender: Sender): Uint8Array {
    const random = this.#random;
    const words = Array.from({ length: 6 }, () => random.bits());
    if (!random.chance(0.2)) words[0] = sender.ssrc;
    const compound = [writeRtcp(0, 200, words), writeRtcp(1, 202, [sender.ssrc, random.bits()])];
    if (random.chance(0.2)) compound.reverse();
    if (random.chance(0.1)) compound.unshift(random.bytes(random.below(8)));
    const all = concat(compound);
    return random.chance(0.1) ? all.subarray(0, random.below(all.length)) : all;
  }

  #fault(sender: Sender, channel: number): Uint8Array {
    const random = this.#random;
    const packet = this.#packet(sender);
    switch (random.below(7)) {
      case 0:
        return writeFrame(random.below(256), packet.subarray(0, 1_500));
      case 1:
        return writeFrame(channel, random.bytes(random.below(40)));
      case 2:
        packet[8] = random.below(256);
        break;
      case 3:
        packet[1] = random.below(128);
        break;
      case 4:
        packet[0] = random.below(256);
        break;
      case 5:
        sender.seq = (sender.seq + random.below(400)) & 0xffff;
        break;
      default:
        return concat([writeFrame(channel, packet), writeFrame(channel, packet)]);
    }
    return writeFrame(channel, packet);
  }
}

type Start = (random: Random, first: boolean) => Uint8Array;

/** First bytes of payloads that mean something, by kind. */
const START = new Map<number, Start>([
  [KIND_H264, (random) => aggregateOr(random, [0x78], [1, 1, 5, 7, 8, 6, 9, 24, 25, 28, 28, 29], 0x60)],
  [KIND_H265, h265],
  [KIND_VP8, (random) => Uint8Array.from([random.pick([0x10, 0x90, 0x00, 0x11]), ...random.bytes(5)])],
  [KIND_VP9, (random) => Uint8Array.from([random.below(256), ...bits(random, 6)])],
  [KIND_AV1, (random) => Uint8Array.from([random.below(256), ...bits(random, 4)])],
  [KIND_MPEG4_VIDEO, mpeg4],
  [KIND_MPEG12_VIDEO, (random) => random.bytes(4)],
]);

/** Bytes with few bits set. */
function bits(random: Random, count: number): number[] {
  return Array.from({ length: count }, () => random.below(256) & random.below(256) & random.below(256));
}

function aggregateOr(random: Random, head: number[], types: number[], high: number): Uint8Array {
  if (random.chance(0.8))
    return Uint8Array.from([random.pick(types) | high, random.pick([0x85, 0x05, 0x45, 0x41])]);
  const units = Array.from({ length: random.between(1, 4) }, () => {
    const unit = random.bytes(random.below(20));
    if (unit.length > 0) unit[0] = random.pick([1, 5, 7, 8]) | high;
    return concat([Uint8Array.from([0, unit.length]), unit]);
  });
  return concat([Uint8Array.from(head), ...units]);
}

function h265(random: Random): Uint8Array {
  if (random.chance(0.8)) {
    const type = random.pick([1, 1, 19, 20, 21, 32, 33, 34, 39, 48, 49, 49]);
    return Uint8Array.from([type << 1, 1, random.pick([0x93, 0x13, 0x53, 0x81, 0x01])]);
  }
  const units = Array.from({ length: random.between(1, 5) }, () => {
    const unit = random.bytes(random.below(20));
    if (unit.length > 0) unit[0] = random.pick([1, 19, 32, 33, 34]) << 1;
    return concat([Uint8Array.from([0, unit.length]), unit]);
  });
  return concat([Uint8Array.from([48 << 1, 1]), ...units]);
}

function mpeg4(random: Random, first: boolean): Uint8Array {
  const noise = random.bytes(random.below(300)).map((byte) => byte & 0x7f);
  return first ? concat([noise, Uint8Array.from([0, 0, 1, 0xb6, random.below(256)])]) : noise;
}
