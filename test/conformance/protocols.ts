import { hlsLowLatency, hlsMp4, hlsTs } from "./hls.ts";
import { mpegtsUdp } from "./mpegts-udp.ts";
import type { Protocol } from "./protocol.ts";
import { rtmp } from "./rtmp.ts";
import { rtsp, rtspSource } from "./rtsp.ts";

/** Every protocol that our clients publish or read. A new one is a row here, and its functions. */
export const PROTOCOLS: readonly Protocol[] = [
  rtsp("RTSP over TCP", "tcp"),
  rtsp("RTSP over UDP", "udp"),
  rtspSource("RTSP over TCP, fetched", "tcp"),
  rtspSource("RTSP over UDP, fetched", "udp"),
  hlsLowLatency("low-latency HLS"),
  hlsMp4("HLS in fMP4"),
  hlsTs("HLS in MPEG-TS"),
  mpegtsUdp("MPEG-TS over UDP"),
  rtmp("RTMP"),
];
