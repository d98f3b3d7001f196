import { expect } from "bun:test";
import type { CodecId } from "../../src/media/codec-parameters.ts";
import { obusOf } from "../wasm/twin/packetizer-av1-vp.ts";
import { isEnough, type Protocol, type ReadTrack, type ReadUnit } from "./protocol.ts";
import type { Sample, SampleUnit } from "./samples.ts";

/** What was published, and what both protocols make of it. */
export interface Passage {
  readonly sample: Sample;
  /** Units that were published at most. */
  readonly published: number;
  readonly protocols: readonly Protocol[];
  /** Whether our clients had the processor all the time: the server places what comes after a pause by its arrival. */
  readonly isSteady: boolean;
}

/** Tracks keep their distance to that, s. */
const DISTANCE_S = 0.002;

/** Checks that tracks which were published together have kept their distance. */
export function checkDistances(shifts: readonly number[]): void {
  const [first = 0] = shifts;
  expect(shifts.filter((shift) => Math.abs(shift - first) > DISTANCE_S)).toEqual([]);
}

/**
 * Checks that a reader got a run of what was published, each unit whole and in its time.
 *
 * @returns how far its times are from those of what was published, s
 */
export function checkTrack(track: ReadTrack, passage: Passage): number {
  const { sample, protocols } = passage;
  expect(track.codec).toBe(sample.codec);
  expect(isEnough(track.units, track.clockRate)).toBe(true);
  checkParameters(track, sample);
  const normal = (bytes: Uint8Array) =>
    protocols.reduce((rest, protocol) => protocol.normal?.(sample.codec, rest) ?? rest, bytes);
  const got = track.units.map((unit) => ({ ...unit, bytes: normal(unit.bytes) }));
  if (sample.tickBytes !== undefined) {
    checkSamples(got, passage);
    return 0;
  }
  return checkUnits({ ...track, units: got }, passage, normal);
}

/** What is said of the codec is true; some of it may be missing. */
function checkParameters({ parameters }: ReadTrack, sample: Sample): void {
  const { codec } = sample;
  const shown = (value: unknown) =>
    codec === "av1" && value instanceof Uint8Array ? bare(codec, value) : value;
  for (const [field, value] of Object.entries(parameters ?? {})) {
    if (value === undefined) continue;
    expect([field, shown(value)]).toEqual([field, shown((sample.parameters as never)[field])]);
  }
}

function checkUnits(
  { units, clockRate, zero }: ReadTrack,
  { sample, published, protocols, isSteady }: Passage,
  normal: (bytes: Uint8Array) => Uint8Array,
): number {
  const sent = Array.from({ length: published }, (_, i) => sample.unit(i));
  const places = new Map(sent.map(({ bytes }, i) => [Bun.hash(normal(bytes)), i]));
  const found = units.map(({ bytes }) => places.get(Bun.hash(bytes)) ?? -1);
  // who joins within a unit gets a part of it
  const skipped = found[0] === -1 ? 1 : 0;
  const first = found[skipped] as number;
  const run = found.slice(skipped);
  expect(run).toEqual(run.map((_, i) => first + i));
  const origin = { got: units[skipped] as ReadUnit, sent: sent[first] as SampleUnit };
  const rate = sample.format.clockRate;
  const tolerance = 1.01 / Math.min(rate, ...protocols.map(({ timescale = rate }) => timescale));
  const isExact = protocols.every(({ timescale }) => timescale === undefined);
  const late = run.map((place, i) => {
    const got = ((units[skipped + i] as ReadUnit).pts - origin.got.pts) / clockRate;
    return got - ((sent[place] as SampleUnit).pts - origin.sent.pts) / rate;
  });
  if (isSteady) expect(late.filter((by) => Math.abs(by) > (isExact ? 1e-9 : tolerance))).toEqual([]);
  checkDecodingTimes(units);
  return (origin.got.pts - zero) / clockRate - origin.sent.pts / rate;
}

function checkDecodingTimes(units: readonly ReadUnit[]): void {
  const times = units.flatMap(({ dts }) => (dts === undefined ? [] : [dts]));
  expect(times.filter((dts, i) => dts > (units[i] as ReadUnit).pts)).toEqual([]);
  expect(times.filter((dts, i) => i > 0 && dts <= (times[i - 1] as number))).toEqual([]);
}

/** Units of samples may be cut elsewhere: all of them together are compared, and the time of each. */
function checkSamples(got: readonly ReadUnit[], { sample, published }: Passage): void {
  const sent = Buffer.concat(Array.from({ length: published }, (_, i) => sample.unit(i).bytes));
  const bytes = Buffer.concat(got.map((unit) => unit.bytes));
  const start = sent.indexOf((got[0] as ReadUnit).bytes);
  expect(start).toBeGreaterThanOrEqual(0);
  expect(Buffer.compare(bytes, sent.subarray(start, start + bytes.length))).toBe(0);
  const tickBytes = sample.tickBytes as number;
  let time = (got[0] as ReadUnit).pts;
  for (const unit of got) {
    expect(unit.pts).toBe(time);
    time += unit.bytes.length / tickBytes;
  }
}

/**
 * A unit without what containers and payload formats may write in several ways, or elsewhere: parameter sets, delimiters
 * and filler of H264 and H265, sizes of OBUs.
 */
export function bare(codec: CodecId, bytes: Uint8Array): Uint8Array {
  if (codec === "av1") return new Uint8Array(Buffer.concat(obusOf(bytes)));
  const extra = codec === "h264" ? [7, 8, 9, 12] : codec === "h265" ? [32, 33, 34, 35, 38] : undefined;
  if (extra === undefined) return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const kept: Uint8Array[] = [];
  for (let at = 0; at + 4 < bytes.length; ) {
    const end = at + 4 + view.getUint32(at);
    const head = view.getUint8(at + 4);
    if (!extra.includes(codec === "h264" ? head & 31 : (head >> 1) & 63)) kept.push(bytes.subarray(at, end));
    at = end;
  }
  return new Uint8Array(Buffer.concat(kept));
}
