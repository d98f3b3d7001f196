import { ConfigError } from "../lib/errors.ts";
import { formatSize } from "../lib/size.ts";
import { type Report, reporting, throwFirst } from "./mistakes.ts";
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

/** Takes what is wrong, and the parameters that it is about, the most telling one first. */
type Fail = (text: string, ...about: string[]) => void;

/**
 * Checks ranges, and parameters that contradict each other.
 *
 * @throws {ConfigError} on the first contradiction, without `report`
 */
export function checkGlobals(config: GlobalValues, report: Report = throwFirst): void {
  const fail: Fail = (text, ...about) => report({ error: new ConfigError(text), place: [], about });
  checkLimits(config, fail);
  checkLog(config, fail);
  checkListeners(config, fail);
  const { externalAuthenticationURL: url, authMethods, protocols, encryption } = config;
  if (url !== "" && !/^https?:\/\//.test(url)) {
    fail("'externalAuthenticationURL' must be a HTTP URL", "externalAuthenticationURL");
  }
  if (url !== "" && authMethods.includes("digest")) {
    const text = "'externalAuthenticationURL' can't be used when 'digest' is in authMethods";
    fail(text, "externalAuthenticationURL", "authMethods");
  }
  if (encryption !== "strict") return;
  for (const [protocol, label] of [
    ["udp", "UDP"],
    ["multicast", "UDP-multicast"],
  ] as const) {
    if (protocols.includes(protocol)) {
      const text = `strict encryption can't be used with the ${label} transport protocol`;
      fail(text, "encryption", "protocols");
    }
  }
}

function checkLog({ logDestinations, logFile, sysLogPrefix }: GlobalValues, fail: Fail): void {
  if (logDestinations.includes("file") && logFile === "") {
    fail("'logFile' must be set when 'logDestinations' has file", "logFile", "logDestinations");
  }
  if (!/^[!-9;-Z\\^-~]{1,48}$/.test(sysLogPrefix)) {
    fail("'sysLogPrefix' must have 1 to 48 visible characters without ':', '[' and ']'", "sysLogPrefix");
  }
}

function checkLimits(config: GlobalValues, fail: Fail): void {
  for (const key of ["readTimeout", "writeTimeout"] as const) {
    if (config[key] <= 0) fail(`'${key}' must be greater than zero`, key);
  }
  const { writeQueueSize: queue, udpMaxPayloadSize: payload, mediaMemory, mediaMemoryPerStream } = config;
  if (queue < 0 || (queue !== 0 && !Number.isInteger(Math.log2(queue)))) {
    const text = `'writeQueueSize' must be a power of two (it is ${queue})`;
    fail(text, config.readBufferCount !== 0 ? "readBufferCount" : "writeQueueSize");
  }
  if (payload > MAX_UDP_PAYLOAD) {
    const text = `'udpMaxPayloadSize' must be less than ${MAX_UDP_PAYLOAD} (it is ${payload})`;
    fail(text, "udpMaxPayloadSize");
  }
  if (payload < MIN_UDP_PAYLOAD) {
    const text = `'udpMaxPayloadSize' must be at least ${MIN_UDP_PAYLOAD} (it is ${payload})`;
    fail(text, "udpMaxPayloadSize");
  }
  if (mediaMemory < MIN_MEDIA_MEMORY || mediaMemory > MAX_MEDIA_MEMORY) {
    fail(`'mediaMemory' must be between 16M and 2G (it is ${formatSize(mediaMemory)})`, "mediaMemory");
  }
  if (mediaMemoryPerStream < MIN_STREAM_MEMORY || mediaMemoryPerStream > MAX_STREAM_MEMORY) {
    const value = formatSize(mediaMemoryPerStream);
    const text = `'mediaMemoryPerStream' must be between 8M and 1G (it is ${value})`;
    fail(text, "mediaMemoryPerStream");
  }
}

function checkListeners(config: GlobalValues, fail: Fail): void {
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
    if (enabled && config[key] === "") fail(`'${key}' must be set when ${part} is enabled`, key);
  }
}

/**
 * Checks the entries of `paths`, in alphabetical order.
 *
 * @param schemes the sources that can be configured by URL
 * @throws {ConfigError} on the first one that is wrong, without `report`
 */
export function checkPaths(
  paths: ReadonlyMap<string, PathValues>,
  globals: GlobalValues,
  schemes: SourceSchemes,
  report: Report = throwFirst,
): void {
  const cameras = new Map<number, string>();
  const { authMethods, externalAuthenticationURL } = globals;
  const terms = `${authMethods.includes("digest")} ${externalAuthenticationURL !== ""}`;
  for (const name of [...paths.keys()].sort()) {
    const path = paths.get(name) as PathValues;
    const before = CHECKED.get(path);
    const isChecked = before?.terms === `${terms} ${name}` && before.schemes === schemes;
    let isRight = true;
    const tell = (error: ConfigError, about: readonly string[]) => {
      isRight = false;
      report({ error, place: ["paths", name], about });
    };
    const fail: Fail = (text, ...about) => tell(new ConfigError(`${text} (paths.${clip(name)})`), about);
    if (!isChecked) {
      checkKey(name, (error) => tell(error, []));
      checkSource(path, name, { schemes, fail });
    }
    checkCamera(path, name, { cameras, report });
    if (isChecked) continue;
    checkSourceOptions(path, fail);
    checkCredentials(path, globals, fail);
    checkHooks(path, name, fail);
    if (isRight) CHECKED.set(path, { terms: `${terms} ${name}`, schemes });
  }
}

/** Valid entries and what they were checked against, so that an edit of one of thousands does not check the others again. */
const CHECKED = new WeakMap<PathValues, { readonly terms: string; readonly schemes: SourceSchemes }>();

function checkKey(name: string, tell: (error: ConfigError) => void): void {
  const kind = pathKeyKind(name);
  if (kind === "regex")
    reporting(
      ({ error }) => tell(error),
      [],
      () => compilePathRegex(name),
    );
  if (kind !== "static") return;
  const problem = pathNameProblem(name);
  if (problem !== undefined) tell(new ConfigError(`invalid path name '${clip(name)}': ${problem}`));
}

interface SourceCheck {
  readonly schemes: SourceSchemes;
  readonly fail: Fail;
}

function checkSource(path: PathValues, name: string, { schemes, fail }: SourceCheck): void {
  const { source } = path;
  if (source === "redirect") checkRedirect(path, fail);
  if (source === "publisher" || source === "redirect") return;
  const row = schemes.get(schemeOf(source));
  if (row === undefined && source !== "rpiCamera") {
    fail(`invalid source: '${masked(source)}'`, "source");
    return;
  }
  if (pathKeyKind(name) !== "static") {
    const kind = row === undefined ? "'rpiCamera' as source" : `a ${row.label}`;
    fail(`a path with a regular expression (or path 'all') cannot have ${kind}. use another path`, "source");
  }
  const problem = row?.check(source);
  if (problem !== undefined) fail(problem, "source");
}

function checkRedirect({ sourceRedirect }: PathValues, fail: Fail): void {
  const about = ["sourceRedirect", "source"];
  if (sourceRedirect === "") fail("source redirect must be filled", ...about);
  else if (!isRtspUrl(sourceRedirect)) fail(`'${masked(sourceRedirect)}' is not a valid RTSP URL`, ...about);
}

interface CameraCheck {
  /** Names of the paths so far, by camera. */
  readonly cameras: Map<number, string>;
  readonly report: Report;
}

function checkCamera(path: PathValues, name: string, { cameras, report }: CameraCheck): void {
  if (path.source !== "rpiCamera") return;
  const id = path.rpiCameraCamID;
  const other = cameras.get(id);
  if (other !== undefined) {
    const names = `'${clip(other)}' and '${clip(name)}'`;
    const text = `'rpiCamera' with same camera ID ${id} is used as source in two paths, ${names}`;
    const about = ["rpiCameraCamID", "source"];
    report({ error: new ConfigError(text), place: ["paths", name], about });
  }
  cameras.set(id, name);
}

function checkSourceOptions(path: PathValues, fail: Fail): void {
  if (path.sourceOnDemand && path.source === "publisher") {
    fail("'sourceOnDemand' is useless when source is 'publisher'", "sourceOnDemand", "source");
  }
  if (path.maxReaders < 0) {
    fail(`'maxReaders' must not be negative (it is ${path.maxReaders})`, "maxReaders");
  }
  const { fallback } = path;
  if (fallback.startsWith("/")) {
    const problem = pathNameProblem(fallback.slice(1));
    if (problem !== undefined) fail(`'${clip(fallback)}': ${problem}`, "fallback");
  } else if (fallback !== "" && !isRtspUrl(fallback)) {
    fail(`'${masked(fallback)}' is not a valid RTSP URL`, "fallback");
  }
}

function checkCredentials(path: PathValues, globals: GlobalValues, fail: Fail): void {
  const { publishUser, publishPass, readUser, readPass, publishIPs, readIPs, source } = path;
  const pair = "read username and password must be both filled";
  const own = ["publishUser", "publishPass", "readUser", "readPass"];
  if ((publishUser === "") !== (publishPass === "")) fail(pair, "publishUser", "publishPass");
  const useless =
    "is useless when source is not 'publisher', since the stream is not provided by a publisher";
  const fixed = "but by a fixed source";
  if (publishUser !== "" && source !== "publisher") {
    fail(`'publishUser' ${useless}, ${fixed}`, "publishUser", "source");
  }
  if (publishIPs.length > 0 && source !== "publisher") {
    fail(`'publishIPs' ${useless}, ${fixed}`, "publishIPs", "source");
  }
  if ((readUser === "") !== (readPass === "")) fail(pair, "readUser", "readPass");
  const secrets = [publishUser, publishPass, readUser, readPass];
  if (globals.authMethods.includes("digest") && secrets.some((secret) => secret.startsWith("sha256:"))) {
    fail("hashed credentials can't be used when the digest auth method is available", ...own);
  }
  const guarded = publishUser !== "" || readUser !== "" || publishIPs.length > 0 || readIPs.length > 0;
  if (globals.externalAuthenticationURL !== "" && guarded) {
    const text = "credentials or IPs can't be used together with 'externalAuthenticationURL'";
    fail(text, ...own, "publishIPs", "readIPs");
  }
}

function checkHooks({ runOnInit, runOnDemand, source }: PathValues, name: string, fail: Fail): void {
  if (runOnInit !== "" && pathKeyKind(name) !== "static") {
    const text = "a path with a regular expression does not support option 'runOnInit'; use another path";
    fail(text, "runOnInit");
  }
  if (runOnDemand !== "" && source !== "publisher") {
    fail("'runOnDemand' can be used only when source is 'publisher'", "runOnDemand", "source");
  }
}
