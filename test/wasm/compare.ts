import { PARAM_PPS, PARAM_SPS, PARAM_VPS } from "../../assembly/abi.ts";
import type { MediaMemory } from "../../wasm/core.ts";
import type { RtpLog } from "../../wasm/log.ts";
import type { TrackState } from "../../wasm/track.ts";
import type { EventName, IngestTwin, TrackTwin } from "./twin/ingest.ts";

/** Throws unless both are deeply equal. For use outside tests too, and often. */
export function same(real: unknown, expected: unknown, what: string): void {
  if (real === expected || Bun.deepEquals(real, expected)) return;
  throw new Error(`${what}: ${clip(real)}, but the twin has ${clip(expected)}`);
}

function clip(value: unknown): string {
  return Bun.inspect(value).slice(0, 2_000);
}

/** Throws unless as many blocks were given back as were taken. */
export function checkReturned({ state }: MediaMemory): void {
  same([state.blocksTaken, state.takes - state.gives], [0, 0], "blocks taken, and not given back");
}

/** The core's bits for the names of events. */
export function eventBits({ core }: MediaMemory, names: ReadonlySet<EventName>): number {
  let bits = 0;
  for (const name of names) bits |= core[`EVENT_${name}`].value as number;
  return bits;
}

/** Throws unless the log knows the same of its tracks as its twin. */
export function compareTracks(log: RtpLog, twin: IngestTwin): void {
  for (const [i, track] of log.tracks.entries()) {
    same(factsOf(track), factsOfTwin(twin.tracks[i] as TrackTwin), `track ${i}`);
  }
}

function factsOf(track: TrackState) {
  const { started, frameOpen, packets, bytes, octets, lost, reports, paramsVersion, lastArrival } = track;
  const { anchorTime, anchorArrival, randomAccessPoints, lastReport } = track;
  const { sps, pps, vps } = track.parameterSets;
  return {
    started,
    frameOpen,
    packets,
    bytes,
    octets,
    lost,
    reports,
    paramsVersion,
    lastArrival,
    anchorTime,
    anchorArrival,
    randomAccessPoints,
    rap: track.randomAccessSeq,
    rapArrival: track.randomAccessArrival,
    frames: track.frames,
    gopFrames: track.gopFrames,
    head: Buffer.from(track.randomAccessHead).toString("hex"),
    ssrc: started ? track.ssrc : 0,
    nextSeq: started ? track.nextSeq : 0,
    time: track.lastTime,
    report: reports > 0 ? lastReport : undefined,
    sets: [sps, pps, vps].map((set) => (set === undefined ? undefined : Buffer.from(set).toString("hex"))),
  };
}

function factsOfTwin(twin: TrackTwin): ReturnType<typeof factsOf> {
  const { frameOpen, packets, bytes, octets, lost, reports, report, params, lastArrival } = twin;
  const started = twin.ssrc !== undefined;
  return {
    started,
    frameOpen,
    packets,
    bytes,
    octets,
    lost,
    reports,
    paramsVersion: params.version,
    lastArrival,
    anchorTime: twin.anchorTime,
    anchorArrival: twin.anchorArrival,
    randomAccessPoints: twin.raps,
    rap: twin.rap,
    rapArrival: twin.rapArrival,
    frames: twin.frames,
    gopFrames: twin.gopFrames,
    head: Buffer.from(twin.head).toString("hex"),
    ssrc: twin.ssrc ?? 0,
    nextSeq: started ? (twin.lastSeq + twin.seqOffset + 1) & 0xffff : 0,
    time: twin.lastTime,
    report:
      report === undefined
        ? undefined
        : {
            ntp: (report.seconds + report.fraction / 0x1_0000_0000) * 1000,
            rtpTime: report.time,
            arrival: report.arrival,
          },
    sets: [PARAM_SPS, PARAM_PPS, PARAM_VPS].map((bit) => params.sets.get(bit)),
  };
}
