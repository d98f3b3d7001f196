import { createHash, timingSafeEqual } from "node:crypto";

const HASHED = "sha256:";

/**
 * Whether a received user name or password matches the configured one, which is plain text or `sha256:` and the hash in
 * base64. The comparison takes the same time whatever the values.
 */
export function matches(configured: string, received: string): boolean {
  const hash = createHash("sha256").update(received).digest();
  if (!configured.startsWith(HASHED)) {
    return timingSafeEqual(createHash("sha256").update(configured).digest(), hash);
  }
  return timingSafeEqual(digestOf(configured.slice(HASHED.length)), digestOf(hash.toString("base64")));
}

/** Hashes both texts, so that they have the same length. */
function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
