import { BLOCK_SIZE } from "../../assembly/abi.ts";
import type { MediaMemory } from "../../wasm/core.ts";
import { openDescriptors, processStart, readUsage } from "../host/usage.ts";
import { gauge, type MetricValue } from "../lib/metric-value.ts";
import type { HlsServer } from "../protocols/hls/server.ts";
import type { RtspServer } from "../protocols/rtsp/server.ts";
import type { RtspSession } from "../protocols/rtsp/session.ts";
import type { FlushQueue } from "../stream/flush.ts";
import type { IgnoredPackets } from "../stream/ignored-packets.ts";
import type { Sampler } from "./sampler.ts";

/** What the metrics say of the media memory. */
export function memoryValues(memory: MediaMemory): MetricValue[] {
  const of = (name: string, help: string, read: () => number) => gauge(`media_memory_${name}`, help, read);
  return [
    of("blocks_taken", "blocks of the media memory in use", () => memory.state.blocksTaken),
    of("blocks_budget", "blocks that the media memory may have", () => memory.state.blocksTotal),
    of("block_takes", "blocks that were ever taken", () => memory.state.takes),
    of("block_gives", "blocks that were ever given back", () => memory.state.gives),
    of("used_bytes", "bytes of the media memory in use", () => memory.state.blocksTaken * BLOCK_SIZE),
    of("budget_bytes", "bytes that it may have", () => memory.state.blocksTotal * BLOCK_SIZE),
  ];
}

/** Blocks of the media memory in use, and their bytes. */
export function mediaUse(memory: MediaMemory | undefined): { mediaBlocks: number; mediaBytes: number } {
  const blocks = memory?.state.blocksTaken ?? 0;
  return { mediaBlocks: blocks, mediaBytes: blocks * BLOCK_SIZE };
}

/** What the sessions that are there now have lost, and what nobody asked for. */
export function rtspValues(servers: ReadonlySet<RtspServer>, ignoredPackets: IgnoredPackets): MetricValue[] {
  const sum = (read: (session: RtspSession) => number | undefined) => () =>
    [...servers]
      .flatMap(({ sessions }) => [...sessions.values()])
      .reduce((all, session) => all + (read(session) ?? 0), 0);
  return [
    gauge(
      "media_publisher_packets_lost",
      "RTP packets of the present publishers that did not arrive",
      sum(({ publisher }) => publisher?.packetsLost),
    ),
    gauge(
      "media_reader_packets_dropped",
      "RTP packets that present readers did not get, being too slow",
      sum(({ reader }) => reader?.packetsLost),
    ),
    gauge(
      "media_reader_frames_dropped",
      "frames that present readers did not get, being too slow",
      sum(({ reader }) => reader?.framesDropped),
    ),
    gauge("media_datagrams_ignored", "datagrams that nobody was waiting for", () => ignoredPackets.datagrams),
    gauge("media_packets_refused", "RTP packets that were not taken", () => ignoredPackets.packets),
  ];
}

/** What the segments of all playlists take. */
export function hlsValue(server: HlsServer): MetricValue {
  return gauge("media_hls_bytes", "bytes of the segments of all playlists", () => server.bytesKept);
}

/** How long the way through the server takes. */
export function flushValues({ flushTimes, addedLatencies }: FlushQueue): MetricValue[] {
  return [
    {
      kind: "histogram",
      name: "media_flush_seconds",
      help: "time to hand to the system what a stream has for all of its readers",
      histogram: flushTimes,
    },
    {
      kind: "histogram",
      name: "media_added_latency_seconds",
      help: "time from the arrival of the first byte that waits to the end of its flush",
      histogram: addedLatencies,
    },
  ];
}

/** What can be said of the process. */
export function processValues({ loopLags }: Sampler): MetricValue[] {
  const start = processStart();
  const lag: MetricValue = {
    kind: "histogram",
    name: "event_loop_lag_seconds",
    help: "how much later than asked a timer was called",
    histogram: loopLags,
  };
  const values: MetricValue[] = [
    lag,
    {
      kind: "counter",
      name: "process_cpu_seconds_total",
      help: "CPU time of the process",
      read: () => readUsage().cpuSeconds,
    },
    gauge("process_resident_memory_bytes", "resident set of the process", () => readUsage().residentBytes),
    gauge("process_start_time_seconds", "start of the process since the epoch", () => start),
  ];
  if (openDescriptors() === undefined) return values;
  return [...values, gauge("process_open_fds", "open file descriptors", () => openDescriptors() ?? 0)];
}
