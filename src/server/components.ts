import { hls } from "../protocols/hls/protocol.ts";
import { mpegtsUdp } from "../protocols/mpegts-udp/protocol.ts";
import { rtmp } from "../protocols/rtmp/protocol.ts";
import { rtsp } from "../protocols/rtsp/protocol.ts";
import { srt } from "../protocols/srt/protocol.ts";
import { webrtc } from "../protocols/webrtc/protocol.ts";
import { api } from "./api.ts";
import { auth } from "./auth.ts";
import { commands } from "./commands.ts";
import { hooks } from "./hooks.ts";
import { logger } from "./logger.ts";
import { memory } from "./memory.ts";
import { metrics } from "./metrics.ts";
import type { Part } from "./parts.ts";
import { paths } from "./paths.ts";
import { pprof } from "./pprof.ts";
import { sources } from "./source-listing.ts";
import { stats } from "./stats.ts";

/** The components and protocols that make up the server, in start order. */
export const PARTS: readonly Part[] = [
  logger,
  memory,
  hooks,
  stats,
  metrics,
  auth,
  paths,
  rtsp,
  rtmp,
  hls,
  webrtc,
  srt,
  mpegtsUdp,
  sources,
  api,
  pprof,
  commands,
];
