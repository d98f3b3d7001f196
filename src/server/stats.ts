import { openDescriptors, processStart, readUsage } from "../host/usage.ts";
import { internalErrors } from "../lib/faults.ts";
import { gauge, type MetricValue } from "../lib/metric-value.ts";
import type { Losses, Registry } from "../lib/registry.ts";
import type { Component } from "../protocols/component.ts";
import type { IgnoredPackets } from "../stream/ignored-packets.ts";
import type { ServerDeps } from "./deps.ts";
import { Sampler } from "./sampler.ts";

/** Samples rates, and measures media and process, while the API or the metrics are enabled. */
export const stats: Component<object, Pick<ServerDeps, "clock" | "inventory" | "ignoredPackets">> = {
  name: "stats",
  needs: [],
  slice: ({ api, metrics }) => (api || metrics ? {} : undefined),
  start: (_, { clock, inventory, ignoredPackets }) => {
    const { registries } = inventory;
    const sampler = new Sampler(clock, registries);
    return Promise.resolve({
      values: [...mediaValues(registries, ignoredPackets), ...processValues(sampler)],
      close: () => {
        sampler.close();
        return Promise.resolve();
      },
    });
  },
};

/** Losses of current publishers and readers, and ignored packets. */
function mediaValues(
  registries: ReadonlyMap<string, Registry>,
  ignoredPackets: IgnoredPackets,
): MetricValue[] {
  const sum = (name: keyof Losses) => () => {
    let all = 0;
    for (const registry of registries.values()) {
      for (const item of registry.values()) all += item.losses?.()[name] ?? 0;
    }
    return all;
  };
  return [
    gauge(
      "media_publisher_packets_lost",
      "RTP packets of current publishers and sources that did not arrive",
      sum("packetsLost"),
    ),
    gauge(
      "media_reader_packets_dropped",
      "RTP packets dropped because current readers are too slow",
      sum("packetsDropped"),
    ),
    gauge(
      "media_reader_frames_dropped",
      "frames dropped because current readers are too slow",
      sum("framesDropped"),
    ),
    gauge("media_datagrams_ignored", "datagrams from unexpected senders", () => ignoredPackets.datagrams),
    gauge("media_packets_refused", "RTP packets that were rejected", () => ignoredPackets.packets),
  ];
}

function processValues({ loopLags }: Sampler): MetricValue[] {
  const start = processStart();
  const values: MetricValue[] = [
    {
      kind: "histogram",
      name: "event_loop_lag_seconds",
      help: "delay of timers beyond their due time",
      histogram: loopLags,
    },
    {
      kind: "counter",
      name: "internal_errors_total",
      help: "internal errors; the log has the stack of each",
      read: internalErrors,
    },
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
