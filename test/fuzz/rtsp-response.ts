import { ProtocolError } from "../../src/lib/errors.ts";
import { parsePublic, parseSession } from "../../src/protocols/rtsp/proto/session-header.ts";
import { frame, pieces, seedOf } from "../protocols/rtsp/framing.ts";
import { checkWritten } from "./written.ts";

/** A client's side of a connection: responses, requests of the server, and interleaved frames. */
export const name = "rtsp-response";

/** What servers answer, one per method, and a request of theirs. */
export const seeds: Uint8Array[] = [
  "RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: DESCRIBE, SETUP, PLAY, GET_PARAMETER\r\nServer: gortsplib\r\n\r\n",
  'RTSP/1.0 401 Unauthorized\r\nCSeq: 2\r\nWWW-Authenticate: Basic realm="a"\r\nWWW-Authenticate: Digest realm="a"\r\n\r\n',
  "RTSP/1.0 200 OK\nCSeq: 3\nContent-Length: 5\nContent-Base: rtsp://h/p/\n\nv=0\r\n",
  "RTSP/1.0 200 OK\r\nCSeq: 4\r\nSession: 0a.b-c;timeout=60\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n",
  "RTSP/1.0 200 OK\r\nRTP-Info: url=rtsp://h/p/trackID=0;seq=1;rtptime=2,url=rtsp://h/p/trackID=1;seq=3\r\n\r\n$\x00\x00\x02ab",
  "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\nRTSP/1.0 404 \r\n\r\n",
].map((text) => Uint8Array.from(text, (character) => character.charCodeAt(0)));

/** Frames the input whole and in pieces, compares, and reads what is in the headers. */
export function run(input: Uint8Array): void {
  const whole = frame("responses", [input]);
  const cut = frame("responses", pieces(input, seedOf(input)));
  if (JSON.stringify(whole) !== JSON.stringify(cut)) throw new Error("pieces make a difference");
  for (const { headers } of whole.items) for (const [key, value] of headers ?? []) readHeader(key, value);
  checkWritten("responses", input);
  if (whole.error !== undefined) throw new ProtocolError(whole.error);
}

function readHeader(key: string, value: string): void {
  try {
    HEADERS.get(key.toLowerCase())?.(value);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
  }
}

const HEADERS = new Map<string, (value: string) => void>([
  ["public", parsePublic],
  ["session", parseSession],
]);
