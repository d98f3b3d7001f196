import type { CodecId } from "./codec-parameters.ts";
import { CODECS } from "./codecs.ts";

/** One format of a media: a codec and the RTP payload type that stands for it. */
export interface Format {
  readonly codec: CodecId;
  /** RTP payload type, 0–127. */
  readonly payloadType: number;
  /** RTP clock rate in Hz, > 0. */
  readonly clockRate: number;
  /** Value of `a=rtpmap` after the payload type; undefined for a static payload type without one. */
  readonly rtpmap: string | undefined;
  /** Parameters of `a=fmtp`, names in lower case, in the order of the description. */
  readonly fmtp: ReadonlyMap<string, string>;
}

/** One media of a stream: what SETUP addresses, one pair of channels or ports. */
export interface Track {
  /** `video`, `audio`, `application` or whatever the description named. */
  readonly media: string;
  /** Its identification tag (RFC 5888), when it has one. */
  readonly mid: string | undefined;
  /** At least one; in the order of the `m=` line. */
  readonly formats: readonly Format[];
}

/** The tracks of a stream and what its description says besides. */
export interface StreamDescription {
  /** Session name (`s=`). */
  readonly title: string;
  readonly tracks: readonly Track[];
  /** Tags of medias grouped for forward error correction (RFC 5956), one list per group. */
  readonly fecGroups: readonly (readonly string[])[];
}

/** Label of a track as API and log lines show it: `H264`, or `H264/Generic` for several formats. */
export function trackLabel(track: Track): string {
  return track.formats.map((format) => CODECS[format.codec].label).join("/");
}

/** `1 track (H264)`, `2 tracks (H264, MPEG-4 Audio)`. */
export function trackList(tracks: readonly Track[]): string {
  return `${tracks.length} track${tracks.length === 1 ? "" : "s"} (${tracks.map(trackLabel).join(", ")})`;
}
