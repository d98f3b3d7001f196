import { expect, test } from "bun:test";
import { type Config, loadConfig, type PathConfig } from "../../src/config/load.ts";
import { SOURCES } from "../support/declared.ts";

/** What the usual examples of the reference documentation say, each in its smallest form. */
interface Example {
  readonly text: string;
  readonly globals?: Partial<Config>;
  readonly paths?: Readonly<Record<string, Partial<PathConfig>>>;
}

const EXAMPLES: Readonly<Record<string, Example>> = {
  "a webcam by a command": {
    text: 'paths:\n  cam:\n    runOnInit: ffmpeg -i video="a b" -f rtsp rtsp://localhost:$RTSP_PORT/$MTX_PATH\n    runOnInitRestart: yes\n',
    paths: {
      cam: {
        runOnInit: 'ffmpeg -i video="a b" -f rtsp rtsp://localhost:$RTSP_PORT/$MTX_PATH',
        runOnInitRestart: true,
      },
    },
  },
  "a Raspberry Pi camera": {
    text: "paths:\n  cam:\n    source: rpiCamera\n    rpiCameraWidth: 640\n    rpiCameraHeight: 480\n",
    paths: { cam: { source: "rpiCamera", rpiCameraWidth: 640, rpiCameraHeight: 480 } },
  },
  "a camera with sound by a command of several lines": {
    text: "paths:\n  cam:\n    runOnReady: >\n      gst-launch-1.0\n      rtspsrc ! s.\n    runOnReadyRestart: yes\n  both:\n",
    paths: { cam: { runOnReady: "gst-launch-1.0 rtspsrc ! s.\n", runOnReadyRestart: true }, both: {} },
  },
  "sources of every kind": {
    text:
      "paths:\n  a: {source: 'srt://h'}\n  b: {source: 'wheps://h:8889/p'}\n  c: {source: 'rtsp://u:p@h/p'}\n" +
      "  d: {source: 'rtmp://h'}\n  e: {source: 'http://h/s/index.m3u8'}\n  f: {source: 'udp://238.0.0.1:1234'}\n" +
      "  g: {source: 'rtsp://..', sourceProtocol: tcp}\n  h: {source: 'rtsp://h', sourceOnDemand: yes}\n",
    paths: { b: { source: "wheps://h:8889/p" }, g: { sourceProtocol: "tcp" }, h: { sourceOnDemand: true } },
  },
  "names and passwords": {
    text: "paths:\n  all:\n    publishUser: a\n    publishPass: b\n\n    readUser: c\n    readPass: d\n",
    paths: { all: { publishUser: "a", publishPass: "b", readUser: "c", readPass: "d" } },
  },
  "hashed passwords": {
    text: "paths:\n  all:\n    readUser: sha256:j1tsRqDE/+w=\n    readPass: sha256:BdSWkrdV+ZxF=\n",
    paths: { all: { readUser: "sha256:j1tsRqDE/+w=", readPass: "sha256:BdSWkrdV+ZxF=" } },
  },
  "external authentication": {
    text: "externalAuthenticationURL: http://h/auth\n",
    globals: { externalAuthenticationURL: "http://h/auth" },
  },
  "remuxing beside all": {
    text: "paths:\n  all:\n  original:\n    runOnReady: >\n      ffmpeg\n        -c copy\n    runOnReadyRestart: yes\n",
    paths: { all: {}, original: { runOnReady: "ffmpeg\n  -c copy\n" } },
  },
  "publishing on demand": {
    text: "paths:\n  ondemand:\n    runOnDemand: ffmpeg -re\n    runOnDemandRestart: yes\n",
    paths: { ondemand: { runOnDemand: "ffmpeg -re", runOnDemandRestart: true } },
  },
  "RTSP over TLS": {
    text: "protocols: [tcp]\nencryption: optional\nserverKey: server.key\nserverCert: server.crt\n",
    globals: { protocols: ["tcp"], encryption: "optional" },
  },
  "RTMP over TLS": {
    text: "rtmpEncryption: optional\nrtmpServerKey: server.key\nrtmpServerCert: server.crt\n",
    globals: { rtmpEncryption: "optional", rtmpServerKey: "server.key" },
  },
  "parameters that are indented all the same": {
    text: "  hlsVariant: mpegts\n  hlsPartDuration: 500ms\n  writeQueueSize: 1024\n",
    globals: { hlsVariant: "mpegts", hlsPartDuration: 500, writeQueueSize: 1024 },
  },
  "HLS for Apple devices": {
    text: "hlsEncryption: yes\nhlsServerKey: server.key\nhlsServerCert: server.crt\n",
    globals: { hlsEncryption: true },
  },
  "WebRTC through a NAT": {
    text: "webrtcICEHostNAT1To1IPs: [192.168.x.x]\nwebrtcICEUDPMuxAddress: :8189\nwebrtcICETCPMuxAddress: :8189\n",
    globals: { webrtcICEHostNAT1To1IPs: ["192.168.x.x"], webrtcICEUDPMuxAddress: ":8189" },
  },
  "TURN servers": {
    text: "webrtcICEServers2:\n- url: turn:host:port\n  username: AUTH_SECRET\n  password: secret\n",
    globals: { webrtcICEServers2: [{ url: "turn:host:port", username: "AUTH_SECRET", password: "secret" }] },
  },
  "API, metrics and profiles": {
    text: "api: yes\nmetrics: yes\npprof: yes\n",
    globals: { api: true, metrics: true, pprof: true },
  },
};

test.each(Object.entries(EXAMPLES))("%s", (_, { text, globals = {}, paths = {} }) => {
  const { config } = loadConfig(text, {}, SOURCES);
  expect(config).toMatchObject(globals);
  for (const [name, path] of Object.entries(paths)) expect(config.paths.get(name)).toMatchObject(path);
});

test("the examples of variables", () => {
  const variables = {
    MTX_RTSPADDRESS: "127.0.0.1:8554",
    MTX_PROTOCOLS: "tcp,udp",
    MTX_PATHS_TEST_SOURCE: "rtsp://myurl",
  };
  const { config } = loadConfig("paths:\n  all:\n", variables, SOURCES);
  expect(config).toMatchObject({ rtspAddress: "127.0.0.1:8554", protocols: ["tcp", "udp"] });
  expect(config.paths.get("test")?.source).toBe("rtsp://myurl");
});
