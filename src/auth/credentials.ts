import { createHash, timingSafeEqual } from "node:crypto";

const HASHED = "sha256:";

/**
 * Whether a received name or secret is the configured one, which is plain or `sha256:` and the hash in base64. The time
 * it takes says nothing of either.
 */
export function matches(configured: string, received: string): boolean {
  const hash = createHash("sha256").update(received).digest();
  if (!configured.startsWith(HASHED)) {
    return timingSafeEqual(createHash("sha256").update(configured).digest(), hash);
  }
  return timingSafeEqual(digestOf(configured.slice(HASHED.length)), digestOf(hash.toString("base64")));
}

/** Texts of any length as ones of the same length. */
function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
