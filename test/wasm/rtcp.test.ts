import { afterAll, describe, expect, test } from "bun:test";
import { KIND_PACKET } from "../../assembly/abi.ts";
import { RtpLog } from "../../wasm/log.ts";
import { writeReceiverReport, writeSenderReport } from "../../wasm/rtcp.ts";
import { Random } from "../support/random.ts";
import { BUILDS, loadBuild, SEED } from "./builds.ts";
import { checkReturned, same } from "./compare.ts";
import { concat, writeFrame, writeRtp } from "./twin/packet.ts";
import { findRtcp, writeRtcp } from "./twin/rtcp.ts";

for (const build of BUILDS) {
  describe(`rtcp, ${build}`, () => {
    const memory = loadBuild(build, 20);
    const room = memory.take(70_000) as number;
    afterAll(() => {
      memory.give(room);
      checkReturned(memory);
    });

    test(`writes reports as its twin does (seed ${SEED})`, () => {
      const random = new Random(SEED);
      for (let i = 0; i < 2_000; i++) {
        const [ssrc = 0, source = 0, rtpTime = 0, packets = 0, octets = 0, more = 0] = words(random, 6);
        const ntp = random.bits() * 1000 + random.below(1000) + random.below(16) / 16;
        const sender = writeSenderReport(memory, room, { ssrc, ntp, rtpTime, packets, octets });
        const fraction = Math.floor((ntp / 1000 - Math.floor(ntp / 1000)) * 0x1_0000_0000);
        const expected = [ssrc, Math.floor(ntp / 1000), fraction, rtpTime, packets, octets];
        same(memory.u8.slice(room, room + sender), writeRtcp(0, 200, expected), "sender report");
        const receiver = writeReceiverReport(memory, room, {
          ssrc,
          source,
          fractionLost: more >>> 24,
          lost: more & 0xffffff,
          highestSeq: rtpTime,
          jitter: packets,
          lastReport: octets,
          delay: i,
        });
        const values = [ssrc, source, more, rtpTime, packets, octets, i];
        same(memory.u8.slice(room, room + receiver), writeRtcp(1, 201, values), "receiver report");
      }
    });

    test(`finds packets where its twin does (seed ${SEED})`, () => {
      const random = new Random(SEED);
      for (let i = 0; i < 5_000; i++) {
        const bytes = compound(random);
        memory.u8.set(bytes, room);
        for (const [type, least] of [
          [200, 28],
          [201, 8],
          [203, 4],
        ] as const) {
          const real = memory.core.rtcpFind(room, bytes.length, type, least);
          same(real === 0 ? undefined : real - room, findRtcp(bytes, type, least), `type ${type}`);
        }
      }
    });

    test("what is written is read back", () => {
      const setup = { kinds: new Map([[96, KIND_PACKET]]), clockRate: 48_000, paramsKnown: 0 };
      const log = RtpLog.open(memory, { tracks: [setup], lagPackets: 8, maxPacket: 1_460 }) as RtpLog;
      log.mapChannel(0, 0, false);
      log.mapChannel(1, 0, true);
      const report = {
        ssrc: 0xfedc_ba98,
        ntp: 3_900_000_000_123.5,
        rtpTime: 0xffff_fff0,
        packets: 7,
        octets: 9,
      };
      const size = writeSenderReport(memory, room, report);
      const bytes = memory.u8.slice(room, room + size);
      log.receive(writeFrame(1, bytes), 0, 40.5);
      const track = log.tracks[0] as RtpLog["tracks"][number];
      expect(track.reports).toBe(1);
      expect(track.lastReport.ntp).toBeCloseTo(report.ntp, 3);
      expect(track.lastReport).toMatchObject({ rtpTime: 0xffff_fff0, arrival: 40.5 });
      // once the source is known, reports of others are passed over
      const fields = { payloadType: 96, marker: true, seq: 1, time: 2, ssrc: 5 };
      log.receive(writeFrame(0, writeRtp(fields, new Uint8Array(5))), 0, 41);
      log.receive(writeFrame(1, bytes), 0, 42);
      expect(track.reports).toBe(1);
      log.close();
    });
  });
}

function words(random: Random, count: number): number[] {
  return Array.from({ length: count }, () => random.bits());
}

/** Some packets, now and then with a wrong version or length, or cut short. */
function compound(random: Random): Uint8Array {
  const parts = Array.from({ length: random.between(1, 5) }, () => {
    const part = writeRtcp(random.below(4), random.between(199, 207), words(random, random.below(9)));
    if (random.chance(0.05)) part[0] = random.below(256);
    if (random.chance(0.05)) part[3] = random.below(16);
    return part;
  });
  const all = concat(parts);
  return random.chance(0.2) ? all.slice(0, random.below(all.length + 1)) : all;
}
