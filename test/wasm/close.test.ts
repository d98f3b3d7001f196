import { afterEach, describe, expect, test } from "bun:test";
import { KIND_PACKET, TS_H264 } from "../../assembly/abi.ts";
import { DatagramBatch } from "../../wasm/batch.ts";
import type { MediaMemory } from "../../wasm/core.ts";
import { LogCursor } from "../../wasm/cursor.ts";
import { DatagramSource } from "../../wasm/datagram-source.ts";
import { DestinationList } from "../../wasm/destinations.ts";
import { RtpLog } from "../../wasm/log.ts";
import { Mp4Demuxer } from "../../wasm/mp4-demuxer.ts";
import { TsWriter } from "../../wasm/mpegts.ts";
import { Packetizer } from "../../wasm/packetizer.ts";
import { TsDemuxer } from "../../wasm/ts-demuxer.ts";
import { TsSections, type TsTables } from "../../wasm/ts-sections.ts";
import { TsTrack } from "../../wasm/ts-track.ts";
import { UnitWriter } from "../../wasm/unit-writer.ts";
import { PartWriter, UnitLog, UnitPull } from "../../wasm/units.ts";
import { BUILDS, loadBuild } from "./builds.ts";
import { checkReturned } from "./compare.ts";

interface Closable {
  close(): void;
}

const SETUP = { format: 0, clockRate: 90_000, frameTicks: 3_000, reorderDepth: 0 };
const KIND = { kind: TS_H264, clockRate: 90_000 };
const TABLES: TsTables = { receive: () => undefined, pids: new Set([0, 17]), isSettled: false };

function openLog(memory: MediaMemory): RtpLog {
  const track = { kinds: new Map([[96, KIND_PACKET]]), clockRate: 90_000, paramsKnown: 0 };
  return RtpLog.open(memory, { tracks: [track], lagPackets: 64, maxPacket: 1_460 })!;
}

function openUnits(memory: MediaMemory): UnitLog {
  return UnitLog.open(memory, SETUP)!;
}

function openWrittenUnits(memory: MediaMemory): UnitLog {
  const units = openUnits(memory);
  const writer = UnitWriter.open(memory)!;
  writer.write(units, new Uint8Array(200_000), { pts: 0, dts: 0, isKey: true });
  writer.close();
  return units;
}

function openDestinations(memory: MediaMemory): DestinationList {
  const list = new DestinationList(memory);
  list.push(new Uint8Array(16), { address: "127.0.0.1", port: 1 });
  return list;
}

/** A track of a log at work, and its units. */
function openPull(memory: MediaMemory): UnitPull {
  const cursor = LogCursor.open(memory, { log: log.address, tracks: 1, channels: [0] })!;
  const pull = UnitPull.open(memory, cursor, [])!;
  cursor.close();
  return pull;
}

let log: RtpLog;
let units: UnitLog;

/** Everything that owns media memory. */
const FACADES: readonly (readonly [name: string, open: (memory: MediaMemory) => Closable])[] = [
  ["RtpLog", openLog],
  ["LogCursor", (memory) => LogCursor.open(memory, { log: log.address, tracks: 1, channels: [0] })!],
  ["UnitLog", openUnits],
  ["UnitLog with units", openWrittenUnits],
  ["UnitPull", openPull],
  ["UnitWriter", (memory) => UnitWriter.open(memory)!],
  ["PartWriter", (memory) => PartWriter.open(memory)!],
  ["TsWriter", (memory) => TsWriter.open(memory)!],
  [
    "Packetizer",
    (memory) => {
      const setup = { ...SETUP, format: 7 };
      return Packetizer.open(memory, log, [{ units, setup, payloadType: 96, seq: 0, ssrc: 1 }])!;
    },
  ],
  ["DatagramBatch", (memory) => DatagramBatch.open(memory)!],
  ["DatagramSource", (memory) => DatagramSource.open(memory, log, 0)!],
  ["DestinationList", openDestinations],
  ["Mp4Demuxer", (memory) => Mp4Demuxer.open(memory)!],
  ["TsDemuxer", (memory) => TsDemuxer.open(memory, TABLES)!],
  ["TsTrack", (memory) => TsTrack.open(memory, 256, KIND)!],
  [
    "TsSections",
    (memory) => {
      const sections = new TsSections(memory, { listen: () => true, ignore: () => undefined });
      sections.follow(TABLES);
      return sections;
    },
  ],
];

for (const build of BUILDS) {
  describe(`closing twice, ${build}`, () => {
    const memory = loadBuild(build, 64);
    afterEach(() => checkReturned(memory));

    for (const [name, open] of FACADES) {
      test(`${name} gives its memory back once, whoever has it next`, () => {
        log = openLog(memory);
        units = openUnits(memory);
        const first = open(memory);
        first.close();
        const { blocksTaken } = memory.state;
        const next = open(memory);
        const held = memory.state.blocksTaken;
        first.close();
        expect(memory.state.blocksTaken).toBe(held);
        next.close();
        next.close();
        expect(memory.state.blocksTaken).toBe(blocksTaken);
        units.close();
        log.close();
      });
    }
  });
}
