import { describe, expect, test } from "bun:test";
import { decryptConfig, encryptConfig, isEncrypted } from "../../src/config/crypt.ts";
import { loadConfig } from "../../src/config/load.ts";
import { ConfigError } from "../../src/lib/errors.ts";
import { NO_SCHEMES } from "../support/config.ts";

const NONCE = Uint8Array.from({ length: 24 }, (_, i) => i);
/** Made by libsodium's crypto_secretbox_easy of "logLevel: debug\n" with the key "testing123" and NONCE. */
const FOREIGN = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXW7EgQ0+xGtorEjZAcfJfGTjBc55nZaqncXRwFnv1WMo=";

describe("an encrypted file", () => {
  test.each(["k", "testing123", "x".repeat(40), "schlüssel"])("opens with its key: %s", (key) => {
    const text = "logLevel: debug # ü\n";
    expect(decryptConfig(encryptConfig(text, key, NONCE), key)).toBe(text);
    expect(isEncrypted(encryptConfig(text, key, NONCE), key)).toBe(true);
    expect(isEncrypted(text, key)).toBe(false);
  });

  test("is what libsodium makes", () => {
    expect(encryptConfig("logLevel: debug\n", "testing123", NONCE)).toBe(FOREIGN);
  });

  test("may be broken into lines", () => {
    const lines = encryptConfig("api: yes", "k", NONCE).replace(/.{10}/g, "$&\r\n");
    expect(decryptConfig(`${lines}\n`, "k")).toBe("api: yes");
  });

  test("has bytes of the key beyond 32 ignored, and the rest filled up with zeros", () => {
    const text = encryptConfig("a", "x".repeat(32), NONCE);
    expect(decryptConfig(text, "x".repeat(50))).toBe("a");
    expect(decryptConfig(encryptConfig("a", "k", NONCE), "k\0\0")).toBe("a");
  });
});

test.each<[string, string]>([
  [
    "api: yes\n",
    "illegal base64 data at input byte 3 (with a key in the environment, the file must be encrypt",
  ],
  ["YWJj", "decryption error"],
  ["YWJ", "illegal base64 data at input byte 3"],
  ["=", "illegal base64 data"],
  ["", "decryption error"],
  [encryptConfig("a", "other", NONCE), "decryption error"],
])("%j is refused", (text, message) => {
  expect(() => decryptConfig(text, "k")).toThrow(ConfigError);
  expect(() => decryptConfig(text, "k")).toThrow(message);
});

describe("the keys in the environment", () => {
  const once = encryptConfig("logLevel: debug", "inner", NONCE);

  test("open the file before it is read", () => {
    expect(loadConfig(once, { MTX_CONFKEY: "inner" }, NO_SCHEMES).config.logLevel).toBe("debug");
    expect(loadConfig(once, { RTSP_CONFKEY: "inner" }, NO_SCHEMES).config.logLevel).toBe("debug");
    expect(loadConfig(encryptConfig("api: yes", "", NONCE), { MTX_CONFKEY: "" }, NO_SCHEMES).config.api).toBe(
      true,
    );
  });

  test("open it twice when there are both: first RTSP_CONFKEY, then MTX_CONFKEY", () => {
    const twice = encryptConfig(once, "outer", NONCE);
    const { config } = loadConfig(twice, { MTX_CONFKEY: "inner", RTSP_CONFKEY: "outer" }, NO_SCHEMES);
    expect(config.logLevel).toBe("debug");
    expect(() => loadConfig(twice, { RTSP_CONFKEY: "inner", MTX_CONFKEY: "outer" }, NO_SCHEMES)).toThrow(
      "decryption",
    );
  });
});
