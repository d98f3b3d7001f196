import { ProtocolError } from "../../src/lib/errors.ts";
import { type Framed, RtspFramer } from "../../src/protocols/rtsp/proto/framer.ts";
import { RtspHeaders } from "../../src/protocols/rtsp/proto/headers.ts";
import { writeRequest } from "../../src/protocols/rtsp/proto/request.ts";
import { writeResponse } from "../../src/protocols/rtsp/proto/response.ts";

/** Writes every message that is found in `input` and reads it again: nothing may have changed. */
export function checkWritten(accept: "requests" | "responses", input: Uint8Array): void {
  const framer = new RtspFramer(accept);
  let at = 0;
  try {
    while (at < input.length) {
      at += framer.receive(input, at);
      const item = framer.poll();
      if (item !== undefined && item.kind !== "interleaved") checkMessage(accept, item);
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
  }
}

type Message = Exclude<Framed, { readonly kind: "interleaved" }>;

function checkMessage(accept: "requests" | "responses", message: Message): void {
  const bytes = message.kind === "request" ? writeRequest(message.request) : writeResponse(message.response);
  const framer = new RtspFramer(accept);
  framer.receive(bytes, 0);
  const again = framer.poll();
  if (again === undefined || again.kind === "interleaved" || plain(again) !== plain(message)) {
    throw new Error(`another message came back: ${new TextDecoder().decode(bytes)}`);
  }
}

function plain(message: Message): string {
  const whole = message.kind === "request" ? message.request : message.response;
  const start =
    message.kind === "request" ? [message.request.method, message.request.url] : [message.response.status];
  const copy = RtspHeaders.from({});
  for (const [name, value] of whole.headers.entries()) copy.add(name, value);
  copy.set("Content-Length", String(whole.body?.length ?? 0));
  return JSON.stringify([start, copy.entries(), Array.from(whole.body ?? [])]);
}
