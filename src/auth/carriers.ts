import type { Credentials } from "./access.ts";

/** A scheme of the Authorization header; `bearer` holds `user:pass` in plain text. */
export type HttpScheme = "basic" | "bearer";

const NONE: Credentials = { kind: "none" };

/** Reads an Authorization header (RFC 7617). A malformed one, or one of another scheme, counts as no credentials. */
export function headerCredentials(header: string | null, schemes: readonly HttpScheme[]): Credentials {
  const [, scheme = "", value = ""] = /^(basic|bearer)\s+(\S+)$/i.exec(header ?? "") ?? [];
  const known = schemes.find((name) => name === scheme.toLowerCase());
  if (known === undefined) return NONE;
  const text = known === "basic" ? Buffer.from(value, "base64").toString("utf8") : value;
  const colon = text.indexOf(":");
  return colon < 0 ? NONE : { kind: "plain", user: text.slice(0, colon), pass: text.slice(colon + 1) };
}
