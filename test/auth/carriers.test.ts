import { expect, test } from "bun:test";
import { headerCredentials } from "../../src/auth/carriers.ts";

const NONE = { kind: "none" } as const;
const plain = (user: string, pass: string) => ({ kind: "plain", user, pass }) as const;
const base64 = (text: string) => Buffer.from(text).toString("base64");

test.each([
  [null, NONE],
  ["", NONE],
  [`Basic ${base64("me:a:b")}`, plain("me", "a:b")],
  [`basic  ${base64("é:ü")}`, plain("é", "ü")],
  [`Basic ${base64(":")}`, plain("", "")],
  [`Basic ${base64("me")}`, NONE],
  ["Basic", NONE],
  [`Basic ${base64("me:b")} more`, NONE],
  ["Bearer me:b", NONE],
  ['Digest username="me"', NONE],
])("an Authorization header of HTTP: %p", (header, credentials) => {
  expect(headerCredentials(header, ["basic"])).toEqual(credentials);
});

test("a bearer token may hold name and password, where it is taken", () => {
  expect(headerCredentials("Bearer me:a:b", ["basic", "bearer"])).toEqual(plain("me", "a:b"));
  expect(headerCredentials("bearer token", ["basic", "bearer"])).toEqual(NONE);
  expect(headerCredentials(`Basic ${base64("me:b")}`, ["basic", "bearer"])).toEqual(plain("me", "b"));
});
