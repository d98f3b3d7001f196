import { expect, test } from "bun:test";
import { ProtocolError } from "../../../src/lib/errors.ts";
import {
  parseTransport,
  readTransport,
  type TransportSpec,
  writeTransport,
} from "../../../src/protocols/rtsp/proto/transport-header.ts";

const TCP: TransportSpec = { protocol: "tcp", delivery: "unicast" };
const UDP: TransportSpec = { protocol: "udp", delivery: "unicast" };

const BOTH_WAYS: [string, TransportSpec][] = [
  ["RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=1A2B3C4D", { ...TCP, interleaved: [0, 1], ssrc: 0x1a2b3c4d }],
  ["RTP/AVP/TCP;unicast;interleaved=2-3", { ...TCP, interleaved: [2, 3] }],
  [
    "RTP/AVP;unicast;client_port=5000-5001;server_port=8000-8001;ssrc=0000000A",
    { ...UDP, clientPort: [5000, 5001], serverPort: [8000, 8001], ssrc: 10 },
  ],
  [
    "RTP/AVP;multicast;destination=224.1.0.1;port=8002-8003;ttl=127;ssrc=FFFFFFFF",
    {
      protocol: "udp",
      delivery: "multicast",
      destination: "224.1.0.1",
      port: [8002, 8003],
      ttl: 127,
      ssrc: 0xffffffff,
    },
  ],
  [
    "RTP/AVP;unicast;source=10.0.0.1;client_port=1-2;mode=play",
    { ...UDP, source: "10.0.0.1", clientPort: [1, 2], mode: "play" },
  ],
  ["RTP/AVP/TCP", { protocol: "tcp", delivery: undefined }],
];

test.each(BOTH_WAYS)("%s is read and written", (text, spec) => {
  expect(parseTransport(text)).toEqual([spec]);
  expect(writeTransport(spec)).toBe(text);
});

test.each([
  // GStreamer, FFmpeg, players with a list, odd devices
  ["RTP/AVP/TCP;unicast;interleaved=0-1;mode=RECORD", [{ ...TCP, interleaved: [0, 1], mode: "record" }]],
  [
    "RTP/AVP/UDP;unicast;client_port=12284-12285;mode=record",
    [{ ...UDP, clientPort: [12284, 12285], mode: "record" }],
  ],
  ['RTP/AVP/TCP;unicast;mode="Play"', [{ ...TCP, mode: "play" }]],
  ["RTP/AVP/TCP;unicast;mode=receive", [{ ...TCP, mode: "record" }]],
  ["rtp/avp/tcp; Unicast ; INTERLEAVED = 4 - 5 ;; layers=1", [{ ...TCP, interleaved: [4, 5] }]],
  ["RTP/AVP;unicast;client_port=5000", [{ ...UDP, clientPort: [5000, 5001] }]],
  ["RTP/AVP;unicast;ssrc= 1 2", [UDP]],
  ["RTP/AVP;unicast;ssrc=123456789", [UDP]],
  ["RTP/AVP;unicast;ssrc=;destination=;source=", [UDP]],
  ["RTP/SAVP;unicast;client_port=x,RTP/AVP/TCP;unicast", [TCP]],
  ["RTP/AVP/UDP;unicast;client_port=1-2,RTP/AVP/TCP;unicast", [{ ...UDP, clientPort: [1, 2] }, TCP]],
  ['x;a=",",RTP/AVP/TCP;unicast', [TCP]],
  ["x/y/z;unicast", []],
  ["", []],
  [",;,", []],
] as [string, TransportSpec[]][])("%p is read", (text, specs) => {
  expect(parseTransport(text)).toEqual(specs);
});

test.each([
  ["RTP/AVP/TCP;unicast;interleaved=2-3;mode=LIVE;ttl=x", { ...TCP, interleaved: [2, 3] }],
  ["RTP/AVP;unicast;interleaved=0-1", { ...TCP, interleaved: [0, 1] }],
  ["X/Y;unicast;server_port=1-2;client_port=-", { ...UDP, serverPort: [1, 2] }],
  ["RTP/AVP/TCP", { protocol: "tcp", delivery: undefined }],
  ["", undefined],
] as [string, TransportSpec | undefined][])("%p is read from a response", (text, spec) => {
  expect(readTransport(text)).toEqual(spec);
});

test("an offer with a malformed parameter is skipped where there is another one", () => {
  expect(parseTransport("RTP/AVP;client_port=x,RTP/AVP/TCP;unicast")).toEqual([TCP]);
});

test.each([
  ["RTP/AVP/TCP;interleaved=x", "invalid interleaved IDs: x"],
  ["RTP/AVP/TCP;interleaved=", "invalid interleaved IDs: "],
  ["RTP/AVP/TCP;interleaved", "invalid interleaved IDs: "],
  ["RTP/AVP/TCP;interleaved=255", "invalid interleaved IDs: 256"],
  ["RTP/AVP/TCP;interleaved=0-256", "invalid interleaved IDs: 256"],
  ["RTP/AVP/TCP;interleaved=0-1-2", "invalid interleaved IDs: 0-1-2"],
  ["RTP/AVP/TCP;interleaved=-1-2", "invalid interleaved IDs: -1-2"],
  ["RTP/AVP;client_port=65536-65537", "invalid client ports: 65536"],
  ["RTP/AVP;server_port=1e3-2", "invalid server ports: 1e3"],
  ["RTP/AVP;port=1-", "invalid ports: "],
  ["RTP/AVP;ttl=256", "invalid TTL: 256"],
  ["RTP/AVP;mode=", "transport header contains a invalid mode ()"],
  ['RTP/AVP;mode="PLAY,RECORD"', 'transport header contains a invalid mode ("PLAY,RECORD")'],
])("%p is refused", (text, message) => {
  expect(() => parseTransport(text)).toThrow(new ProtocolError(message));
});
