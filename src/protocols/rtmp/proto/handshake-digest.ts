import { createHmac } from "node:crypto";

/*
 * Digests of the handshake of Flash Player 9 and Flash Media Server 3, which the specification of RTMP leaves out. C1
 * and S1 are a time and a version of 4 bytes each, then two parts of 764 bytes, in either order:
 *
 *   key     random bytes, 128 bytes for RTMPE, random bytes, 4 bytes whose sum says where
 *   digest  4 bytes whose sum says where, random bytes, 32 bytes of digest, random bytes
 *
 * The digest is the HMAC-SHA256 of everything else in the block. The last 32 bytes of C2 and S2 are the HMAC-SHA256 of
 * the rest, by a key made of the digest of the other side.
 */

/** Which part comes first, as the place of the digest's part in the block. */
export type Scheme = typeof DIGEST_FIRST | typeof KEY_FIRST;
export const DIGEST_FIRST = 8;
export const KEY_FIRST = 8 + 764;

const DIGEST_SIZE = 32;
/** Places for the digest, after the 4 bytes that choose one. */
const PLACES = 764 - 4 - DIGEST_SIZE;

/** What secrets of both sides end with. */
const TAIL = Uint8Array.fromHex("f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae");
/** The key of digests in C1. */
export const PLAYER_KEY = Buffer.from("Genuine Adobe Flash Player 001");
/** The key of digests in S1. */
export const SERVER_KEY = Buffer.from("Genuine Adobe Flash Media Server 001");
/** Makes the key for C2 of the digest in S1. */
export const PLAYER_SECRET = Buffer.concat([PLAYER_KEY, TAIL]);
/** Makes the key for S2 of the digest in C1. */
export const SERVER_SECRET = Buffer.concat([SERVER_KEY, TAIL]);

/** Finds the digest of C1 or S1; undefined if there is none. */
export function findDigest(
  block: Uint8Array,
  key: Uint8Array,
): { scheme: Scheme; digest: Uint8Array } | undefined {
  for (const scheme of [KEY_FIRST, DIGEST_FIRST] as const) {
    const place = digestPlace(block, scheme);
    const digest = block.subarray(place, place + DIGEST_SIZE);
    if (digestOf(block, place, key).equals(digest)) return { scheme, digest };
  }
  return undefined;
}

/** Writes the digest of C1 or S1 to its place. */
export function sign(block: Uint8Array, scheme: Scheme, key: Uint8Array): void {
  const place = digestPlace(block, scheme);
  block.set(digestOf(block, place, key), place);
}

/** Writes the end of C2 or S2, which proves that the peer's digest was read. */
export function prove(block: Uint8Array, peerDigest: Uint8Array, secret: Uint8Array): void {
  const key = createHmac("sha256", secret).update(peerDigest).digest();
  const end = block.length - DIGEST_SIZE;
  block.set(createHmac("sha256", key).update(block.subarray(0, end)).digest(), end);
}

function digestPlace(block: Uint8Array, scheme: Scheme): number {
  let sum = 0;
  for (const byte of block.subarray(scheme, scheme + 4)) sum += byte;
  return scheme + 4 + (sum % PLACES);
}

function digestOf(block: Uint8Array, place: number, key: Uint8Array): Buffer {
  return createHmac("sha256", key)
    .update(block.subarray(0, place))
    .update(block.subarray(place + DIGEST_SIZE))
    .digest();
}
