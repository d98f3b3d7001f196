import { RefusedError } from "../../lib/errors.ts";
import type { ByteBudget } from "./proto/budget.ts";
import type { Variant } from "./proto/playlist.ts";

export interface LiveOptions {
  readonly variant: Variant;
  readonly segmentCount: number;
  /** ms. */
  readonly segmentDuration: number;
  readonly partDuration: number;
  /** Largest segment, bytes. */
  readonly segmentMaxSize: number;
  /** Time without a playlist after which the log says what is missing, ms. */
  readonly readTimeout: number;
  /** Budget for the bytes of all playlists. */
  readonly budget: ByteBudget;
  /** Where segments are kept in files; undefined to keep them in memory. */
  readonly files?: { readonly directory: string; readonly path: string };
}

/** Minimum number of segments in a playlist. */
export const LOW_LATENCY_SEGMENTS_MIN = 7;
const SEGMENTS_MIN = 3;

export function checkCount(variant: Variant, count: number): void {
  if (variant === "lowLatency" && count < LOW_LATENCY_SEGMENTS_MIN) {
    throw new RefusedError("muxer error: Low-Latency HLS requires at least 7 segments");
  }
  if (count < SEGMENTS_MIN) {
    throw new RefusedError("muxer error: The minimum number of HLS segments is 3");
  }
}
