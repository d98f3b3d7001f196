import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import type { Action, Credentials } from "../../src/auth/access.ts";
import { matches } from "../../src/auth/credentials.ts";
import { checkInternally } from "../../src/auth/internal.ts";
import { parseConfig } from "../support/config.ts";

const hashed = (text: string) => `sha256:${createHash("sha256").update(text).digest("base64")}`;
const NONE: Credentials = { kind: "none" };
const plain = (user: string, pass: string): Credentials => ({ kind: "plain", user, pass });

/** What is said of a request to a path with these parameters; undefined when it may pass. */
function verdict(
  parameters: string,
  action: Action,
  ip: string,
  credentials: Credentials,
): string | undefined {
  const conf = parseConfig(`paths:\n  cam:\n${parameters.replace(/^/gm, "    ")}\n`).paths.get("cam");
  try {
    checkInternally({ action, conf: conf!, ip, credentials });
    return undefined;
  } catch (error) {
    return String(error);
  }
}

const READ = "readUser: me\nreadPass: secret";

test("a path without demands lets everybody in, whatever they bring", () => {
  for (const credentials of [NONE, plain("any", "thing")]) {
    expect(verdict("maxReaders: 1", "read", "1.2.3.4", credentials)).toBeUndefined();
    expect(verdict(READ, "publish", "1.2.3.4", credentials)).toBeUndefined();
  }
});

test("names and secrets are compared whole, plain or hashed", () => {
  for (const demands of [READ, `readUser: ${hashed("me")}\nreadPass: ${hashed("secret")}`]) {
    expect(verdict(demands, "read", "::1", plain("me", "secret"))).toBeUndefined();
    for (const [user, pass] of [
      ["me", "Secret"],
      ["me", ""],
      ["", "secret"],
      ["me2", "secret"],
      [hashed("me"), hashed("secret")],
    ] as const) {
      expect(verdict(demands, "read", "::1", plain(user, pass))).toBe("AuthError: invalid credentials");
    }
    expect(verdict(demands, "read", "::1", NONE)).toBe("AuthError: no credentials");
  }
  expect(matches("sha256:", "")).toBe(false);
});

test("addresses and ranges of both families, before any credentials", () => {
  const demands = `readIPs: [10.1.2.3, 192.168.0.0/16, "fd00::/8"]\n${READ}`;
  const of = (ip: string) => verdict(demands, "read", ip, plain("me", "secret"));
  for (const ip of ["10.1.2.3", "192.168.255.1", "fd12::1"]) expect(of(ip)).toBeUndefined();
  for (const ip of ["10.1.2.4", "192.169.0.1", "fe80::1%eth0", "::1"]) {
    expect(of(ip)).toBe(`AuthError: IP ${ip} not allowed`);
  }
  expect(verdict(demands, "read", "10.9.9.9", NONE)).toBe("AuthError: IP 10.9.9.9 not allowed");
});

test("a proof is checked against what is configured, and its own words are passed on", () => {
  const proof = (answer: string | undefined): Credentials => ({
    kind: "proof",
    check: (user, pass) => (user === "me" && pass === "secret" ? answer : "not what is configured"),
  });
  expect(verdict(READ, "read", "::1", proof(undefined))).toBeUndefined();
  expect(verdict(READ, "read", "::1", proof("wrong nonce"))).toBe("AuthError: wrong nonce");
});
