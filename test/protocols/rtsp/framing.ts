import { ProtocolError } from "../../../src/lib/errors.ts";
import { RtspFramer } from "../../../src/protocols/rtsp/proto/framer.ts";

/** A framed item with its headers as pairs and its bytes copied, for comparing. */
export interface PlainItem {
  readonly kind: string;
  readonly start?: string;
  readonly headers?: [string, string][];
  readonly channel?: number;
  readonly bytes: string;
}

/** What came out of a framer, and the error that ended it. */
export interface Framing {
  readonly items: PlainItem[];
  readonly error: string | undefined;
  readonly idle: boolean;
}

/** Feeds `chunks` one after the other. Errors that are no `ProtocolError` pass through. */
export function frame(accept: "requests" | "responses", chunks: Iterable<Uint8Array>): Framing {
  const framer = new RtspFramer(accept);
  const items: PlainItem[] = [];
  try {
    for (const chunk of chunks) {
      let at = 0;
      while (at < chunk.length) {
        const taken = framer.receive(chunk, at);
        if (taken <= 0 || at + taken > chunk.length) throw new Error(`${taken} bytes taken at ${at}`);
        at += taken;
        const item = framer.poll();
        if (item === undefined && at < chunk.length) throw new Error("bytes left, but no item");
        if (item !== undefined) items.push(plain(item));
      }
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { items, error: error.message, idle: framer.idle };
  }
  return { items, error: undefined, idle: framer.idle };
}

/** Cuts bytes into pieces of 1 to 16 bytes, now and then a longer one, from a seed; each piece has its own memory. */
export function* pieces(bytes: Uint8Array, seed: number): Generator<Uint8Array> {
  let state = (seed | 1) >>> 0;
  for (let at = 0; at < bytes.length; ) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const size = (state & 0xf00) === 0 ? 1 + ((state >>> 12) & 0xfff) : 1 + (state & 15);
    yield bytes.slice(at, at + size);
    at += size;
  }
}

/** A seed that depends on all bytes (FNV-1a). */
export function seedOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

function plain(item: NonNullable<ReturnType<RtspFramer["poll"]>>): PlainItem {
  switch (item.kind) {
    case "interleaved":
      return { kind: item.kind, channel: item.channel, bytes: hex(item.payload) };
    case "request": {
      const { method, url, headers, body } = item.request;
      return { kind: item.kind, start: `${method} ${url}`, headers: headers.entries(), bytes: hex(body) };
    }
    case "response": {
      const { status, reason, headers, body } = item.response;
      const bytes = hex(body ?? new Uint8Array(0));
      return { kind: item.kind, start: `${status} ${reason}`, headers: headers.entries(), bytes };
    }
  }
}

function hex(bytes: Uint8Array): string {
  return bytes.toHex();
}
