/**
 * Reads a UUID in any usual form: canonical, in braces, with `urn:uuid:` in front, or 32 digits without hyphens.
 *
 * @returns the canonical form; undefined if it is not a UUID
 */
export function parseUuid(text: string): string | undefined {
  const bare = text.replace(/^urn:uuid:/i, "").replace(/^\{(.*)\}$/, "$1");
  const compact = CANONICAL.test(bare) ? bare.replaceAll("-", "") : bare;
  if (!/^[0-9a-f]{32}$/i.test(compact)) return undefined;
  const digits = compact.toLowerCase();
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    digits.slice(12, 16),
    digits.slice(16, 20),
    digits.slice(20),
  ].join("-");
}

const CANONICAL = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
