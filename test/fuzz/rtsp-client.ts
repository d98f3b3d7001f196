import { ProtocolError, SourceError } from "../../src/lib/errors.ts";
import { RtspClient, type RtspClientOutput } from "../../src/protocols/rtsp/proto/client.ts";
import { parseServerUrl } from "../../src/protocols/rtsp/proto/url.ts";

/** What a server says to a source, from OPTIONS to PLAY and after. */
export const name = "rtsp-client";

const SDP =
  "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:trackID=0\r\nm=audio 0 RTP/AVP 8\r\n";
const OK = "RTSP/1.0 200 OK\r\n";
const DESCRIBED = `${OK}Content-Base: rtsp://h:1/p/\r\nContent-Length: ${SDP.length}\r\n\r\n${SDP}`;
const SET_UP = `${OK}Session: ab;timeout=10\r\nTransport: RTP/AVP;unicast;client_port=2-3;server_port=4-5\r\n\r\n`;
const DIGEST = 'RTSP/1.0 401 No\r\nWWW-Authenticate: Digest realm="r", nonce="n", qop="auth"\r\n\r\n';

/** Servers that do what they should, and some that do not. */
export const seeds: Uint8Array[] = [
  `${OK}Public: GET_PARAMETER\r\n\r\n${DESCRIBED}${SET_UP}${SET_UP}${OK}\r\n${OK}\r\n`,
  `${OK}\r\n${DIGEST}${DESCRIBED}${SET_UP}$\x00\x00\x01a${SET_UP}${OK}CSeq: 6\r\n\r\n`,
  `${DIGEST}${OK}\r\n${DIGEST.replace("qop", "stale=true, qop")}${DESCRIBED}RTSP/1.0 461 No\r\n\r\n`,
  `RTSP/1.0 501 No\r\n\r\nRTSP/1.0 302 Found\r\nLocation: rtsp://other/\r\n\r\n`,
  `${OK}\r\nOPTIONS * RTSP/1.0\r\nCSeq: 4\r\n\r\n${DESCRIBED.replace("rtsp://h:1/p/", "nothing")}${SET_UP}`,
].map((text) => Uint8Array.from(text, (character) => character.charCodeAt(0)));

/** Plays the input to a client that goes on as long as it can. */
export function run(input: Uint8Array): void {
  const url = parseServerUrl("rtsp://user:pass@host/stream");
  const client = new RtspClient({ url, range: "npt=0-", timeout: 5_000, random: () => "01234567" }, 0);
  let did = "";
  let now = 0;
  try {
    for (let at = 0; at < input.length; ) {
      const taken = client.receive(input, at, now);
      if (taken === 0) throw new Error("nothing taken");
      at += taken;
      now += 7_000;
      for (let output = client.poll(); output !== undefined; output = client.poll()) {
        did += goOn(client, output, now);
      }
    }
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    throw new ProtocolError(`${did}: ${error.message}`);
  }
  throw new ProtocolError(did);
}

/** Does what is to be done next; returns a letter for it. */
function goOn(client: RtspClient, output: RtspClientOutput, now: number): string {
  if (output.kind === "send") checkRequest(output.bytes);
  else if (output.kind === "described") {
    const offer = { protocol: "udp", delivery: "unicast", clientPort: [2, 3], mode: "play" } as const;
    client.setUp(
      output.stream.description.tracks.map(() => offer),
      now,
    );
  } else if (output.kind === "prepared") client.play(now);
  else if (output.kind === "playing") client.tick(now + 60_000);
  return output.kind[0] as string;
}

/** Nothing that a server says may add lines of its own to a request. */
function checkRequest(bytes: Uint8Array): void {
  const text = new TextDecoder().decode(bytes);
  for (const line of text.split("\r\n")) {
    const isOurs = line === "" || /^[A-Z_]+ rtsp:\S+ RTSP\/1\.0$|^RTSP\/1\.0 \d+ [ -~]+$/.test(line);
    if (
      !isOurs &&
      !/^(User-Agent|CSeq|Accept|Session|Transport|Range|Authorization|Content-Length): /.test(line)
    ) {
      throw new Error(`a line that nobody wrote: ${JSON.stringify(line)}`);
    }
    if (/[\r\n]/.test(line)) throw new Error("a line of two");
  }
}
