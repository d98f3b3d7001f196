import { TS_AAC, TS_H264, UNITS_GENERIC, UNITS_H264, UNITS_LATM } from "../../assembly/abi.ts";
import { ProtocolError } from "../../src/lib/errors.ts";
import { LogCursor } from "../../wasm/cursor.ts";
import { RtpLog } from "../../wasm/log.ts";
import { TsWriter } from "../../wasm/mpegts.ts";
import { type PartRange, PartWriter, UnitLog, UnitPull, type UnitSetup } from "../../wasm/units.ts";
import { Random } from "../support/random.ts";
import { loadBuild } from "../wasm/builds.ts";
import { checkReturned, same } from "../wasm/compare.ts";
import { writeFrame, writeRtp } from "../wasm/twin/packet.ts";
import { AAC, CODECS, type Codec } from "../wasm/twin/packetize.ts";
import { AUDIO_CODECS } from "../wasm/twin/packetize-audio.ts";
import { VIDEO_CODECS } from "../wasm/twin/packetize-video.ts";
import { unitBytes } from "../wasm/unit-bytes.ts";
import { packetizeAgain } from "./again.ts";
import type { FuzzTarget } from "./session.ts";

const memory = loadBuild("fuzz", 128);
const CLOCK_RATE = 90_000;

/** RTP payloads of the codecs of browsers; of other sound; of other pictures. */
export const units = unitsTarget("units", CODECS);
export const unitsAudio = unitsTarget("units-audio", AUDIO_CODECS);
export const unitsVideo = unitsTarget("units-video", VIDEO_CODECS);

/** RTP payloads of some codecs: what a depacketizer makes of them never breaks a muxer, nor a packetizer. */
function unitsTarget(name: string, codecs: readonly Codec[]): FuzzTarget {
  return { name, seeds: codecs.flatMap(seedsOf), run: (input) => run(input, codecs) };
}

/** One byte of codec, then packets: a byte of flags, two of size, the payload. A flag cuts a part behind the packet. */
function seedsOf(codec: Codec, i: number): Uint8Array[] {
  const random = new Random(i + 1);
  return [0, 32, 32].map((cut) => {
    const packets: number[] = [];
    for (let frame = 0; frame < 3; frame++) {
      const { payloads } = codec.make(random);
      payloads.slice(0, 12).forEach((payload, j) => {
        const isLast = j === payloads.length - 1;
        packets.push(cut | (isLast ? 1 : 0), payload.length >> 8, payload.length & 255, ...payload);
      });
    }
    return new Uint8Array([i, ...packets]).slice(0, 16_000);
  });
}

/** The units of a log of one track, made apart from others. */
class Reading {
  readonly units: UnitLog;
  readonly #cursor: LogCursor;
  readonly #pull: UnitPull;

  constructor(log: RtpLog, setup: UnitSetup) {
    this.#cursor = LogCursor.open(memory, { log: log.address, tracks: 1, channels: [0] })!;
    this.units = UnitLog.open(memory, setup)!;
    this.#pull = UnitPull.open(memory, this.#cursor, [this.units])!;
  }

  pull(): void {
    while (this.#pull.pull());
  }

  close(): void {
    this.#pull.close();
    this.units.close();
    this.#cursor.close();
  }
}

/** Depacketizes the input, and writes what comes out as parts, transport streams and packets. */
function run(input: Uint8Array, codecs: readonly Codec[]): void {
  const codec = codecs[(input[0] ?? 0) % codecs.length]!;
  const track = { kinds: new Map([[96, codec.kind]]), clockRate: CLOCK_RATE, paramsKnown: 0 };
  const log = RtpLog.open(memory, { tracks: [track], lagPackets: 64, maxPacket: 1_460 })!;
  log.mapChannel(0, 0, false);
  const setup: UnitSetup = {
    format: codec.format,
    clockRate: CLOCK_RATE,
    reorderDepth: (input[1] ?? 0) & 3,
    ...AAC,
    ...codec.setup,
  };
  const whole = new Reading(log, setup);
  const cut = new Reading(log, setup);
  const { units: logOfUnits } = cut;
  let mood = "";
  try {
    feed(log, input, () => {
      cut.pull();
      writePart(logOfUnits);
    });
    cut.pull();
    whole.pull();
    compareUnits(logOfUnits, whole.units);
    const { dropped, malformed, jumps } = logOfUnits;
    const counts = [write(logOfUnits, codec.format), dropped, malformed, jumps];
    counts.push(packetizeAgain(memory, logOfUnits, codec, 128 + ((input[2] ?? 0) % 1_345)));
    mood = [codecs.indexOf(codec), ...counts].map(letter).join("");
  } finally {
    cut.close();
    whole.close();
    log.close();
  }
  checkReturned(memory);
  throw new ProtocolError(mood);
}

/** Throws unless parts that were cut in between have changed nothing. */
function compareUnits(cut: UnitLog, whole: UnitLog): void {
  same([cut.headSeq, cut.dropped, cut.malformed], [whole.headSeq, whole.dropped, whole.malformed], "counts");
  for (let at = 0; whole.find(at); at += whole.entries) {
    if (!cut.find(at)) throw new Error("a unit is missing");
    same([cut.entries, cut.size, cut.pts], [whole.entries, whole.size, whole.pts], "unit");
    const [ours, theirs] = [cut, whole].map((units) => unitBytes(memory, units, at, at + units.entries));
    if (Buffer.compare(ours!, theirs!) !== 0) throw new Error("a unit has changed");
  }
}

/** @param cut called where a part is to be cut */
function feed(log: RtpLog, input: Uint8Array, cut: () => void): void {
  let seq = 0;
  let time = 0;
  for (let at = 1; at + 3 < input.length; ) {
    const flags = input[at]!;
    const size = Math.min(((input[at + 1]! << 8) | input[at + 2]!) % 1_448, input.length - at - 3);
    const payload = input.subarray(at + 3, at + 3 + size);
    at += 3 + size;
    seq += (flags & 2) === 0 ? 1 : 1 + (flags >> 5);
    const fields = {
      payloadType: 96,
      marker: (flags & 1) === 1,
      seq: seq & 0xffff,
      time: time >>> 0,
      ssrc: 7,
    };
    log.receive(writeFrame(0, writeRtp(fields, payload)), 0, seq);
    if ((flags & 5) === 1) time += 3_000;
    if ((flags & 24) === 24) time += flags << 20;
    if ((flags & 32) !== 0) cut();
  }
}

/** Behaviours are told apart by a word. */
function letter(count: number): string {
  return String.fromCharCode(97 + Math.min(count, 6));
}

/** Writes all units as a part. */
function writePart(units: UnitLog): PartRange {
  const range = { units, id: 1, isVideo: true, from: 0, to: units.headSeq, origin: 0, endDts: 1e12 };
  const parts = PartWriter.open(memory)!;
  const part = units.headSeq === 0 ? [] : parts.write([range], 1);
  if (part === undefined) throw new Error("no part");
  parts.close();
  return range;
}

/** @returns units that came out */
function write(units: UnitLog, format: number): number {
  let count = 0;
  let last = Number.NEGATIVE_INFINITY;
  for (let at = 0; units.find(at); at += units.entries) {
    if (units.dts <= last) throw new Error("decoding times do not grow");
    if (units.size <= 0) throw new Error("an empty unit");
    last = units.dts;
    count += 1;
  }
  const range = writePart(units);
  if (format !== UNITS_H264 && format !== UNITS_GENERIC && format !== UNITS_LATM) return count;
  const kind = format === UNITS_H264 ? TS_H264 : TS_AAC;
  const ts = TsWriter.open(memory)!;
  ts.setUp([{ units, kind, pid: 256, prefix: new Uint8Array(7), map: new Uint8Array([27]), hasClock: true }]);
  const packets = Buffer.concat(ts.write([range], true) ?? []);
  ts.close();
  if (packets.length % 188 !== 0) throw new Error("a transport packet that is not whole");
  for (let at = 0; at < packets.length; at += 188)
    if (packets[at] !== 0x47) throw new Error("lost in packets");
  return count;
}
