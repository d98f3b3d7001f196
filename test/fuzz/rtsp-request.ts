import { ProtocolError } from "../../src/lib/errors.ts";
import { checkDigest, parseAuthorization } from "../../src/protocols/rtsp/proto/auth.ts";
import { findPublisherTrack, parseReaderControl } from "../../src/protocols/rtsp/proto/control.ts";
import { parseSession } from "../../src/protocols/rtsp/proto/session-header.ts";
import { controlBase, parseRtspUrl, writeRtspUrl } from "../../src/protocols/rtsp/proto/url.ts";
import { frame, pieces, seedOf } from "../protocols/rtsp/framing.ts";
import { checkWritten } from "./written.ts";

/** A server's side of a connection: requests and interleaved frames; the URLs, sessions and credentials inside. */
export const name = "rtsp-request";

/** Conversations of a publisher and of a reader, with interleaved frames between. */
export const seeds: Uint8Array[] = [
  "OPTIONS rtsp://u:p%40@[fe80::1%25eth0]:8554/my%20stream?k=a/b RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: Lavf59\r\n\r\n",
  "ANNOUNCE rtsp://h:8554/p RTSP/1.0\r\nContent-Type: application/sdp\r\nCSeq: 2\r\nContent-Length: 5\r\n\r\nv=0\r\n",
  "\r\nSETUP rtsp://h/p/streamid=1 RTSP/1.0\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1;mode=RECORD\nCSeq:3\n\n",
  "SETUP rtsp://h/p?k=v/trackID=0 RTSP/1.0\r\nSession: a.b-c;timeout=60\r\nCSeq: 4\r\n\r\n$\x00\x00\x04abcd$\x01\x00\x00",
  'DESCRIBE rtsp://h/p RTSP/1.0\r\nAuthorization: Digest username="a\\"b", realm=IPCAM, nonce="n", uri="", response=0\r\n\r\n',
  "DESCRIBE rtsp://h/p RTSP/1.0\r\nAuthorization: Basic bWU6c2VjcmV0\r\n\r\n",
  `$\x00\x40\x00${"\x80".repeat(0x4000)}TEARDOWN rtsp://h/p/ RTSP/1.0\r\nCSeq: 5\r\nSession: x\r\n\r\n`,
].map((text) => Uint8Array.from(text, (character) => character.charCodeAt(0)));

/** Frames the input whole and in pieces, compares, and reads what is in the requests. */
export function run(input: Uint8Array): void {
  const whole = frame("requests", [input]);
  const cut = frame("requests", pieces(input, seedOf(input)));
  if (JSON.stringify(whole) !== JSON.stringify(cut)) throw new Error("pieces make a difference");
  for (const { start, headers } of whole.items) {
    if (start !== undefined) quietly(() => readUrl(start.slice(start.indexOf(" ") + 1)));
    const session = headers?.find(([key]) => key.toLowerCase() === "session")?.[1];
    if (session !== undefined) quietly(() => parseSession(session));
    readCredentials((headers ?? []).filter(([key]) => key.toLowerCase() === "authorization"));
  }
  checkWritten("requests", input);
  if (whole.error !== undefined) throw new ProtocolError(whole.error);
}

function readUrl(text: string): void {
  const url = parseRtspUrl(text);
  const again = parseRtspUrl(writeRtspUrl(url));
  if (again.path !== url.path || again.query !== url.query || again.host !== url.host) {
    throw new Error(`another URL came back: ${writeRtspUrl(url)}`);
  }
  const base = parseRtspUrl("rtsp://h/p");
  findPublisherTrack(url, base, ["streamid=0", text, undefined]);
  findPublisherTrack(base, url, ["streamid=0", url.path, url.query]);
  const { track } = parseReaderControl(parseRtspUrl(`${controlBase(url)}trackID=7`));
  if (track !== 7) throw new Error(`another track came back: ${track}`);
  parseReaderControl(url);
}

/** Nothing that is written there may be right, or do anything but be wrong. */
function readCredentials(headers: readonly (readonly string[])[]): void {
  const authorization = parseAuthorization(headers.map(([, value = ""]) => value));
  if (authorization?.scheme !== "digest") return;
  const check = { nonce: "n", method: "DESCRIBE", urls: [""], user: 'a"b', pass: "secret" };
  if (checkDigest(authorization.params, check) === undefined) throw new Error("a digest was guessed");
}

function quietly(call: () => void): void {
  try {
    call();
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
  }
}
