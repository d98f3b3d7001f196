import { expect } from "bun:test";
import { RtspClient, type RtspClientOutput } from "../../../src/protocols/rtsp/proto/client.ts";
import type { TransportSpec } from "../../../src/protocols/rtsp/proto/transport-header.ts";
import { parseServerUrl } from "../../../src/protocols/rtsp/proto/url.ts";

/** A description of one track. */
export const SDP = "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:trackID=0\r\n";
/** A transport that a client asks for. */
export const OFFER: TransportSpec = {
  protocol: "tcp",
  delivery: "unicast",
  interleaved: [0, 1],
  mode: "play",
};

/** A request of a client. */
export interface Request {
  readonly method: string;
  readonly url: string;
  readonly headers: ReadonlyMap<string, string>;
}

/** A client and what a camera of ours says to it. */
export class Camera {
  readonly client: RtspClient;
  now = 0;

  constructor(url = "rtsp://cam.example/stream", range = "npt=0-") {
    const random = () => "0123456789abcdef";
    this.client = new RtspClient({ url: parseServerUrl(url), range, timeout: 5_000, random }, this.now);
  }

  output(): RtspClientOutput | undefined {
    return this.client.poll();
  }

  /** The request that the client sends next. */
  asked(): Request {
    const output = this.output();
    if (output?.kind !== "send") throw new Error(`no request, but ${output?.kind}`);
    const [first = "", ...lines] = new TextDecoder().decode(output.bytes).split("\r\n");
    const [method = "", url = ""] = first.split(" ");
    const headers = new Map(lines.filter(Boolean).map((line) => line.split(": ", 2) as [string, string]));
    return { method, url, headers };
  }

  /** Says something; the sequence number is that of the last request, unless there is a line for it. */
  say(text: string): void {
    const bytes = new TextEncoder().encode(text.replaceAll(/\r?\n/g, "\r\n"));
    for (let at = 0; at < bytes.length; ) at += this.client.receive(bytes, at, this.now);
  }

  answer(request: Request, status = "200 OK", headers: Record<string, string> = {}, body = ""): void {
    const all = { CSeq: request.headers.get("CSeq"), "Content-Length": body.length, ...headers };
    const lines = Object.entries(all).map(([key, value]) => `${key}: ${value}\n`);
    this.say(`RTSP/1.0 ${status}\n${lines.join("")}\n`);
    if (body !== "") this.say(body);
  }

  /** Goes through OPTIONS and DESCRIBE. */
  describe(sdp = SDP, headers: Record<string, string> = {}): void {
    this.answer(this.asked(), "200 OK", { Public: "DESCRIBE, SETUP, PLAY, TEARDOWN" });
    this.answer(this.asked(), "200 OK", { "Content-Type": "application/sdp", ...headers }, sdp);
    expect(this.output()?.kind).toBe("described");
  }

  /** Sets up one track and plays. */
  play(session = "abc"): void {
    this.client.setUp([OFFER], this.now);
    this.answer(this.asked(), "200 OK", {
      Session: session,
      Transport: "RTP/AVP/TCP;unicast;interleaved=0-1",
    });
    expect(this.output()?.kind).toBe("setUp");
    expect(this.output()?.kind).toBe("prepared");
    this.client.play(this.now);
    this.answer(this.asked());
    expect(this.output()?.kind).toBe("playing");
  }
}

/** A challenge with the nonce `n1`. */
export function challenge(extra: string): Record<string, string> {
  return { "WWW-Authenticate": `Digest realm="r", nonce="n1"${extra}` };
}
