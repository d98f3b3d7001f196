import { ProtocolError } from "../../src/lib/errors.ts";
import {
  clientHandshake,
  HANDSHAKE_SIZE,
  type Handshake,
  serverHandshake,
} from "../../src/protocols/rtmp/proto/handshake.ts";
import { PLAYER_KEY, SERVER_KEY, sign } from "../../src/protocols/rtmp/proto/handshake-digest.ts";
import { pieces, seedOf } from "../protocols/rtsp/framing.ts";
import { Random } from "../support/random.ts";

/** What clients and servers of RTMP send before the first chunk, and after. */
export const name = "rtmp-handshake";

const WHOLE = 1 + 2 * HANDSHAKE_SIZE;

/** Plain, with digests of clients and of servers in both schemes, encrypted. */
export const seeds: Uint8Array[] = [
  peer(3, []),
  peer(3, [9, 0, 124, 2]),
  peer(6, [9, 0, 124, 2]),
  signed(8, PLAYER_KEY),
  signed(772, PLAYER_KEY),
  signed(8, SERVER_KEY),
  signed(772, SERVER_KEY),
];

function peer(version: number, software: readonly number[]): Uint8Array {
  const bytes = new Random(7).bytes(WHOLE + 20);
  bytes[0] = version;
  bytes.fill(0, 1, 9);
  bytes.set(software, 5);
  return bytes;
}

function signed(scheme: 8 | 772, key: Uint8Array): Uint8Array {
  const bytes = peer(3, [9, 0, 124, 2]);
  sign(bytes.subarray(1, 1 + HANDSHAKE_SIZE), scheme, key);
  return bytes;
}

/** Plays the input to a server and to both kinds of clients, whole and in pieces, and compares. */
export function run(input: Uint8Array): void {
  const sides = [
    () => serverHandshake(random()),
    () => clientHandshake("plain", random()),
    () => clientHandshake("digest", random()),
  ];
  const outcomes = sides.map((open) => {
    const whole = play(open(), [input]);
    const cut = play(open(), pieces(input, seedOf(input)));
    if (!Bun.deepEquals(whole, cut)) throw new Error("pieces make a difference");
    return whole;
  });
  const [error] = outcomes.map((outcome) => outcome.error);
  if (error !== undefined) throw new ProtocolError(error);
  const kinds = outcomes.map(({ sent }) => (isProof(sent, input) ? "p" : "e"));
  throw new ProtocolError(`k${input.length > WHOLE ? "done" : ""}${kinds.join("")}`);
}

function random(): (size: number) => Uint8Array {
  const source = new Random(1);
  return (size) => source.bytes(size);
}

function play(side: Handshake, chunks: Iterable<Uint8Array>) {
  const sent: Uint8Array[] = [];
  let taken = 0;
  let error: string | undefined;
  const drain = () => {
    for (let bytes = side.poll(); bytes !== undefined; bytes = side.poll()) sent.push(bytes);
  };
  drain();
  try {
    for (const chunk of chunks) {
      taken += side.receive(chunk);
      drain();
    }
  } catch (thrown) {
    if (!(thrown instanceof ProtocolError)) throw thrown;
    error = thrown.message;
  }
  if (side.isDone !== (taken === WHOLE)) throw new Error(`done after ${taken} bytes`);
  return { sent: error === undefined ? Buffer.concat(sent) : undefined, taken, error };
}

/** Whether what was sent last is anything but an echo. */
function isProof(sent: Buffer | undefined, input: Uint8Array): boolean {
  if (sent === undefined || sent.length < HANDSHAKE_SIZE) return false;
  return !sent.subarray(-HANDSHAKE_SIZE).equals(input.subarray(1, 1 + HANDSHAKE_SIZE));
}
