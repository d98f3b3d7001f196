import { ProtocolError } from "../../src/lib/errors.ts";
import { pieces, seedOf } from "../protocols/rtsp/framing.ts";
import { Random } from "../support/random.ts";
import { loadBuild } from "../wasm/builds.ts";
import { checkReturned } from "../wasm/compare.ts";
import { Generator as Publisher, TRACK_KINDS, trackSetups } from "../wasm/generate.ts";
import { IngestPair } from "../wasm/pair.ts";
import { ReaderPair } from "../wasm/reader-pair.ts";

/** What a publisher sends over its connection: interleaved frames of tracks of all codecs, and text between. */
export const name = "interleaved";

const memory = loadBuild("fuzz", 64);
const options = { tracks: trackSetups(TRACK_KINDS.slice(0, 6)), lagPackets: 24, maxPacket: 1_460 };

/** Streams as they should be, and some that are not. */
export const seeds: Uint8Array[] = Array.from({ length: 12 }, (_, i) => {
  const disorder = { faults: i % 3 === 2 ? 0.2 : 0, large: i % 4 === 3 ? 0.05 : 0, unmarked: 0.1 };
  return new Publisher(new Random(i), options.tracks, disorder).frames(4 << (i % 4));
});

/** Feeds the core and its twin in pieces, with a reader each, and compares. */
export function run(input: Uint8Array): void {
  const pair = new IngestPair(memory, options);
  const random = new Random(seedOf(input));
  const reader = new ReaderPair(memory, pair, { random, channels: options.tracks.map((_, i) => 3 * i) });
  pair.map(options.tracks.map((_, i) => 2 * (options.tracks.length - 1 - i) + 10));
  let texts = 0;
  try {
    const chunks =
      input.length < 600 && random.chance(0.2) ? pieces(input, random.bits()) : cut(input, random);
    let now = 0;
    for (const chunk of chunks) {
      texts += feed(pair, chunk, now++);
      if (random.chance(0.1)) reader.step();
    }
    pair.compare();
    reader.step();
  } finally {
    reader.close();
    pair.close();
  }
  checkReturned(memory);
  const seen = pair.twin.tracks.reduce((bits, { raps }, i) => (raps > 0 ? bits | (1 << i) : bits), 0);
  throw new ProtocolError(letters([pair.events, seen, Math.min(texts, 3), reader.moods]));
}

/** Cuts the input as a socket may. */
function* cut(input: Uint8Array, random: Random): Generator<Uint8Array> {
  const most = Math.max(input.length >> 9, 1) << random.below(9);
  for (let at = 0; at < input.length; ) {
    const size = random.between(1, most);
    yield input.slice(at, at + size);
    at += size;
  }
}

/** Feeds a piece; text in it is passed over. Returns how often there was some. */
function feed(pair: IngestPair, chunk: Uint8Array, now: number): number {
  let texts = 0;
  for (let at = 0; at < chunk.length; ) {
    const taken = pair.receive(chunk.slice(at), now, false);
    if (typeof taken !== "number") throw new ProtocolError(taken);
    at += taken;
    if (at === chunk.length) break;
    texts += 1;
    at += 1;
  }
  return texts;
}

/** Numbers as one word, which tells behaviours apart. */
function letters(numbers: readonly number[]): string {
  return numbers.join("x").replace(/\d/g, (digit) => "abcdefghij"[Number(digit)] as string);
}
