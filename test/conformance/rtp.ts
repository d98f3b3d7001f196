import { describeStream } from "../../src/formats/rtp/description.ts";
import { trackSetups } from "../../src/formats/rtp/track-setup.ts";
import { readFormat } from "../../src/formats/rtp/unit-formats.ts";
import { unitSetup } from "../../src/formats/rtp/units.ts";
import { parseSdp } from "../../src/formats/sdp/parse.ts";
import { CODECS } from "../../src/media/codecs.ts";
import type { Format, StreamDescription } from "../../src/media/track.ts";
import type { MediaMemory } from "../../wasm/core.ts";
import { LogCursor } from "../../wasm/cursor.ts";
import { RtpLog } from "../../wasm/log.ts";
import { Packetizer } from "../../wasm/packetizer.ts";
import { UnitWriter } from "../../wasm/unit-writer.ts";
import { UnitLog, UnitPull } from "../../wasm/units.ts";
import { LogView } from "../wasm/log-view.ts";
import { takeUnits } from "../wasm/ts-units.ts";
import { readRtp, writeFrame, writeRtp } from "../wasm/twin/packet.ts";
import type { ReadTrack, ReadUnit } from "./protocol.ts";
import type { Sample, SampleUnit } from "./samples.ts";

/** Of all that we send. */
export const SSRC = 0x1234_5678;
/** What is sent fits a datagram; larger packets are received too. */
const SENT = { lagPackets: 64, maxPacket: 1_460 };
const RECEIVED = { lagPackets: 64, maxPacket: 65_000 };

/** The formats of some samples, as one stream has them. */
export function describe(samples: readonly Sample[]): StreamDescription {
  const tracks = samples.map(({ codec, format }, i) => ({
    media: CODECS[codec].kind,
    mid: undefined,
    formats: [format.payloadType < 96 ? format : { ...format, payloadType: 96 + i }],
  }));
  return { title: "conformance", tracks, fecGroups: [] };
}

/** One track of a description, as one. */
function alone(description: StreamDescription, track: number): StreamDescription {
  return { ...description, tracks: description.tracks.slice(track, track + 1) };
}

function formatOf(description: StreamDescription): Format {
  return description.tracks[0]?.formats[0] as Format;
}

/** Makes RTP packets of the units of a track. */
export interface RtpSender extends Disposable {
  packets(unit: SampleUnit): Uint8Array[];
}

export function openSender(memory: MediaMemory, description: StreamDescription, track: number): RtpSender {
  const own = alone(description, track);
  return unitSetup(formatOf(own)) === undefined ? new PlainSender(own) : new UnitSender(memory, own);
}

class UnitSender implements RtpSender {
  readonly #log: RtpLog;
  readonly #units: UnitLog;
  readonly #writer: UnitWriter;
  readonly #packetizer: Packetizer;
  readonly #view: LogView;

  constructor(memory: MediaMemory, description: StreamDescription) {
    const { payloadType } = formatOf(description);
    const setup = unitSetup(formatOf(description))!;
    this.#log = RtpLog.open(memory, { ...SENT, tracks: trackSetups(description) })!;
    this.#units = UnitLog.open(memory, setup)!;
    this.#writer = UnitWriter.open(memory)!;
    this.#view = new LogView(memory, this.#log);
    const row = { units: this.#units, setup, payloadType, seq: 65_530, ssrc: SSRC };
    this.#packetizer = Packetizer.open(memory, this.#log, [row])!;
  }

  packets(unit: SampleUnit): Uint8Array[] {
    if (!this.#writer.write(this.#units, unit.bytes, unit)) throw new Error("the unit was not taken");
    this.#packetizer.pump(performance.now());
    const packets = this.#view.take().map(({ bytes }) => bytes.subarray(4));
    this.#log.trim(this.#log.headSeq);
    return packets;
  }

  [Symbol.dispose](): void {
    this.#packetizer.close();
    this.#view.close();
    this.#writer.close();
    this.#units.close();
    this.#log.close();
  }
}

/** A unit is the payload of one packet. */
class PlainSender implements RtpSender {
  readonly #payloadType: number;
  #seq = 65_530;

  constructor(description: StreamDescription) {
    this.#payloadType = formatOf(description).payloadType;
  }

  packets({ bytes, pts }: SampleUnit): Uint8Array[] {
    const seq = this.#seq++ & 0xffff;
    const fields = { payloadType: this.#payloadType, marker: true, seq, time: pts >>> 0, ssrc: SSRC };
    return [writeRtp(fields, bytes)];
  }

  [Symbol.dispose](): void {
    // it holds nothing
  }
}

/** Makes units of the RTP packets of a track. */
export interface RtpReceiver extends Disposable {
  receive(packet: Uint8Array): void;
  readonly units: readonly ReadUnit[];
}

/** The tracks of a session description. */
export function readDescription(sdp: Uint8Array | undefined): StreamDescription {
  return describeStream(parseSdp(new TextDecoder().decode(sdp ?? new Uint8Array(0)))).description;
}

export function openReceiver(
  memory: MediaMemory,
  description: StreamDescription,
  track: number,
): RtpReceiver {
  const own = alone(description, track);
  return unitSetup(formatOf(own)) === undefined ? new PlainReceiver() : new UnitReceiver(memory, own);
}

class UnitReceiver implements RtpReceiver {
  readonly units: ReadUnit[] = [];
  readonly #memory: MediaMemory;
  readonly #log: RtpLog;
  readonly #cursor: LogCursor;
  readonly #units: UnitLog;
  readonly #pull: UnitPull;
  #at = 0;
  /** Latest RTP time, and when it came, ms. */
  #latest: number | undefined;
  #now = 0;

  constructor(memory: MediaMemory, description: StreamDescription) {
    this.#memory = memory;
    this.#log = RtpLog.open(memory, { ...RECEIVED, tracks: trackSetups(description) })!;
    this.#log.mapChannel(0, 0, false);
    this.#cursor = LogCursor.open(memory, { log: this.#log.address, tracks: 1, channels: [0] })!;
    this.#units = UnitLog.open(memory, unitSetup(formatOf(description))!)!;
    this.#pull = UnitPull.open(memory, this.#cursor, [this.#units])!;
  }

  receive(packet: Uint8Array): void {
    this.#keepTime(readRtp(packet)!.time);
    this.#log.receive(writeFrame(0, packet), 0, this.#now);
    while (this.#pull.pull());
    this.#log.trim(this.#log.headSeq);
    for (const { bytes, pts } of takeUnits(this.#memory, this.#units, this.#at))
      this.units.push({ bytes, pts });
    while (this.#units.find(this.#at)) this.#at = (this.#at + this.#units.entries) | 0;
    this.#units.trim(this.#at);
  }

  /** A packet comes when it is to be shown: how busy the machine is changes no time. */
  #keepTime(time: number): void {
    this.#latest ??= time;
    const ticks = (time - this.#latest) | 0;
    if (ticks <= 0) return;
    this.#latest = time;
    this.#now += (1_000 * ticks) / this.#units.clockRate;
  }

  [Symbol.dispose](): void {
    this.#pull.close();
    this.#units.close();
    this.#cursor.close();
    this.#log.close();
  }
}

class PlainReceiver implements RtpReceiver {
  readonly units: ReadUnit[] = [];

  receive(packet: Uint8Array): void {
    const { time, header } = readRtp(packet)!;
    const last = this.units.at(-1)?.pts ?? time;
    this.units.push({ bytes: packet.slice(header), pts: last + ((time - last) | 0) });
  }

  [Symbol.dispose](): void {
    // it holds nothing
  }
}

/**
 * What a reader got of a track.
 *
 * @param zero RTP time at an instant that all tracks have in common
 */
export function trackOf(
  description: StreamDescription,
  track: number,
  { units }: RtpReceiver,
  zero: number,
): ReadTrack {
  const format = formatOf(alone(description, track));
  return {
    codec: format.codec,
    parameters: readFormat(format),
    clockRate: format.clockRate,
    zero,
    units: [...units],
  };
}
