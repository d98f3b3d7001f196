import { ProtocolError } from "../../src/lib/errors.ts";
import { writeReceiverReport, writeSenderReport } from "../../wasm/rtcp.ts";
import { Random } from "../support/random.ts";
import { loadBuild } from "../wasm/builds.ts";
import { checkReturned, same } from "../wasm/compare.ts";
import { trackSetups } from "../wasm/generate.ts";
import { IngestPair } from "../wasm/pair.ts";
import { concat, writeFrame, writeRtp } from "../wasm/twin/packet.ts";
import { findRtcp, writeRtcp } from "../wasm/twin/rtcp.ts";

/** A compound RTCP packet of a publisher. */
export const name = "rtcp";

const memory = loadBuild("fuzz", 64);
const SSRC = 0x1234_5678;

/** Reports of both kinds, descriptions, goodbyes, feedback. */
export const seeds: Uint8Array[] = Array.from({ length: 12 }, (_, i) => {
  const random = new Random(i);
  const words = (count: number) => Array.from({ length: count }, () => random.bits());
  const parts = [
    writeRtcp(0, 200, [SSRC, ...words(5)]),
    writeRtcp(1, 200, [SSRC, ...words(11)]),
    writeRtcp(1, 201, [SSRC, ...words(6)]),
    writeRtcp(1, 202, [SSRC, 0x01046162, 0x63640000]),
    writeRtcp(1, 203, [SSRC]),
    writeRtcp(1, 206, [SSRC, ...words(1)]),
    writeRtcp(0, 204, [SSRC, ...words(i)]),
  ];
  return concat(Array.from({ length: 1 + (i % 5) }, () => random.pick(parts)));
});

/** Reads the reports as a publisher's, searches packets of each type, and writes reports of numbers in it. */
export function run(input: Uint8Array): void {
  const packet = input.subarray(0, 65_535);
  const pair = new IngestPair(memory, { tracks: trackSetups(), lagPackets: 8, maxPacket: 1_460 });
  pair.map(trackSetups().map((_, i) => 2 * i));
  const room = memory.take(100_000) as number;
  const found: number[] = [];
  try {
    memory.u8.set(packet, room);
    for (let type = 200; type < 208; type++) found.push(find(packet, room, type) === undefined ? 0 : 1);
    pair.receive(writeFrame(1, packet), 3);
    const fields = { payloadType: 98, marker: true, seq: 1, time: 2, ssrc: SSRC };
    pair.receive(concat([writeFrame(4, writeRtp(fields, new Uint8Array(5))), writeFrame(5, packet)]), 4);
    write(packet, room);
  } finally {
    memory.give(room);
    pair.close();
  }
  checkReturned(memory);
  const reports = pair.twin.tracks.map((track) => track.reports);
  const facts = `${found.join("")}x${reports.join("")}`;
  throw new ProtocolError(facts.replace(/\d/g, (digit) => "abcdefghij"[Number(digit)] as string));
}

function find(packet: Uint8Array, room: number, type: number): number | undefined {
  let first: number | undefined;
  for (const least of [4, 8, 28, 32]) {
    const at = findRtcp(packet, type, least);
    const real = memory.core.rtcpFind(room, packet.length, type, least);
    same(real === 0 ? undefined : real - room, at, `packet of type ${type} and ${least} bytes`);
    first ??= at;
  }
  return first;
}

/** Writes both kinds of reports with the numbers of the input. */
function write(packet: Uint8Array, room: number): void {
  if (packet.length < 32) return;
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  const words = Array.from({ length: 8 }, (_, i) => view.getUint32(4 * i));
  const [ssrc = 0, source = 0, rtpTime = 0, packets = 0, octets = 0, seconds = 0, fraction = 0, lost = 0] =
    words;
  const ntp = (seconds >>> 1) * 1000 + (fraction % 1000);
  const sender = writeSenderReport(memory, room, { ssrc, ntp, rtpTime, packets, octets });
  const exact = Math.floor((ntp / 1000 - Math.floor(ntp / 1000)) * 0x1_0000_0000);
  const expected = [ssrc, Math.floor(ntp / 1000), exact, rtpTime, packets, octets];
  same(memory.u8.slice(room, room + sender), writeRtcp(0, 200, expected), "sender report");
  const report = {
    ssrc,
    source,
    fractionLost: lost >>> 24,
    lost: lost & 0xffffff,
    highestSeq: packets,
    jitter: octets,
    lastReport: seconds,
    delay: fraction,
  };
  const receiver = writeReceiverReport(memory, room, report);
  const values = [ssrc, source, lost, packets, octets, seconds, fraction];
  same(memory.u8.slice(room, room + receiver), writeRtcp(1, 201, values), "receiver report");
}
