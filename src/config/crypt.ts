import { ConfigError } from "../lib/errors.ts";

const NONCE_BYTES = 24;
const KEY_BYTES = 32;
const ENCODER = new TextEncoder();

/**
 * Encrypts a configuration file: base64 of a nonce and the NaCl secretbox of the file
 * (XSalsa20, Poly1305).
 *
 * @param key padded with zeros or cut to 32 bytes
 * @param nonce 24 bytes that are unique for this key
 */
export function encryptConfig(text: string, key: string, nonce: Uint8Array): string {
  const box = nacl().secretbox(ENCODER.encode(text), nonce, keyBytes(key));
  const bytes = new Uint8Array(NONCE_BYTES + box.length);
  bytes.set(nonce);
  bytes.set(box, NONCE_BYTES);
  return bytes.toBase64();
}

/**
 * Decrypts the output of {@link encryptConfig}. Line breaks are ignored.
 *
 * @throws {ConfigError} if it is no base64, or the key is another one
 */
export function decryptConfig(text: string, key: string): string {
  const bytes = parseBase64(text.replace(/[\r\n]/g, ""));
  const nonce = bytes.subarray(0, NONCE_BYTES);
  const opened =
    nonce.length < NONCE_BYTES
      ? null
      : nacl().secretbox.open(bytes.subarray(NONCE_BYTES), nonce, keyBytes(key));
  if (opened === null) {
    throw new ConfigError("decryption error (the key is wrong, or the configuration file is damaged)");
  }
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(opened);
}

/** Whether a text is encrypted with this key. */
export function isEncrypted(text: string, key: string): boolean {
  try {
    decryptConfig(text, key);
    return true;
  } catch (error) {
    if (error instanceof ConfigError) return false;
    throw error;
  }
}

/** Standard alphabet, with padding. */
function parseBase64(text: string): Uint8Array {
  const valid = /^[A-Za-z0-9+/]*={0,2}/.exec(text)?.[0].length ?? 0;
  if (valid === text.length && text.length % 4 === 0) {
    try {
      return Uint8Array.fromBase64(text);
    } catch {
      // padding in the wrong place: reported below
    }
  }
  throw new ConfigError(
    `illegal base64 data at input byte ${valid} (with a key in the environment, the file must be encrypted)`,
  );
}

/** Loaded only for an encrypted file, so that the server starts sooner. */
function nacl(): typeof import("tweetnacl") {
  return require("tweetnacl");
}

function keyBytes(key: string): Uint8Array {
  const bytes = new Uint8Array(KEY_BYTES);
  bytes.set(ENCODER.encode(key).subarray(0, KEY_BYTES));
  return bytes;
}
