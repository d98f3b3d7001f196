import { decryptConfig, encryptConfig } from "../../src/config/crypt.ts";
import { addPath, editPath, patchGlobal, removePath } from "../../src/config/edit.ts";
import { configToText } from "../../src/config/json.ts";
import { type LoadedConfig, loadConfig, resolveConfig } from "../../src/config/load.ts";
import { ConfigError, NoEntryError, ProtocolError } from "../../src/lib/errors.ts";
import { matchPath } from "../../src/path/match.ts";
import { SOURCES } from "../support/declared.ts";

/** Name of the target and of its corpus. */
export const name = "config";

const NONCE = new Uint8Array(24).fill(7);
const ENCODER = new TextEncoder();

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
  "pathDefaults: {rtspTransport: tcp}\npaths: {'~(?i)^C(am|\\pL)+[[:digit:]]{1,9}$': , '~^(?P<a>.+?)/\\Q-\\E\\z': , '~\\A[^a-z\\]]|\\x{41}b?': }\n",
  "#env MTX_API=yes\n#env RTSP_READTIMEOUT=3s\n#env MTX_PATHS_CAM_SOURCE=rtsp://x\n#env MTX_PATHS_B_READIPS=1.2.3.4,::1\n" +
    "#env MTX_WEBRTCICESERVERS2_0_URL=turn:x\n#env MTX_HLSALLOWORIGINS=a\n#env MTX_RPICAMERAFPS=1.5\npaths: {cam: }\n",
  '#set {"logLevel":"warn","webrtcICEServers":["stun:x"],"pathDefaults":{"maxReaders":1}}\n' +
    '#add {"source":"rtsp://x","readIPs":["1.2.3.4"]}\n#edit {"maxReaders":7}\npaths: {fuzz: , cam: }\n',
  `#key secret\n${encryptConfig("api: yes\npaths: {a: }\n", "secret", NONCE)}`,
];

/** Configurations that are right; lines that begin with # and a word say what else is done with them. */
export const seeds: Uint8Array[] = TEXTS.map((text) => ENCODER.encode(text));

/** Reads the input as a configuration file and writes it back; a mistake in it is no finding. */
export function run(input: Uint8Array): void {
  const text = new TextDecoder().decode(input);
  const environment: Record<string, string> = {};
  for (const [, variable = "", value = ""] of text.matchAll(/^#env (\w+)=(.*)$/gm)) {
    environment[variable] = value;
  }
  const [line, key] = /^#key (.*)\n/.exec(text) ?? [];
  if (key !== undefined) environment["MTX_CONFKEY"] = key;
  if (text.length < 4_096) checkEncryption(text, key ?? "k");
  try {
    const loaded = loadConfig(line === undefined ? text : text.slice(line.length), environment, SOURCES);
    write(loaded);
    for (const path of ["cam12", "x/a-b", "fuzz"]) matchPath(path, loaded.config.paths);
    edit(loaded, text);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ProtocolError(error.message.replace(/^[\w ]*: /, "")); // which tells kinds of mistakes apart
  }
}

/** Writing a configuration changes nothing: what it was made of makes the same again. */
function write({ source, config }: LoadedConfig): void {
  const written = configToText(config);
  const again = configToText(resolveConfig(source, SOURCES).config);
  if (written !== again) throw new Error("the same source makes two configurations");
}

function edit({ source }: LoadedConfig, text: string): void {
  for (const [, verb, json = ""] of text.matchAll(/^#(set|add|edit) (.*)$/gm)) {
    const patch = parseJson(json);
    if (typeof patch !== "object" || patch === null || Array.isArray(patch)) continue;
    tolerate(() => {
      const edited =
        verb === "set"
          ? patchGlobal(source, patch as never)
          : verb === "edit"
            ? editPath(source, "cam", patch as never)
            : removePath(addPath(source, "~^new(.*)$", patch as never), "fuzz");
      write(resolveConfig(edited, SOURCES));
    });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function checkEncryption(text: string, key: string): void {
  if (decryptConfig(encryptConfig(text, key, NONCE), key) !== text) throw new Error("encryption loses text");
}

function tolerate(job: () => void): void {
  try {
    job();
  } catch (error) {
    if (!(error instanceof ConfigError || error instanceof NoEntryError)) throw error;
  }
}
