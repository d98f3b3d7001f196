import type { ByteRates } from "../../lib/rate.ts";
import type { JsonObject, Losses } from "../../lib/registry.ts";
import type { IngestReporter } from "../../stream/ingest.ts";
import type { MediaReader } from "./transport.ts";

/** Live statistics of a session; values that do not apply are left out. */
export function sessionStats(
  rates: ByteRates,
  publisher: IngestReporter | undefined,
  reader: MediaReader | undefined,
): JsonObject {
  const { bitrateIn, bitrateOut } = rates;
  if (publisher !== undefined) return { bitrateIn, ...publisher.stream.stats.describe() };
  if (reader === undefined) return {};
  const { packetsLost, framesDropped, lagMs } = reader;
  if (lagMs === undefined) return { bitrateOut };
  return { bitrateOut, packetsLost, lagMs: Math.max(Math.round(lagMs), 0), framesDropped };
}

/** Packets and frames lost so far. */
export function sessionLosses(
  publisher: IngestReporter | undefined,
  reader: MediaReader | undefined,
): Losses {
  return {
    packetsLost: publisher?.packetsLost ?? 0,
    packetsDropped: reader?.packetsLost ?? 0,
    framesDropped: reader?.framesDropped ?? 0,
  };
}
