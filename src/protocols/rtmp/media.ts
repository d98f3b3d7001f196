import { FLV_AUDIO, FLV_VIDEO } from "../../../assembly/abi.ts";
import type { ChunkReader } from "../../../wasm/rtmp-reader.ts";
import type { AmfObject, AmfValue } from "../../formats/amf/value.ts";
import type { FlvAnnouncement, FlvInput } from "../../ingest/flv.ts";

/** Passes on an audio or video message. */
export function pushMessage(input: FlvInput, message: ChunkReader): void {
  const kind = message.type === FLV_AUDIO ? FLV_AUDIO : FLV_VIDEO;
  input.begin(kind, message.size, message.timestamp);
  message.eachSpan((address, size) => input.put(kind, address, size));
}

/** What `onMetaData` announces: a codec id of 0, or none, means that there is no such track. */
export function announcementOf(values: AmfObject): FlvAnnouncement {
  const names = (value: AmfValue) => value !== undefined && value !== null && value !== 0 && value !== "";
  return { video: names(values.get("videocodecid")), audio: names(values.get("audiocodecid")) };
}
