import { ProtocolError } from "../../src/lib/errors.ts";
import { RtspFramer } from "../../src/protocols/rtsp/proto/framer.ts";
import { Base64Decoder, readTunnelRequest } from "../../src/protocols/rtsp/proto/http-tunnel.ts";
import { WebSocketReader } from "../../src/protocols/rtsp/proto/websocket.ts";
import { pieces, seedOf } from "../protocols/rtsp/framing.ts";
import { maskedFrame, plainFrame } from "../protocols/rtsp/websocket-frames.ts";

/** What comes through tunnels of RTSP: the request or response that begins one, Base64, WebSocket frames. */
export const name = "tunnel";

const TEXT = new TextEncoder().encode("OPTIONS rtsp://h/p RTSP/1.0\r\nCSeq: 1\r\n\r\n");
const GET =
  "GET /p HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: rtsp.onvif.org\r\n\r\n";
const POST = "POST /p HTTP/1.0\r\nx-sessioncookie: a\r\nContent-Type: application/x-rtsp-tunnelled\r\n\r\n";

/** Requests and responses, and what follows them. */
export const seeds: Uint8Array[] = [
  Buffer.concat([
    Buffer.from(GET),
    maskedFrame(2, TEXT),
    maskedFrame(9, TEXT),
    maskedFrame(8, TEXT.subarray(0, 2)),
  ]),
  Buffer.concat([Buffer.from(GET), maskedFrame(1, TEXT, false), maskedFrame(0, new Uint8Array(300))]),
  Buffer.concat([
    Buffer.from(GET),
    maskedFrame(2, new Uint8Array(66_000)),
    maskedFrame(10, new Uint8Array(0)),
  ]),
  Buffer.from(`${POST}${btoa("a")}${btoa("OPTIONS")}\r\n${btoa("abcd").slice(0, 3)}`),
  Buffer.from(POST.replace("POST", "GET").replace("Content-Type", "Accept")),
  Buffer.concat([
    Buffer.from("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"),
    plainFrame(2, TEXT),
    plainFrame(9, TEXT),
    plainFrame(8, TEXT.subarray(0, 2)),
  ]),
].map((bytes) => new Uint8Array(bytes));

/** Reads the input whole and in pieces, and compares. */
export function run(input: Uint8Array): void {
  const whole = read([input.slice()]);
  const cut = read([...pieces(input, seedOf(input))].map((piece) => piece.slice()));
  if (whole.text !== cut.text || whole.error !== cut.error) throw new Error("pieces make a difference");
  if (whole.error !== undefined) throw new ProtocolError(whole.error);
}

function read(chunks: readonly Uint8Array[]): { text: string; error: string | undefined } {
  let text = "";
  const take = (bytes: Uint8Array) => {
    text += Buffer.from(bytes).toString("latin1");
  };
  const framer = new RtspFramer(chunks[0]?.[0] === 0x48 ? "HTTP responses" : "requests");
  let next: ((chunk: Uint8Array) => void) | undefined;
  const begin = (chunk: Uint8Array): void => {
    const taken = framer.receive(chunk, 0);
    const item = framer.poll();
    if (item === undefined) {
      if (taken < chunk.length) begin(chunk.subarray(taken));
      return;
    }
    const kind = item.kind === "request" ? readTunnelRequest(item.request)?.kind : "websocket";
    text += `${kind}:`;
    if (kind === "websocket") {
      const events = {
        data: take,
        ping: take,
        close: () => {
          text += "close";
        },
      };
      const reader = new WebSocketReader(events, item.kind === "request" ? "client" : "server");
      next = (bytes) => reader.receive(bytes);
    } else {
      const decoder = new Base64Decoder();
      next = (bytes) => decoder.receive(bytes, take);
    }
    next(chunk.subarray(taken));
  };
  try {
    for (const chunk of chunks) (next ?? begin)(chunk);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { text: next === undefined ? text : "", error: error.message };
  }
  return { text, error: undefined };
}
