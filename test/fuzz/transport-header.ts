import { parseTransport, writeTransport } from "../../src/protocols/rtsp/proto/transport-header.ts";

/** The Transport header of requests and responses. */
export const name = "transport-header";

/** What clients send and servers answer. */
export const seeds: Uint8Array[] = [
  "RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=1A2B3C4D",
  "RTP/AVP/TCP;unicast;interleaved=2-3;mode=RECORD",
  "RTP/AVP;unicast;client_port=5000-5001;server_port=8000-8001;ssrc=0000000A",
  'RTP/AVP/UDP;unicast;client_port=12284;mode="play", RTP/AVP/TCP;unicast;interleaved=0-1',
  "RTP/AVP;multicast;destination=224.1.0.1;port=8002-8003;ttl=127;source=10.0.0.1",
].map((text) => new TextEncoder().encode(text));

/** Reads, writes, and reads again. */
export function run(input: Uint8Array): void {
  for (const spec of parseTransport(new TextDecoder().decode(input))) {
    const again = parseTransport(writeTransport(spec));
    // an address with a comma, a semicolon or a quote cannot be written back
    if (/[,;"]/.test(`${spec.destination}${spec.source}`)) continue;
    if (!Bun.deepEquals(again, [spec]))
      throw new Error(`another transport came back: ${writeTransport(spec)}`);
  }
}
