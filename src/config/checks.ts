import { ConfigError } from "../lib/errors.ts";
import { formatSize } from "../lib/size.ts";
import { pathKeyKind, pathNameProblem } from "./path-name.ts";
import { compilePathRegex } from "./path-regex.ts";
import type { PathValues } from "./path-schema.ts";
import { clip } from "./scalars.ts";
import type { GlobalValues } from "./schema.ts";
import { isRtspUrl, masked, type SourceSchemes, schemeOf } from "./source-scheme.ts";

const MIN_MEDIA_MEMORY = 16 * 1024 ** 2;
const MAX_MEDIA_MEMORY = 2 * 1024 ** 3;
const MIN_STREAM_MEMORY = 8 * 1024 ** 2;
const MAX_STREAM_MEMORY = 1024 ** 3;
const MIN_UDP_PAYLOAD = 128;
const MAX_UDP_PAYLOAD = 1472;

/**
 * Checks ranges, and parameters that contradict each other.
 *
 * @throws {ConfigError} on the first contradiction
 */
export function checkGlobals(config: GlobalValues): void {
  checkLimits(config);
  checkLog(config);
  checkListeners(config);
  const { externalAuthenticationURL: url, authMethods, protocols, encryption } = config;
  if (url !== "" && !/^https?:\/\//.test(url)) {
    throw new ConfigError("'externalAuthenticationURL' must be a HTTP URL");
  }
  if (url !== "" && authMethods.includes("digest")) {
    throw new ConfigError("'externalAuthenticationURL' can't be used when 'digest' is in authMethods");
  }
  if (encryption !== "strict") return;
  for (const [protocol, label] of [
    ["udp", "UDP"],
    ["multicast", "UDP-multicast"],
  ] as const) {
    if (protocols.includes(protocol)) {
      throw new ConfigError(`strict encryption can't be used with the ${label} transport protocol`);
    }
  }
}

function checkLog({ logDestinations, logFile, sysLogPrefix }: GlobalValues): void {
  if (logDestinations.includes("file") && logFile === "") {
    throw new ConfigError("'logFile' must be set when 'logDestinations' has file");
  }
  if (!/^[!-9;-Z\\^-~]{1,48}$/.test(sysLogPrefix)) {
    throw new ConfigError("'sysLogPrefix' must have 1 to 48 visible characters without ':', '[' and ']'");
  }
}

function checkLimits(config: GlobalValues): void {
  for (const key of ["readTimeout", "writeTimeout"] as const) {
    if (config[key] <= 0) throw new ConfigError(`'${key}' must be greater than zero`);
  }
  const { writeQueueSize: queue, udpMaxPayloadSize: payload, mediaMemory, mediaMemoryPerStream } = config;
  if (queue < 0 || (queue !== 0 && !Number.isInteger(Math.log2(queue)))) {
    throw new ConfigError(`'writeQueueSize' must be a power of two (it is ${queue})`);
  }
  if (payload > MAX_UDP_PAYLOAD) {
    throw new ConfigError(`'udpMaxPayloadSize' must be less than ${MAX_UDP_PAYLOAD} (it is ${payload})`);
  }
  if (payload < MIN_UDP_PAYLOAD) {
    throw new ConfigError(`'udpMaxPayloadSize' must be at least ${MIN_UDP_PAYLOAD} (it is ${payload})`);
  }
  if (mediaMemory < MIN_MEDIA_MEMORY || mediaMemory > MAX_MEDIA_MEMORY) {
    throw new ConfigError(`'mediaMemory' must be between 16M and 2G (it is ${formatSize(mediaMemory)})`);
  }
  if (mediaMemoryPerStream < MIN_STREAM_MEMORY || mediaMemoryPerStream > MAX_STREAM_MEMORY) {
    const value = formatSize(mediaMemoryPerStream);
    throw new ConfigError(`'mediaMemoryPerStream' must be between 8M and 1G (it is ${value})`);
  }
}

function checkListeners(config: GlobalValues): void {
  for (const [enabled, key, part] of [
    [config.api, "apiAddress", "API"],
    [config.metrics, "metricsAddress", "metrics"],
    [config.pprof, "pprofAddress", "pprof"],
    [config.rtsp && config.encryption !== "strict", "rtspAddress", "RTSP"],
    [config.rtsp && config.encryption !== "no", "rtspsAddress", "RTSPS"],
    [config.rtmp && config.rtmpEncryption !== "strict", "rtmpAddress", "RTMP"],
    [config.rtmp && config.rtmpEncryption !== "no", "rtmpsAddress", "RTMPS"],
    [config.hls, "hlsAddress", "HLS"],
    [config.webrtc, "webrtcAddress", "WebRTC"],
    [config.srt, "srtAddress", "SRT"],
  ] as const) {
    if (enabled && config[key] === "") throw new ConfigError(`'${key}' must be set when ${part} is enabled`);
  }
}

/**
 * Checks the entries of `paths`, in alphabetical order.
 *
 * @param schemes the sources that can be configured by URL
 * @throws {ConfigError} on the first one that is wrong
 */
export function checkPaths(
  paths: ReadonlyMap<string, PathValues>,
  globals: GlobalValues,
  schemes: SourceSchemes,
): void {
  const cameras = new Map<number, string>();
  const { authMethods, externalAuthenticationURL } = globals;
  const terms = `${authMethods.includes("digest")} ${externalAuthenticationURL !== ""}`;
  for (const name of [...paths.keys()].sort()) {
    const path = paths.get(name) as PathValues;
    const before = CHECKED.get(path);
    const isChecked = before?.terms === `${terms} ${name}` && before.schemes === schemes;
    if (!isChecked) {
      checkKey(name);
      checkSource(path, name, schemes);
    }
    checkCamera(path, name, cameras);
    if (isChecked) continue;
    checkSourceOptions(path, name);
    checkCredentials(path, name, globals);
    checkHooks(path, name);
    CHECKED.set(path, { terms: `${terms} ${name}`, schemes });
  }
}

/** Valid entries and what they were checked against, so that an edit of one of thousands does not check the others again. */
const CHECKED = new WeakMap<PathValues, { readonly terms: string; readonly schemes: SourceSchemes }>();

function checkKey(name: string): void {
  const kind = pathKeyKind(name);
  if (kind === "regex") compilePathRegex(name);
  if (kind !== "static") return;
  const problem = pathNameProblem(name);
  if (problem !== undefined) throw new ConfigError(`invalid path name '${clip(name)}': ${problem}`);
}

function fail(text: string, name: string): never {
  throw new ConfigError(`${text} (paths.${clip(name)})`);
}

function checkSource(path: PathValues, name: string, schemes: SourceSchemes): void {
  const { source } = path;
  if (source === "redirect") checkRedirect(path, name);
  if (source === "publisher" || source === "redirect") return;
  const row = schemes.get(schemeOf(source));
  if (row === undefined && source !== "rpiCamera") fail(`invalid source: '${masked(source)}'`, name);
  if (pathKeyKind(name) !== "static") {
    const kind = row === undefined ? "'rpiCamera' as source" : `a ${row.label}`;
    fail(`a path with a regular expression (or path 'all') cannot have ${kind}. use another path`, name);
  }
  const problem = row?.check(source);
  if (problem !== undefined) fail(problem, name);
}

function checkRedirect({ sourceRedirect }: PathValues, name: string): void {
  if (sourceRedirect === "") fail("source redirect must be filled", name);
  if (!isRtspUrl(sourceRedirect)) fail(`'${masked(sourceRedirect)}' is not a valid RTSP URL`, name);
}

function checkCamera(path: PathValues, name: string, cameras: Map<number, string>): void {
  if (path.source !== "rpiCamera") return;
  const id = path.rpiCameraCamID;
  const other = cameras.get(id);
  if (other !== undefined) {
    const names = `'${clip(name)}' and '${clip(other)}'`;
    throw new ConfigError(`'rpiCamera' with same camera ID ${id} is used as source in two paths, ${names}`);
  }
  cameras.set(id, name);
}

function checkSourceOptions(path: PathValues, name: string): void {
  if (path.sourceOnDemand && path.source === "publisher") {
    fail("'sourceOnDemand' is useless when source is 'publisher'", name);
  }
  if (path.maxReaders < 0) fail(`'maxReaders' must not be negative (it is ${path.maxReaders})`, name);
  const { fallback } = path;
  if (fallback.startsWith("/")) {
    const problem = pathNameProblem(fallback.slice(1));
    if (problem !== undefined) fail(`'${clip(fallback)}': ${problem}`, name);
  } else if (fallback !== "" && !isRtspUrl(fallback)) {
    fail(`'${masked(fallback)}' is not a valid RTSP URL`, name);
  }
}

function checkCredentials(path: PathValues, name: string, globals: GlobalValues): void {
  const { publishUser, publishPass, readUser, readPass, publishIPs, readIPs, source } = path;
  const pair = "read username and password must be both filled";
  if ((publishUser === "") !== (publishPass === "")) fail(pair, name);
  const useless =
    "is useless when source is not 'publisher', since the stream is not provided by a publisher";
  const fixed = "but by a fixed source";
  if (publishUser !== "" && source !== "publisher") fail(`'publishUser' ${useless}, ${fixed}`, name);
  if (publishIPs.length > 0 && source !== "publisher") fail(`'publishIPs' ${useless}, ${fixed}`, name);
  if ((readUser === "") !== (readPass === "")) fail(pair, name);
  const secrets = [publishUser, publishPass, readUser, readPass];
  if (globals.authMethods.includes("digest") && secrets.some((secret) => secret.startsWith("sha256:"))) {
    fail("hashed credentials can't be used when the digest auth method is available", name);
  }
  const guarded = publishUser !== "" || readUser !== "" || publishIPs.length > 0 || readIPs.length > 0;
  if (globals.externalAuthenticationURL !== "" && guarded) {
    fail("credentials or IPs can't be used together with 'externalAuthenticationURL'", name);
  }
}

function checkHooks({ runOnInit, runOnDemand, source }: PathValues, name: string): void {
  if (runOnInit !== "" && pathKeyKind(name) !== "static") {
    fail("a path with a regular expression does not support option 'runOnInit'; use another path", name);
  }
  if (runOnDemand !== "" && source !== "publisher") {
    fail("'runOnDemand' can be used only when source is 'publisher'", name);
  }
}
