import { ProtocolError } from "../../src/lib/errors.ts";
import { ChunkInput, ChunkReader } from "../../wasm/rtmp-reader.ts";
import { seedOf } from "../protocols/rtsp/framing.ts";
import { Random } from "../support/random.ts";
import { loadBuild } from "../wasm/builds.ts";
import { checkReturned } from "../wasm/compare.ts";
import { ChunkMaker } from "../wasm/rtmp-makers.ts";
import { ChunkTwin, hash } from "../wasm/twin/rtmp.ts";

/** What a peer sends after the handshake: chunks of messages. */
export const name = "rtmp-chunks";

const memory = loadBuild("fuzz", 400);

export const seeds: Uint8Array[] = Array.from({ length: 16 }, (_, i) => {
  return new ChunkMaker(new Random(i), { largest: 600 }).make(2 << (i % 5));
});

/**
 * Reads the input in one piece, and again in pieces: with the same result, which is the twin's, unless timestamps are
 * extended, whose repetition a reader may find left out.
 */
export function run(input: Uint8Array): void {
  const random = new Random(seedOf(input));
  const whole = read([input]);
  const cut = read(pieces(input, random));
  checkReturned(memory);
  const twin = new ChunkTwin(input);
  const end = twin.read();
  if (!input.some((byte, i) => byte === 255 && input[i + 1] === 255 && input[i + 2] === 255)) {
    const messages = twin.messages.map(({ body }) => body).join();
    for (const each of [whole, cut]) {
      if (each.messages !== messages) throw new Error(`read ${each.messages}, but the twin ${messages}`);
      if ((each.fault === undefined) !== (end === undefined || end === "end")) {
        throw new Error(`ended with ${each.fault}, but the twin with ${end}`);
      }
    }
  }
  const count = Math.min(whole.messages.split(",").length, 6);
  throw new ProtocolError(`${whole.fault ?? "end"}${"abcdefg"[count]}`.replace(/[^a-z]/gi, ""));
}

function read(chunks: Iterable<Uint8Array>) {
  const input = ChunkInput.open(memory) as ChunkInput;
  const reader = ChunkReader.open(memory, input) as ChunkReader;
  const share = memory.openShare();
  if (share !== undefined) reader.chargeTo(share);
  const bodies: string[] = [];
  let fault: string | undefined;
  for (const chunk of chunks) {
    const end = reader.receive(chunk, 0, (message) => {
      bodies.push(hash(message.copy()));
      return true;
    });
    if (typeof end === "number") continue;
    fault = end === "budget" ? end : end.text;
    break;
  }
  reader.close();
  input.close();
  share?.closeShare();
  return { messages: bodies.join(), fault };
}

function* pieces(input: Uint8Array, random: Random): Generator<Uint8Array> {
  const most = random.pick([1, 7, 100, 5_000]);
  for (let at = 0; at < input.length; ) {
    const size = random.between(1, most);
    yield input.slice(at, at + size);
    at += size;
  }
}
