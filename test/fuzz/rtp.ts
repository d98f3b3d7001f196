import { KIND_PACKET } from "../../assembly/abi.ts";
import { ProtocolError } from "../../src/lib/errors.ts";
import { Random } from "../support/random.ts";
import { loadBuild } from "../wasm/builds.ts";
import { checkReturned, same } from "../wasm/compare.ts";
import { DatagramPair } from "../wasm/datagram-pair.ts";
import { Generator, TRACK_KINDS, trackSetups } from "../wasm/generate.ts";
import { IngestPair } from "../wasm/pair.ts";
import { concat, readRtp, writeFrame } from "../wasm/twin/packet.ts";

/** RTP packets of one track: a byte that picks its codec and size limit, then packets, a two-byte length before each. */
export const name = "rtp";

const memory = loadBuild("fuzz", 64);
const LIMITS = [1_460, 100, 40, 65_535];

/** Packets of each codec. */
export const seeds: Uint8Array[] = TRACK_KINDS.flatMap((kind, i) => {
  const setups = trackSetups([kind]);
  const random = new Random(i);
  return [0, 0.05].map((large, j) => {
    const generator = new Generator(random, setups, { faults: 0, large, unmarked: 0.1 });
    const packets = Array.from({ length: 12 }, () => generator.frame()).filter((frame) => frame[1] === 10);
    return concat([Uint8Array.from([i | (j << 4)]), ...packets.map((frame) => frame.subarray(2))]);
  });
});

/** Takes the packets in order of arrival, and puts them in order of their numbers; compares both with the twins. */
export function run(input: Uint8Array): void {
  const choice = input[0] ?? 0;
  const kind = TRACK_KINDS[(choice & 15) % TRACK_KINDS.length] as number;
  const setup = {
    kinds: new Map([
      [96, kind],
      [97, KIND_PACKET],
    ]),
    clockRate: 90_000,
    paramsKnown: 0,
  };
  const maxPacket = LIMITS[(choice >> 4) & 3] as number;
  const pair = new IngestPair(memory, { tracks: [setup], lagPackets: 8, maxPacket });
  pair.map([0]);
  const order = new Order();
  const room = memory.take(100_000) as number;
  try {
    for (const [i, packet] of split(input.subarray(1)).entries()) {
      memory.u8.set(packet, room);
      same(memory.core.rtpHeaderSize(room, packet.length), readRtp(packet)?.header ?? -1, "header size");
      order.push(packet, i * (choice & 63));
      pair.receive(writeFrame(0, packet), i);
    }
  } finally {
    memory.give(room);
    order.close();
    pair.close();
  }
  checkReturned(memory);
  const { raps = 0, seqOffset = 0, params } = pair.twin.tracks[0] ?? {};
  const facts = [kind, pair.events, Math.min(raps, 2), Math.min(seqOffset, 4), params?.known ?? 0];
  throw new ProtocolError(facts.join("x").replace(/\d/g, (digit) => "abcdefghij"[Number(digit)] as string));
}

/** The same packets as datagrams of a track, without padding, as that is taken off on the way. */
class Order {
  readonly #pair = new DatagramPair(memory);
  #ssrc: number | undefined;

  push(packet: Uint8Array, now: number): void {
    const plain = packet.slice();
    if (plain.length > 0) plain[0] = (plain[0] as number) & 0xdf;
    const fields = readRtp(plain);
    const known = fields?.payloadType === 96 && (this.#ssrc ?? fields.ssrc) === fields.ssrc;
    if (known) this.#ssrc = fields.ssrc;
    this.#pair.push(plain, now, known);
  }

  close(): void {
    this.#pair.close();
  }
}

/** Packets behind their lengths; the last one may be short. */
function split(bytes: Uint8Array): Uint8Array[] {
  const packets: Uint8Array[] = [];
  for (let at = 0; at + 2 <= bytes.length; ) {
    const size = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
    packets.push(bytes.slice(at + 2, at + 2 + size));
    at += 2 + size;
  }
  return packets;
}
