/** Parameters of `a=fmtp` by name, in lower case; undefined: left out. */
export type Fmtp = Readonly<Record<string, string | undefined>>;

/** What a description says of a codec. */
export interface FormatText {
  /** Value of `a=rtpmap` behind the payload type. */
  readonly rtpmap: string;
  readonly fmtp?: Fmtp;
}

export function writeBase64(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes).toString("base64");
}

/** Undefined when nothing is in it. */
export function readBase64(text: string | undefined): Uint8Array | undefined {
  const bytes = text === undefined ? undefined : Buffer.from(text, "base64");
  return bytes === undefined || bytes.length === 0 ? undefined : bytes;
}

export function writeHex(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes).toString("hex");
}

/** Undefined when it is not whole bytes. */
export function readHex(text: string | undefined): Uint8Array | undefined {
  return text !== undefined && /^([0-9a-f]{2})+$/i.test(text) ? Buffer.from(text, "hex") : undefined;
}
