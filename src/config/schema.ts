import { ConfigError } from "../lib/errors.ts";
import type { LogLevel } from "../lib/log.ts";
import { iceServers } from "./ice-servers.ts";
import { type Aliases, aliasesOf, pending, present, type Values } from "./row.ts";
import {
  address,
  bool,
  choice,
  choices,
  duration,
  encryption,
  int,
  type Kind,
  networks,
  secretText,
  size,
  text,
  textList,
} from "./scalars.ts";
import type { Tree } from "./tree.ts";

const logLevel: Kind<LogLevel> = choice(["error", "warn", "info", "debug"], "invalid log level:", "");
const logDestinations = choices(["stdout", "file", "syslog"], {
  problem: "invalid log destination:",
  quoted: false,
  twice: "log destination set twice",
});
const protocols = choices(["udp", "multicast", "tcp"], { problem: "invalid protocol:", quoted: false });
const authMethods = choices(["basic", "digest"], { problem: "invalid authentication method:", quoted: true });
const hlsVariant = choice(["mpegts", "fmp4", "lowLatency"], "invalid HLS variant:", "");

/** For the switch of a part that is not implemented: off has an effect. */
const nothing = (): readonly string[] => [];

const GENERAL_ROWS = {
  logLevel: present(logLevel, "info", "least severe level that is logged"),
  logDestinations: present(logDestinations, ["stdout"], "destinations of log lines"),
  logFile: present(text, "mediamtx.log", "log file, for the destination file"),
  logStructured: present(bool, false, "write log lines to stdout and file as JSON objects"),
  sysLogPrefix: present(text, "mediamtx", "tag of this server's messages in syslog"),
  readTimeout: present(duration, 10_000, "how long to wait for data from a peer"),
  writeTimeout: present(duration, 10_000, "how long a peer may take to accept data"),
  readBufferCount: present(int, 0, "old name of writeQueueSize; 0 has no effect"),
  writeQueueSize: present(int, 512, "packets a reader may lag behind, a power of two"),
  udpMaxPayloadSize: present(int, 1472, "maximum payload of outgoing UDP packets in bytes, 128 to 1472"),
  mediaMemory: present(size, 1024 ** 3, "memory limit for the media of all streams, 16M to 2G"),
  mediaMemoryPerStream: present(
    size,
    256 * 1024 ** 2,
    "memory limit for the media of one stream, 8M to 1G, and never more than half of mediaMemory",
  ),
  externalAuthenticationURL: present(secretText, "", "HTTP URL of an external authentication server"),
  api: present(bool, false, "enable the HTTP API"),
  apiAddress: present(address, "127.0.0.1:9997", "address of the HTTP API listener"),
  metrics: present(bool, false, "enable Prometheus metrics"),
  metricsAddress: present(address, "127.0.0.1:9998", "address of the metrics listener"),
  pprof: present(bool, false, "enable profiling endpoints"),
  pprofAddress: present(address, "127.0.0.1:9999", "address of the profiling listener"),
  runOnConnect: present(text, "", "command to run while an RTSP or RTMP client is connected"),
  runOnConnectRestart: present(bool, false, "restart runOnConnect when it exits by itself"),
  runOnDisconnect: present(text, "", "command to run once when such a client has disconnected"),
};

const RTSP_ROWS = {
  rtsp: present(bool, true, "enable the RTSP server"),
  rtspDisable: present(bool, false, "old form of rtsp: no"),
  protocols: present(protocols, ["multicast", "tcp", "udp"], "transports that RTSP clients may use"),
  encryption: present(
    encryption,
    "no",
    'RTSPS: "no", "optional" (alongside plain RTSP) or "strict" (RTSPS only)',
  ),
  rtspAddress: present(address, ":8554", "address of the RTSP listener"),
  rtspsAddress: present(address, ":8322", "address of the RTSPS listener"),
  rtpAddress: present(address, ":8000", "address of the UDP listener for RTP; the port must be even"),
  rtcpAddress: present(
    address,
    ":8001",
    "address of the UDP listener for RTCP; the port must be the RTP port plus one",
  ),
  multicastIPRange: present(text, "224.1.0.0/16", "address range for multicast streams"),
  multicastRTPPort: present(int, 8002, "multicast RTP port, even"),
  multicastRTCPPort: present(int, 8003, "multicast RTCP port, the RTP port plus one"),
  serverKey: present(text, "server.key", "private key of the RTSPS server"),
  serverCert: present(text, "server.crt", "certificate of the RTSPS server"),
  authMethods: present(authMethods, ["basic"], "authentication methods offered to RTSP clients"),
};

const RTMP_ROWS = {
  rtmp: present(bool, true, "enable the RTMP server"),
  rtmpDisable: present(bool, false, "old form of rtmp: no"),
  rtmpAddress: present(address, ":1935", "address of the RTMP listener"),
  rtmpEncryption: present(
    encryption,
    "no",
    'RTMPS: "no", "optional" (alongside plain RTMP) or "strict" (RTMPS only)',
  ),
  rtmpsAddress: present(address, ":1936", "address of the RTMPS listener"),
  rtmpServerKey: present(text, "", "private key of the RTMPS server"),
  rtmpServerCert: present(text, "", "certificate of the RTMPS server"),
};

const HLS_ROWS = {
  hls: present(bool, true, "enable the HLS server"),
  hlsDisable: present(bool, false, "old form of hls: no"),
  hlsAddress: present(address, ":8888", "address of the HLS listener"),
  hlsEncryption: present(bool, false, "enable HTTPS on the HLS server"),
  hlsServerKey: present(text, "server.key", "private key of the HLS server"),
  hlsServerCert: present(text, "server.crt", "certificate of the HLS server"),
  hlsAlwaysRemux: present(
    bool,
    false,
    "start muxing as soon as a stream is available instead of on the first request",
  ),
  hlsVariant: present(hlsVariant, "lowLatency", "HLS variant: mpegts, fmp4 or lowLatency"),
  hlsSegmentCount: present(
    int,
    7,
    "number of segments in a playlist; at least 7 for lowLatency, otherwise 3",
  ),
  hlsSegmentDuration: present(duration, 1_000, "minimum duration of a segment; segments end at key frames"),
  hlsPartDuration: present(duration, 200, "minimum duration of a part of a segment, for lowLatency"),
  hlsSegmentMaxSize: present(size, 50 * 1024 ** 2, "maximum size of a segment"),
  hlsMemory: present(size, 1024 ** 3, "memory limit for the segments of all playlists"),
  hlsAllowOrigin: present(text, "*", "origin allowed to read HLS from web pages, * for all"),
  hlsTrustedProxies: present(
    networks,
    [],
    "addresses or ranges of proxies whose X-Forwarded-For header is trusted",
  ),
  hlsDirectory: present(text, "", "folder for segments; empty to keep them in memory"),
};

const WEBRTC_ROWS = {
  webrtc: pending(bool, true, "enable the WebRTC server", nothing),
  webrtcDisable: pending(bool, false, "old form of webrtc: no", nothing),
  webrtcAddress: pending(address, ":8889", "address of the listener for pages, WHIP and WHEP"),
  webrtcEncryption: pending(bool, false, "enable HTTPS on the WebRTC server"),
  webrtcServerKey: pending(text, "server.key", "private key of the WebRTC server"),
  webrtcServerCert: pending(text, "server.crt", "certificate of the WebRTC server"),
  webrtcAllowOrigin: pending(text, "*", "origin allowed to use WebRTC from web pages, * for all"),
  webrtcTrustedProxies: pending(
    networks,
    [],
    "addresses or ranges of proxies whose X-Forwarded-For header is trusted",
  ),
  webrtcICEServers: pending(
    { ...textList, secret: true },
    [],
    "old form of webrtcICEServers2, one string per server",
  ),
  webrtcICEServers2: pending(
    iceServers,
    [{ url: "stun:stun.l.google.com:19302", username: "", password: "" }],
    "STUN and TURN servers",
  ),
  webrtcICEHostNAT1To1IPs: pending(
    textList,
    [],
    "public IP addresses of this machine, if it is behind a NAT",
  ),
  webrtcICEUDPMuxAddress: pending(
    address,
    "",
    "address of a UDP listener shared by all WebRTC sessions; empty to use random ports",
  ),
  webrtcICETCPMuxAddress: pending(
    address,
    "",
    "address of a TCP listener shared by all WebRTC sessions; empty for UDP only",
  ),
};

const SRT_ROWS = {
  srt: pending(bool, true, "enable the SRT server", nothing),
  srtAddress: pending(address, ":8890", "address of the SRT listener (UDP)"),
};

const ORIGINS = { anyOf: [{ type: ["array", "null"], items: { type: "string" }, maxItems: 1 }] };

/** Every parameter at the top level of the file but `paths`, in the order the API shows them. */
export const GLOBAL_ROWS = {
  ...GENERAL_ROWS,
  ...RTSP_ROWS,
  ...RTMP_ROWS,
  ...HLS_ROWS,
  ...WEBRTC_ROWS,
  ...SRT_ROWS,
};

/** Names of v1.20.1 and the parameters they stand for. */
export const GLOBAL_ALIASES: Aliases = aliasesOf([
  { name: "authHTTPAddress", key: "externalAuthenticationURL" },
  { name: "rtspTransports", key: "protocols" },
  { name: "rtspEncryption", key: "encryption" },
  { name: "rtspServerKey", key: "serverKey" },
  { name: "rtspServerCert", key: "serverCert" },
  { name: "rtspAuthMethods", key: "authMethods" },
  { name: "hlsAllowOrigins", key: "hlsAllowOrigin", convert: onlyOne, shape: ORIGINS },
  { name: "webrtcAllowOrigins", key: "webrtcAllowOrigin", convert: onlyOne, shape: ORIGINS },
  { name: "webrtcLocalUDPAddress", key: "webrtcICEUDPMuxAddress" },
  { name: "webrtcLocalTCPAddress", key: "webrtcICETCPMuxAddress" },
  { name: "webrtcAdditionalHosts", key: "webrtcICEHostNAT1To1IPs" },
]);

/** The one origin of a list of origins. */
function onlyOne(origins: Tree): Tree {
  if (!Array.isArray(origins)) return origins;
  const [origin = "", second] = origins as readonly Tree[];
  if (second !== undefined) throw new ConfigError("only one allowed origin is supported");
  return origin;
}

/** Value of every parameter at the top level. Durations are in ms, sizes in bytes. */
export type GlobalValues = Values<typeof GLOBAL_ROWS>;
