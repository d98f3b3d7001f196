import { expect, test } from "bun:test";
import type { RtspContext } from "../../../src/protocols/rtsp/context.ts";
import { parseTransport } from "../../../src/protocols/rtsp/proto/transport-header.ts";
import { chooseOffer } from "../../../src/protocols/rtsp/transport-choice.ts";

const BOTH = { tcp: true, udp: {} } as unknown as RtspContext;
const TCP = { tcp: true } as unknown as RtspContext;

test.each([
  ["RTP/AVP;unicast;client_port=5000-5001,RTP/AVP/TCP;unicast;interleaved=0-1", BOTH, "udp"],
  ["RTP/AVP;unicast,RTP/AVP/TCP;unicast;interleaved=0-1", BOTH, "tcp"],
  ["RTP/AVP;unicast", BOTH, "udp"],
  ["RTP/AVP;unicast;client_port=5000-5001,RTP/AVP/TCP;unicast;interleaved=0-1", TCP, "tcp"],
  ["RTP/AVP;unicast;client_port=5000-5001", TCP, undefined],
] as const)("of %s the first complete offer that is served is chosen", (header, context, protocol) => {
  expect(chooseOffer(context, parseTransport(header))?.protocol).toBe(protocol);
});
