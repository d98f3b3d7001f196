import { FLV_AUDIO, FLV_VIDEO } from "../../../assembly/abi.ts";
import type { ChunkReader } from "../../../wasm/rtmp-reader.ts";
import type { FlvInput } from "../../ingest/flv.ts";

/** Passes on an audio or video message. */
export function pushMessage({ demuxer }: FlvInput, message: ChunkReader): void {
  const kind = message.type === FLV_AUDIO ? FLV_AUDIO : FLV_VIDEO;
  demuxer.begin(kind, message.size, message.timestamp);
  for (let i = 0; i < message.spanCount; i++) demuxer.put(kind, message.spanAddress(i), message.spanSize(i));
}
