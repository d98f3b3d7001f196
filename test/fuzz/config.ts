import { configToJson } from "../../src/config/json.ts";
import { parseConfig } from "../../src/config/load.ts";
import { ConfigError } from "../../src/lib/errors.ts";

/** Name of the target and of its corpus. */
export const name = "config";

const TEXTS = [
  "",
  "logLevel: debug\nlogDestinations: [stdout]\nreadTimeout: 1m30s\nwriteQueueSize: 1024\npaths:\n  all:\n",
  "API: yes\napiAddress: '[::1]:9997'\nrtspAddress: 0.0.0.0:8554\nrtspTransports: [tcp]\npaths: ~\n",
  "paths:\n  cam: &base\n    source: rtsp://user:pass@[fe80::1%eth0]:554/x\n    readIPs: [10.0.0.0/8, '::1']\n" +
    "  cam2:\n    <<: *base\n    maxReaders: 3\n  '~^x(.*)$': {source: publisher, runOnDemand: a b}\n",
  "webrtcICEServers2: [{url: 'turn:host:3478', username: u, password: p}]\nwebrtcICEServers: ['stun:u:p:host:1']\n",
  "mediaMemory: 1.5GiB\nhlsSegmentMaxSize: 50M\nhlsPartDuration: 200ms\nencryption: 'strict'\nprotocols: [tcp]\n",
  "paths: {a: {publishUser: u, publishPass: 'sha256:x', fallback: /b}, b: {source: redirect, sourceRedirect: rtsp://c/d}}\n",
  "paths:\n  pi: {source: rpiCamera, rpiCameraFPS: 29.97, rpiCameraHFlip: on}\n  u: {source: 'udp://239.0.0.1:1234'}\n",
];

/** Configurations that are right. */
export const seeds: Uint8Array[] = TEXTS.map((text) => new TextEncoder().encode(text));

/** Reads the input as a configuration file and writes it back; a mistake in it is no finding. */
export function run(input: Uint8Array): void {
  try {
    JSON.stringify(configToJson(parseConfig(new TextDecoder().decode(input))));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
  }
}
