import { ProtocolError } from "../../../lib/errors.ts";
import {
  DIGEST_FIRST,
  findDigest,
  PLAYER_KEY,
  PLAYER_SECRET,
  prove,
  SERVER_KEY,
  SERVER_SECRET,
  sign,
} from "./handshake-digest.ts";

/** Size of C1, C2, S1 and S2, bytes (RTMP 1.0 §5.2). */
export const HANDSHAKE_SIZE = 1536;
const VERSION = 3;
/** What else comes first on the port of RTMP. */
const OTHER_VERSIONS: ReadonlyMap<number, string> = new Map([
  [6, "RTMPE is not supported"],
  [8, "RTMPE is not supported"],
  [9, "RTMPE is not supported"],
  [0x16, "this is TLS"],
  [0x47, "this is HTTP"], // GET
  [0x50, "this is HTTP"], // POST, of RTMPT
]);

/** Where C1 and S1 name the version of the software; zeros mean that there is no digest. */
const SOFTWARE_AT = 4;
const PLAYER_VERSION = [9, 0, 124, 2];
const SERVER_VERSION = [4, 5, 0, 1];

/** @returns that many random bytes, owned by the caller */
export type RandomBytes = (size: number) => Uint8Array;

/**
 * One side of a handshake of version 3, plain or with digests. Both sides do the same: receive a version and a block of
 * random bytes (C0 and C1, or S0 and S1), answer them, and receive a second block, whose content does not matter: many
 * clients do not echo what they should, and keys that everybody knows prove nothing. No more than the first block is
 * kept.
 *
 * `poll` gives the bytes to send. Once `isDone`, what follows belongs to the chunk streams.
 */
export class Handshake {
  readonly #answer: (block: Uint8Array) => Uint8Array;
  /** The first block; allocated when it begins to arrive, undefined again once it is answered. */
  #block: Uint8Array | undefined;
  #received = 0;
  readonly #outputs: Uint8Array[] = [];

  /**
   * @param answer makes the answer to a first block, which it may keep
   * @param greeting what is to be sent at once
   */
  constructor(answer: (block: Uint8Array) => Uint8Array, greeting?: Uint8Array) {
    this.#answer = answer;
    if (greeting !== undefined) this.#outputs.push(greeting);
  }

  /** Whether the peer has sent all of its part. */
  get isDone(): boolean {
    return this.#received === WHOLE;
  }

  /**
   * Takes borrowed bytes from `at` on.
   *
   * @returns how many were taken: fewer than there are if the handshake ended before
   * @throws {ProtocolError} if the version is not 3
   */
  receive(chunk: Uint8Array, at = 0): number {
    let taken = 0;
    if (this.#received < FIRST && at < chunk.length) {
      if (this.#received === 0) checkVersion(chunk[at] as number);
      taken = this.#keep(chunk.subarray(at, at + FIRST - this.#received));
    }
    const rest = Math.min(chunk.length - at - taken, WHOLE - this.#received);
    this.#received += rest;
    return taken + rest;
  }

  /** The next bytes to send, or undefined. The caller owns them. */
  poll(): Uint8Array | undefined {
    return this.#outputs.shift();
  }

  /** Keeps a piece of the version and the first block, and answers them when they are complete. */
  #keep(piece: Uint8Array): number {
    this.#block ??= new Uint8Array(HANDSHAKE_SIZE);
    // The version is not part of the block
    if (this.#received > 0) this.#block.set(piece, this.#received - 1);
    else this.#block.set(piece.subarray(1));
    this.#received += piece.length;
    if (this.#received === FIRST) {
      const block = this.#block;
      this.#block = undefined;
      this.#outputs.push(this.#answer(block));
    }
    return piece.length;
  }
}

/** Bytes of the version and the first block, and of all the peer sends. */
const FIRST = 1 + HANDSHAKE_SIZE;
const WHOLE = FIRST + HANDSHAKE_SIZE;

/** The server's side. It answers the digest of a client, in the client's scheme, with digests of its own. */
export function serverHandshake(random: RandomBytes): Handshake {
  return new Handshake((c1) => {
    const found = hasVersion(c1) ? findDigest(c1, PLAYER_KEY) : undefined;
    if (found === undefined) return concat([VERSION], makeBlock(random, NO_VERSION), c1);
    const s1 = makeBlock(random, SERVER_VERSION);
    sign(s1, found.scheme, SERVER_KEY);
    const s2 = random(HANDSHAKE_SIZE);
    prove(s2, found.digest, SERVER_SECRET);
    return concat([VERSION], s1, s2);
  });
}

/**
 * The client's side.
 *
 * @param form "digest" offers one, which some servers require; servers that know none see a plain handshake
 */
export function clientHandshake(form: "plain" | "digest", random: RandomBytes): Handshake {
  const c1 = makeBlock(random, form === "plain" ? NO_VERSION : PLAYER_VERSION);
  if (form === "digest") sign(c1, DIGEST_FIRST, PLAYER_KEY);
  const answer = (s1: Uint8Array) => {
    const found = form === "digest" && hasVersion(s1) ? findDigest(s1, SERVER_KEY) : undefined;
    if (found === undefined) return s1;
    const c2 = random(HANDSHAKE_SIZE);
    prove(c2, found.digest, PLAYER_SECRET);
    return c2;
  };
  return new Handshake(answer, concat([VERSION], c1));
}

const NO_VERSION = [0, 0, 0, 0];

/** A time of 0, the version of the software, and random bytes. */
function makeBlock(random: RandomBytes, version: readonly number[]): Uint8Array {
  const block = random(HANDSHAKE_SIZE);
  block.fill(0, 0, SOFTWARE_AT);
  block.set(version, SOFTWARE_AT);
  return block;
}

function hasVersion(block: Uint8Array): boolean {
  return block.subarray(SOFTWARE_AT, SOFTWARE_AT + NO_VERSION.length).some((byte) => byte !== 0);
}

function checkVersion(version: number): void {
  if (version === VERSION) return;
  const reason = OTHER_VERSIONS.get(version);
  throw new ProtocolError(`invalid rtmp version (${version})${reason === undefined ? "" : `: ${reason}`}`);
}

function concat(...parts: readonly ArrayLike<number>[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((size, { length }) => size + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
