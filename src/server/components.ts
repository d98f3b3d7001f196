import { MediaMemory } from "../../wasm/core.ts";
import type { Authorizer } from "../auth/authorizer.ts";
import type { LoginLimiter } from "../auth/login-limiter.ts";
import type { Config, PathConfig } from "../config/load.ts";
import { schemeOf, sourceSchemes } from "../config/source-scheme.ts";
import type { ConfigStore } from "../config/store.ts";
import { Hooks } from "../hooks/hooks.ts";
import { HookRunner } from "../hooks/runner.ts";
import { runningTimers } from "../host/clock.ts";
import { hostName } from "../host/interfaces.ts";
import type { LogOutputs } from "../host/log-outputs.ts";
import { readHeap, startCpuProfile } from "../host/profiler.ts";
import { assert } from "../lib/assert.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import type { MetricValue } from "../lib/metric-value.ts";
import type { Registry } from "../lib/registry.ts";
import { PathManager } from "../path/manager.ts";
import { lazySourceKind } from "../path/source.ts";
import { hls } from "../protocols/hls/protocol.ts";
import { mpegtsUdp } from "../protocols/mpegts-udp/protocol.ts";
import type { Protocol } from "../protocols/protocol.ts";
import { rtmp } from "../protocols/rtmp/protocol.ts";
import { rtsp } from "../protocols/rtsp/protocol.ts";
import type { RtspServer } from "../protocols/rtsp/server.ts";
import { srt } from "../protocols/srt/protocol.ts";
import { webrtc } from "../protocols/webrtc/protocol.ts";
import type { IgnoredPackets } from "../stream/ignored-packets.ts";
import type { Component, Running } from "./app.ts";
import { Sampler } from "./sampler.ts";
import { flushValues, hlsValue, mediaUse, memoryValues, processValues, rtspValues } from "./stats.ts";

/** What the components of this server are started with, and where they leave what others use. */
export interface ServerContext {
  /** The configuration in force, and the way to change it. */
  readonly store: ConfigStore;
  readonly logger: Logger;
  /** What `logger` writes to; changed in place by the logger's own row. */
  readonly outputs: LogOutputs;
  readonly clock: Clock;
  /** Everything that can be listed, for API and metrics; servers add and remove their own. */
  readonly registries: Map<string, Registry>;
  /** Numbers for the metrics that belong to no registry. */
  readonly values: MetricValue[];
  readonly loginLimiter: LoginLimiter;
  readonly authorizer: Authorizer;
  readonly ignoredPackets: IgnoredPackets;
  /** The RTSP servers that run, with and without TLS. */
  readonly rtspServers: Set<RtspServer>;
  /** Set while their components run. */
  memory?: MediaMemory | undefined;
  hooks?: Hooks | undefined;
  paths?: PathManager | undefined;
}

type Row = Component<Config, ServerContext>;

/** Every protocol. */
const PROTOCOLS: readonly Protocol[] = [rtsp, hls, mpegtsUdp, rtmp, webrtc, srt];

/** The sources with a URL, by scheme. */
export const SOURCES = sourceSchemes(PROTOCOLS.flatMap(({ sources }) => sources));

/** The parts of the server in the order in which they start. */
export const COMPONENTS: readonly Row[] = [
  { name: "logger", needs: [], slice: loggerSlice, start: startLogger },
  { name: "memory", needs: [], slice: ({ mediaMemory }) => ({ mediaMemory }), start: startMemory },
  { name: "hooks", needs: [], slice: hooksSlice, start: startHooks },
  { name: "sampler", needs: [], slice: ({ api, metrics }) => api || metrics, start: startSampler },
  { name: "metrics", needs: [], slice: metricsSlice, start: startMetricsServer },
  { name: "auth", needs: [], slice: authSlice, start: startAuth },
  { name: "paths", needs: ["memory", "hooks"], slice: pathsSlice, start: startPaths },
  { name: "rtsp", needs: ["paths"], slice: rtspSlice, start: startRtsp },
  { name: "rtsps", needs: ["paths"], slice: rtspsSlice, start: startRtsps },
  { name: "hls", needs: ["paths"], slice: hlsSlice, start: startHls },
  { name: "api", needs: [], slice: apiSlice, start: startApiServer },
  { name: "pprof", needs: [], slice: pprofSlice, start: startPprofServer },
  { name: "commands", needs: ["hooks"], slice: () => ({}), start: releaseHooks },
];

function loggerSlice(config: Config): unknown {
  const { logLevel, logDestinations, logFile, logStructured, sysLogPrefix } = config;
  return { logLevel, logDestinations, logFile, logStructured, sysLogPrefix };
}

function startLogger(config: Config, { outputs }: ServerContext): Promise<Running<Config>> {
  const reload = (after: Config) => outputs.apply(after);
  reload(config);
  return Promise.resolve({ reload, close: () => Promise.resolve() });
}

function startMemory(config: Config, context: ServerContext): Promise<Running<Config>> {
  const memory = MediaMemory.load(config.mediaMemory);
  context.memory = memory;
  const rtsp = rtspValues(context.rtspServers, context.ignoredPackets);
  const removeValues = addValues(context, [...memoryValues(memory), ...rtsp]);
  return Promise.resolve({
    reload: () => {
      context.logger.warn("'mediaMemory' has changed: it takes effect when the server is started again");
    },
    close: () => {
      context.memory = undefined;
      removeValues();
      return Promise.resolve();
    },
  });
}

/** @returns takes them away again */
function addValues({ values }: ServerContext, added: readonly MetricValue[]): () => void {
  values.push(...added);
  return () => void values.splice(values.indexOf(added[0] as MetricValue), added.length);
}

function startSampler(config: Config, context: ServerContext): Promise<Running<Config> | undefined> {
  if (!config.api && !config.metrics) return Promise.resolve(undefined);
  const sampler = new Sampler(context.clock, context.registries);
  const removeValues = addValues(context, processValues(sampler));
  return Promise.resolve({
    close: () => {
      removeValues();
      sampler.close();
      return Promise.resolve();
    },
  });
}

function hooksSlice(config: Config): unknown {
  const { runOnConnect, runOnConnectRestart, runOnDisconnect, rtspAddress } = config;
  return { runOnConnect, runOnConnectRestart, runOnDisconnect, rtspAddress };
}

/** Closed after everything that runs commands: it waits for them. */
function startHooks(config: Config, context: ServerContext): Promise<Running<Config>> {
  const { logger, clock, rtspServers } = context;
  const hooks: Hooks = new Hooks({
    config,
    runner: new HookRunner({ logger, clock, variables: () => hooks.variables }),
    rtspPort: () => {
      const address = [...rtspServers].find(({ secure }) => !secure)?.address;
      return address?.slice(address.lastIndexOf(":") + 1);
    },
  });
  context.hooks = hooks;
  return Promise.resolve({
    reload: (after: Config) => {
      hooks.config = after;
    },
    close: async () => {
      context.hooks = undefined;
      await hooks.runner.close();
    },
  });
}

/** The last row: everything listens, and what commands connect to is there. */
function releaseHooks(_config: Config, { hooks }: ServerContext): Promise<undefined> {
  hooks?.runner.release();
  return Promise.resolve(undefined);
}

function metricsSlice({ metrics, metricsAddress, readTimeout }: Config): unknown {
  return metrics ? { metricsAddress, readTimeout } : {};
}

async function startMetricsServer(
  config: Config,
  context: ServerContext,
): Promise<Running<Config> | undefined> {
  if (!config.metrics) return undefined;
  const { startMetrics } = await import("../metrics/server.ts");
  return startMetrics({
    address: config.metricsAddress,
    readTimeout: config.readTimeout,
    logger: context.logger.child("metrics"),
    registries: context.registries,
    values: context.values,
    soon: (call) => context.clock.soon(call),
  });
}

function authSlice({ externalAuthenticationURL, readTimeout }: Config): unknown {
  return externalAuthenticationURL === "" ? {} : { externalAuthenticationURL, readTimeout };
}

async function startAuth(config: Config, { authorizer }: ServerContext): Promise<Running<Config>> {
  const reload = (after: Config) => authorizer.configure(after);
  await reload(config);
  return { reload, close: () => reload({ ...config, externalAuthenticationURL: "" }) };
}

/** Paths are in a list: their order decides which regular expression is tried first. */
function pathsSlice(config: Config): unknown {
  const { readTimeout, writeTimeout, writeQueueSize, udpMaxPayloadSize, externalAuthenticationURL } = config;
  return {
    paths: [...config.paths],
    readTimeout,
    writeTimeout,
    writeQueueSize,
    udpMaxPayloadSize,
    externalAuthenticationURL,
  };
}

async function startPaths(config: Config, context: ServerContext): Promise<Running<Config>> {
  const { logger, clock, memory, registries, ignoredPackets } = context;
  assert(memory !== undefined, "paths started without memory");
  let { readTimeout } = config;
  const sourceKind = ({ source }: PathConfig) => {
    const declared = SOURCES.get(schemeOf(source));
    if (declared?.load === undefined) return undefined;
    return lazySourceKind(declared, declared.load, { clock, memory, ignoredPackets, readTimeout });
  };
  const paths = new PathManager({ logger, clock, memory, config, sourceKind, hooks: context.hooks });
  context.paths = paths;
  registries.set("paths", paths.registry);
  const removeValues = addValues(context, flushValues(paths.flushes));
  return {
    reload: (after: Config) => {
      readTimeout = after.readTimeout;
      paths.reload(after);
    },
    close: async () => {
      registries.delete("paths");
      removeValues();
      context.paths = undefined;
      await paths.close();
    },
  };
}

function rtspSlice(config: Config): unknown {
  if (!config.rtsp || config.encryption === "strict") return {};
  const { rtspAddress, protocols, readTimeout, writeTimeout, writeQueueSize, udpMaxPayloadSize } = config;
  const { rtpAddress, rtcpAddress, multicastIPRange, multicastRTPPort, multicastRTCPPort } = config;
  return {
    rtspAddress,
    readTimeout,
    writeTimeout,
    writeQueueSize,
    udpMaxPayloadSize,
    protocols,
    authMethods: config.authMethods,
    ...(protocols.includes("udp") && { rtpAddress, rtcpAddress }),
    ...(protocols.includes("multicast") && { multicastIPRange, multicastRTPPort, multicastRTCPPort }),
  };
}

function rtspsSlice(config: Config): unknown {
  if (!config.rtsp || config.encryption === "no") return {};
  const { rtspsAddress, serverKey, serverCert, protocols, authMethods, readTimeout, writeTimeout } = config;
  return { rtspsAddress, serverKey, serverCert, protocols, authMethods, readTimeout, writeTimeout };
}

async function startRtsp(config: Config, context: ServerContext): Promise<Running<Config> | undefined> {
  return config.rtsp && config.encryption !== "strict" ? startRtspOver(false, config, context) : undefined;
}

async function startRtsps(config: Config, context: ServerContext): Promise<Running<Config> | undefined> {
  return config.rtsp && config.encryption !== "no" ? startRtspOver(true, config, context) : undefined;
}

/** RTSP, or with `secure` RTSP over TLS. */
async function startRtspOver(
  secure: boolean,
  config: Config,
  context: ServerContext,
): Promise<Running<Config>> {
  const { clock, memory, paths, registries, loginLimiter, authorizer, ignoredPackets } = context;
  assert(memory !== undefined && paths !== undefined, "rtsp started without paths");
  const { startRtspServer } = await import("../protocols/rtsp/server.ts");
  const logger = context.logger.child(secure ? "RTSPS" : "RTSP");
  const server = await startRtspServer({
    logger,
    clock,
    config,
    paths,
    hooks: context.hooks,
    memory,
    secure,
    loginLimiter,
    authorizer,
    ignoredPackets,
  });
  const names = secure ? ["rtspsconns", "rtspssessions"] : ["rtspconns", "rtspsessions"];
  registries.set(names[0] as string, server.conns);
  registries.set(names[1] as string, server.sessions);
  context.rtspServers.add(server);
  return {
    close: async () => {
      context.rtspServers.delete(server);
      for (const name of names) registries.delete(name);
      await server.close();
    },
  };
}

function hlsSlice(config: Config): unknown {
  if (!config.hls) return {};
  const keys = Object.entries(config).filter(([key]) => key.startsWith("hls"));
  return { ...Object.fromEntries(keys), readTimeout: config.readTimeout };
}

async function startHls(config: Config, context: ServerContext): Promise<Running<Config> | undefined> {
  if (!config.hls) return undefined;
  const { clock, paths, registries, loginLimiter, authorizer } = context;
  assert(paths !== undefined, "hls started without paths");
  const { HlsServer } = await import("../protocols/hls/server.ts");
  const server = new HlsServer({
    logger: context.logger.child("HLS"),
    clock,
    config,
    paths,
    loginLimiter,
    authorizer,
  });
  server.start();
  registries.set("hlsmuxers", server.muxers);
  const removeValues = addValues(context, [hlsValue(server)]);
  return {
    close: async () => {
      removeValues();
      registries.delete("hlsmuxers");
      await server.close();
    },
  };
}

function apiSlice({ api, apiAddress, readTimeout }: Config): unknown {
  return api ? { apiAddress, readTimeout } : {};
}

async function startApiServer(config: Config, context: ServerContext): Promise<Running<Config> | undefined> {
  if (!config.api) return undefined;
  const { startApi } = await import("../api/server.ts");
  return startApi({
    address: config.apiAddress,
    readTimeout: config.readTimeout,
    logger: context.logger.child("API"),
    registries: context.registries,
    store: context.store,
    hostname: hostName(),
  });
}

function pprofSlice({ pprof, pprofAddress, readTimeout }: Config): unknown {
  return pprof ? { pprofAddress, readTimeout } : {};
}

async function startPprofServer(
  config: Config,
  context: ServerContext,
): Promise<Running<Config> | undefined> {
  if (!config.pprof) return undefined;
  const { startPprof } = await import("../pprof/server.ts");
  return startPprof({
    address: config.pprofAddress,
    readTimeout: config.readTimeout,
    logger: context.logger.child("pprof"),
    clock: context.clock,
    registries: context.registries,
    startCpuProfile,
    readHeap,
    readMemory: () => mediaUse(context.memory),
    countTimers: runningTimers,
  });
}
