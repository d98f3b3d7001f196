import { describe, expect, test } from "bun:test";
import {
  ClientAuth,
  checkDigest,
  digestResponse,
  parseAuthorization,
  writeChallenges,
} from "../../../src/protocols/rtsp/proto/auth.ts";
import { cpuTime } from "../../support/cpu-time.ts";

const basic = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;

describe("the Authorization header", () => {
  test.each([
    [[basic("me:secret")], { scheme: "basic", user: "me", pass: "secret" }],
    [[` basic  ${Buffer.from("me:").toString("base64")}`], { scheme: "basic", user: "me", pass: "" }],
    [[basic("me")], undefined],
    [[basic("a:b:c")], { scheme: "basic", user: "a", pass: "b:c" }],
    [["Bearer x"], undefined],
    [[""], undefined],
    [[], undefined],
    [[basic("me:secret"), basic("me:secret")], undefined],
  ] as const)("%p", (values, expected) => {
    expect(parseAuthorization(values)).toEqual(expected as never);
  });

  test("of a digest holds its fields, quoted or not", () => {
    const parsed = parseAuthorization([
      'Digest username="a \\"b\\"", REALM=IPCAM, nonce="x,y", nonce="z",uri=""',
    ]);
    expect(parsed?.scheme === "digest" && [...parsed.params]).toEqual([
      ["username", 'a "b"'],
      ["realm", "IPCAM"],
      ["nonce", "x,y"],
      ["uri", ""],
    ]);
  });
});

test.each(["a", "a=", '"', 'a="', "a ", " ", "\\"])(
  "a header of a million characters is read soon: %p",
  (text) => {
    const value = `Digest ${text.repeat(1_000_000 / text.length)}`;
    expect(cpuTime(() => parseAuthorization([value]))).toBeLessThan(2_000);
  },
);

test("challenges come in the order of the configuration; both when it names none", () => {
  const [one, other] = ['Basic realm="IPCAM"', 'Digest realm="IPCAM", nonce="0a"'];
  expect(writeChallenges(["digest"], "0a")).toEqual([other]);
  expect(writeChallenges(["digest", "basic"], "0a")).toEqual([other, one]);
  expect(writeChallenges([], "0a")).toEqual([one, other]);
});

describe("a digest", () => {
  const check = { nonce: "n1", method: "DESCRIBE", urls: ["rtsp://h/cam"], user: "me", pass: "secret" };
  const input = { realm: "IPCAM", uri: "rtsp://h/cam", ...check };
  const fields = (changes: Record<string, string | undefined> = {}) => {
    const response = digestResponse(input);
    const all = { realm: "IPCAM", nonce: "n1", username: "me", uri: "rtsp://h/cam", response, ...changes };
    return new Map(Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined));
  };

  test("is wrong before a nonce was given out", () => {
    const none = fields({ nonce: "", response: digestResponse({ ...input, nonce: "" }) });
    expect(checkDigest(none, { ...check, nonce: "" })).toBe("wrong nonce");
  });

  test("is right when all of it is", () => {
    expect(checkDigest(fields(), check)).toBeUndefined();
  });

  test.each([
    [{ realm: undefined }, "realm is missing"],
    [{ nonce: undefined }, "nonce is missing"],
    [{ username: undefined }, "username is missing"],
    [{ uri: undefined }, "uri is missing"],
    [{ response: undefined }, "response is missing"],
    [{ nonce: "n2" }, "wrong nonce"],
    [{ realm: "other" }, "wrong realm"],
    [{ uri: "rtsp://h/other" }, "wrong URL"],
    [{ username: "you" }, "authentication failed"],
    [{ response: "00" }, "authentication failed"],
  ])("with %p: %s", (changes, expected) => {
    expect(checkDigest(fields(changes), check)).toBe(expected);
  });

  test("of RFC 2069 has the value that is known", () => {
    // the example of RFC 2617 §3.5 without quality of protection, as curl and FFmpeg compute it
    const { createHash } = require("node:crypto") as typeof import("node:crypto");
    const md5 = (text: string) => createHash("md5").update(text).digest("hex");
    expect(digestResponse(input)).toBe(md5(`${md5("me:IPCAM:secret")}:n1:${md5("DESCRIBE:rtsp://h/cam")}`));
  });
});

describe("a client", () => {
  const me = { user: "Mufasa", pass: "Circle Of Life" };

  test("answers the challenge of RFC 2617 §3.5 as the example does", () => {
    const challenge =
      'Digest realm="testrealm@host.com", qop="auth,auth-int", ' +
      'nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"';
    const auth = ClientAuth.all([challenge], me, () => "0a4f113b")[0]!;
    const value = auth.authorize("GET", "/dir/index.html");
    expect(value).toContain('response="6629fae49393a05397450978507c4ef1"');
    expect(value).toContain('nc=00000001, cnonce="0a4f113b"');
    expect(value).toContain('opaque="5ccc069c403ebaf9f0171e9517f40e41"');
    expect(auth.authorize("GET", "/")).toContain("nc=00000002");
  });

  test("prefers the stronger scheme, and passes over what it does not know", () => {
    const md5 = 'Digest realm="r", nonce="m"';
    const sha = 'Digest realm="r", nonce="s", algorithm=SHA-256, qop="auth"';
    const odd = 'Digest realm="r", nonce="o", algorithm=SHA-512-256';
    const from = (...challenges: string[]) => ClientAuth.all(challenges, me, () => "00")[0]?.nonce;
    expect(from('Basic realm="r"', md5)).toBe("m");
    expect(from(md5, sha, odd)).toBe("s");
    expect(from('Basic realm="r"', odd)).toBe("");
    expect(from(odd, "Negotiate")).toBeUndefined();
    expect(ClientAuth.all(['Basic realm="r"'], me, () => "")[0]!.authorize("X", "y")).toBe(
      basic("Mufasa:Circle Of Life"),
    );
  });

  test("and a server understand each other", () => {
    const [, challenge] = writeChallenges(["basic", "digest"], "77");
    const value = ClientAuth.all([challenge!], { user: 'a"b', pass: "p" }, () => "")[0]!.authorize(
      "SETUP",
      "rtsp://x",
    );
    const parsed = parseAuthorization([value]);
    const check = { nonce: "77", method: "SETUP", urls: ["rtsp://x"], user: 'a"b', pass: "p" };
    expect(parsed?.scheme === "digest" && checkDigest(parsed.params, check)).toBeUndefined();
  });
});
