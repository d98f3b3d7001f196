import * as amf0 from "./amf0.ts";
import * as amf3 from "./amf3.ts";
import * as config from "./config.ts";
import * as flv from "./flv.ts";
import * as hlsPlaylist from "./hls-playlist.ts";
import * as interleaved from "./interleaved.ts";
import * as mp4 from "./mp4.ts";
import * as packetizer from "./packetizer.ts";
import * as pictureSize from "./picture-size.ts";
import * as rtcp from "./rtcp.ts";
import * as rtmpChunks from "./rtmp-chunks.ts";
import * as rtmpHandshake from "./rtmp-handshake.ts";
import * as rtmpMessage from "./rtmp-message.ts";
import * as rtp from "./rtp.ts";
import * as rtspClient from "./rtsp-client.ts";
import * as rtspRequest from "./rtsp-request.ts";
import * as rtspResponse from "./rtsp-response.ts";
import * as sdp from "./sdp.ts";
import type { FuzzTarget } from "./session.ts";
import * as transportHeader from "./transport-header.ts";
import * as ts from "./ts.ts";
import * as tsTables from "./ts-tables.ts";
import * as tunnel from "./tunnel.ts";
import { units, unitsAudio, unitsVideo } from "./units.ts";

/** Every parser of outside bytes. */
export const TARGETS: readonly FuzzTarget[] = [
  rtspRequest,
  rtspResponse,
  rtspClient,
  sdp,
  transportHeader,
  interleaved,
  rtp,
  rtcp,
  config,
  units,
  unitsAudio,
  unitsVideo,
  packetizer,
  ts,
  tsTables,
  mp4,
  flv,
  hlsPlaylist,
  tunnel,
  pictureSize,
  amf0,
  amf3,
  rtmpHandshake,
  rtmpChunks,
  rtmpMessage,
];
