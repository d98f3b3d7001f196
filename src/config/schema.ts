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

/** For the switch of a part that does not exist: it is off, as asked. */
const nothing = (): readonly string[] => [];

const GENERAL_ROWS = {
  logLevel: present(logLevel, "info", "least important lines that are logged"),
  logDestinations: present(logDestinations, ["stdout"], "where log lines go"),
  logFile: present(text, "mediamtx.log", "file that log lines are appended to, for the destination file"),
  logStructured: present(bool, false, "write each line to standard output and file as a JSON object"),
  sysLogPrefix: present(text, "mediamtx", "name of this server in the log of the system"),
  readTimeout: present(duration, 10_000, "longest wait for data from a peer"),
  writeTimeout: present(duration, 10_000, "longest time a peer may take to accept data"),
  readBufferCount: present(int, 0, "old name of writeQueueSize; 0 leaves that alone"),
  writeQueueSize: present(int, 512, "packets a reader may lag behind, a power of two"),
  udpMaxPayloadSize: present(int, 1472, "largest payload of a UDP packet we send, in bytes, 128 to 1472"),
  mediaMemory: present(size, 1024 ** 3, "memory that all streams together may use, 16M to 2G"),
  externalAuthenticationURL: present(secretText, "", "HTTP URL that is asked whether a client may come in"),
  api: present(bool, false, "serve the HTTP API"),
  apiAddress: present(address, "127.0.0.1:9997", "listener of the HTTP API"),
  metrics: present(bool, false, "serve metrics for Prometheus"),
  metricsAddress: present(address, "127.0.0.1:9998", "listener of the metrics"),
  pprof: present(bool, false, "serve profiles of the process"),
  pprofAddress: present(address, "127.0.0.1:9999", "listener of the profiles"),
  runOnConnect: present(text, "", "command to run while a RTSP or RTMP client is connected"),
  runOnConnectRestart: present(bool, false, "start runOnConnect again when it ends by itself"),
  runOnDisconnect: present(text, "", "command to run once when such a client is gone"),
};

const RTSP_ROWS = {
  rtsp: present(bool, true, "serve RTSP"),
  rtspDisable: present(bool, false, "old form of rtsp: no"),
  protocols: present(protocols, ["multicast", "tcp", "udp"], "transports RTSP clients may choose"),
  encryption: present(
    encryption,
    "no",
    'RTSP over TLS: "no", "optional" beside plain RTSP, or "strict" alone',
  ),
  rtspAddress: present(address, ":8554", "listener of RTSP without TLS"),
  rtspsAddress: present(address, ":8322", "listener of RTSP over TLS"),
  rtpAddress: present(address, ":8000", "UDP listener for RTP; its port is even"),
  rtcpAddress: present(address, ":8001", "UDP listener for RTCP; its port is that of RTP plus one"),
  multicastIPRange: present(text, "224.1.0.0/16", "range of addresses that multicast streams are sent to"),
  multicastRTPPort: present(int, 8002, "port of RTP over multicast, even"),
  multicastRTCPPort: present(int, 8003, "port of RTCP over multicast, that of RTP plus one"),
  serverKey: present(text, "server.key", "private key of RTSP over TLS"),
  serverCert: present(text, "server.crt", "certificate of RTSP over TLS"),
  authMethods: present(authMethods, ["basic"], "authentication schemes offered to RTSP clients"),
};

const RTMP_ROWS = {
  rtmp: pending(bool, true, "serve RTMP", nothing),
  rtmpDisable: pending(bool, false, "old form of rtmp: no", nothing),
  rtmpAddress: pending(address, ":1935", "listener of RTMP without TLS"),
  rtmpEncryption: pending(
    encryption,
    "no",
    'RTMP over TLS: "no", "optional" beside plain RTMP, or "strict" alone',
  ),
  rtmpsAddress: pending(address, ":1936", "listener of RTMP over TLS"),
  rtmpServerKey: pending(text, "", "private key of RTMP over TLS"),
  rtmpServerCert: pending(text, "", "certificate of RTMP over TLS"),
};

const HLS_ROWS = {
  hls: present(bool, true, "serve HLS"),
  hlsDisable: present(bool, false, "old form of hls: no"),
  hlsAddress: present(address, ":8888", "listener of HLS"),
  hlsEncryption: present(bool, false, "serve HLS over HTTPS"),
  hlsServerKey: present(text, "server.key", "private key of HLS over HTTPS"),
  hlsServerCert: present(text, "server.crt", "certificate of HLS over HTTPS"),
  hlsAlwaysRemux: present(bool, false, "make the playlist of a stream before anybody asks for it"),
  hlsVariant: present(hlsVariant, "lowLatency", "kind of segments: mpegts, fmp4 or lowLatency"),
  hlsSegmentCount: present(int, 7, "segments a playlist keeps; at least 7 for lowLatency, else 3"),
  hlsSegmentDuration: present(duration, 1_000, "least length of a segment; it ends at a key frame"),
  hlsPartDuration: present(duration, 200, "least length of a part of a segment, for lowLatency"),
  hlsSegmentMaxSize: present(size, 50 * 1024 ** 2, "largest size of a segment"),
  hlsMemory: present(size, 1024 ** 3, "memory that the segments of all playlists together may use"),
  hlsAllowOrigin: present(text, "*", "site whose pages may read HLS, * for all"),
  hlsTrustedProxies: present(networks, [], "proxies whose word about the client's address is taken"),
  hlsDirectory: present(text, "", "folder to keep segments in; they stay in memory without one"),
};

const WEBRTC_ROWS = {
  webrtc: pending(bool, true, "serve WebRTC", nothing),
  webrtcDisable: pending(bool, false, "old form of webrtc: no", nothing),
  webrtcAddress: pending(address, ":8889", "listener of pages, WHIP and WHEP"),
  webrtcEncryption: pending(bool, false, "serve pages, WHIP and WHEP over HTTPS"),
  webrtcServerKey: pending(text, "server.key", "private key of WebRTC's HTTPS"),
  webrtcServerCert: pending(text, "server.crt", "certificate of WebRTC's HTTPS"),
  webrtcAllowOrigin: pending(text, "*", "site whose pages may use WebRTC, * for all"),
  webrtcTrustedProxies: pending(networks, [], "proxies whose word about the client's address is taken"),
  webrtcICEServers: pending(
    { ...textList, secret: true },
    [],
    "old form of webrtcICEServers2, one string each",
  ),
  webrtcICEServers2: pending(
    iceServers,
    [{ url: "stun:stun.l.google.com:19302", username: "", password: "" }],
    "STUN and TURN servers clients may use",
  ),
  webrtcICEHostNAT1To1IPs: pending(
    textList,
    [],
    "public addresses of this machine, for clients beyond a NAT",
  ),
  webrtcICEUDPMuxAddress: pending(
    address,
    "",
    "UDP listener that all WebRTC sessions share; any port without one",
  ),
  webrtcICETCPMuxAddress: pending(
    address,
    "",
    "TCP listener that all WebRTC sessions share; only UDP without one",
  ),
};

const SRT_ROWS = {
  srt: pending(bool, true, "serve SRT", nothing),
  srtAddress: pending(address, ":8890", "UDP listener of SRT"),
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
  if (second !== undefined) throw new ConfigError("a list of allowed origins can have one item here");
  return origin;
}

/** Value of every parameter at the top level. Durations are in ms, sizes in bytes. */
export type GlobalValues = Values<typeof GLOBAL_ROWS>;
