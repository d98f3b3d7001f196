import { type ClipName, clip } from "../support/clips.ts";
import { contiguousRun, evenTimes, parseFrames } from "../support/exact.ts";
import { ffmpeg } from "../support/tools.ts";

/** Media that must come out in one run, s. */
export const RUN_SECONDS = 20;

/** How what came out is compared with what went in. */
export type Comparison =
  /** Frames as they are, or what `filter` leaves of them. */
  | { readonly kind: "frames"; readonly rate: number; readonly filter?: string }
  /** Entropy-coded data of M-JPEG: the payload format takes headers away, and the receiver builds new ones. */
  | { readonly kind: "scans"; readonly rate: number }
  /** Samples: packets may be cut anywhere. */
  | { readonly kind: "bytes"; readonly rate: number };

/** Who publishes, or reads. */
export type Kind = "ffmpeg" | "gst";

/** How GStreamer handles a codec. */
export interface GstRow {
  /** From the file to what rtspclientsink takes. */
  readonly head: string;
  /** From rtspsrc to frames, or to packets of samples. */
  readonly tail: string;
  /** The same for what rtspclientsink sends, when it differs. */
  readonly ownTail?: string;
  /** From frames to a file, when they need a container. */
  readonly mux?: string;
  /** FFmpeg's name of the format of that file; none for samples. */
  readonly format?: string;
  /** FFmpeg's filter that undoes what `tail` wraps frames in. */
  readonly unwrap?: string;
}

/** What is compared, and how. */
export type Compared = Pick<CodecRow, "clip" | "compare">;

/** A codec as the clients carry it. */
export interface CodecRow {
  readonly clip: ClipName;
  /** As logs and API name it. */
  readonly label: string;
  readonly compare: Comparison;
  /** FFmpeg's options in front of the output when it publishes. */
  readonly publish?: readonly string[];
  /** FFmpeg's options in front of the output when it reads. */
  readonly read?: readonly string[];
  readonly gst: GstRow;
  /** Who cannot read what whom publishes, whatever the server: `publisher reader`. */
  readonly cannot?: readonly `${Kind} ${Kind}`[];
  /** FFmpeg's own times jump where its clip starts over. */
  readonly unevenLoop?: boolean;
}

/** A container for frames that do not tell where they end. */
const MATROSKA = { mux: "matroskamux streamable=true", format: "matroska" };
const ADTS = "aacparse ! audio/mpeg,stream-format=adts";

/** The codecs that FFmpeg 5.1 and GStreamer 1.22 carry. */
export const CODECS = {
  H264: {
    clip: "h264",
    label: "H264",
    compare: { kind: "frames", rate: 25, filter: "h264_mp4toannexb,filter_units=pass_types=1-5" },
    gst: {
      head: "qtdemux ! h264parse",
      tail: "rtph264depay wait-for-keyframe=true ! video/x-h264,stream-format=byte-stream,alignment=au",
      format: "h264",
    },
  },
  "H264 with B frames": {
    clip: "h264Bframes",
    label: "H264",
    compare: { kind: "frames", rate: 25, filter: "h264_mp4toannexb,filter_units=pass_types=1-5" },
    gst: {
      head: "qtdemux ! h264parse",
      tail: "rtph264depay wait-for-keyframe=true ! video/x-h264,stream-format=byte-stream,alignment=au",
      format: "h264",
    },
  },
  H265: {
    clip: "h265",
    label: "H265",
    compare: { kind: "frames", rate: 25, filter: "hevc_mp4toannexb,filter_units=pass_types=0-31" },
    gst: {
      head: "qtdemux ! h265parse",
      tail: "rtph265depay ! h265parse ! video/x-h265,stream-format=byte-stream,alignment=au",
      format: "hevc",
    },
  },
  "MPEG-4 Video": {
    clip: "mpeg4",
    label: "MPEG-4 Video",
    compare: { kind: "frames", rate: 25, filter: "remove_extra=freq=all" },
    gst: { head: "qtdemux ! mpeg4videoparse", tail: "rtpmp4vdepay ! mpeg4videoparse", ...MATROSKA },
  },
  "M-JPEG": {
    clip: "mjpeg",
    label: "M-JPEG",
    compare: { kind: "scans", rate: 25 },
    gst: { head: "matroskademux ! jpegparse", tail: "rtpjpegdepay" },
  },
  VP8: {
    clip: "vp8",
    label: "VP8",
    compare: { kind: "frames", rate: 25 },
    gst: { head: "matroskademux", tail: "rtpvp8depay", ...MATROSKA },
  },
  VP9: {
    clip: "vp9",
    label: "VP9",
    compare: { kind: "frames", rate: 25 },
    publish: ["-strict", "experimental"],
    read: ["-copyinkf"],
    gst: {
      head: "matroskademux ! vp9parse",
      tail: "rtpvp9depay",
      ...MATROSKA,
    },
    // FFmpeg sends no scalability structure, and GStreamer takes the size of the picture from nowhere else
    cannot: ["ffmpeg gst"],
  },
  "MPEG-2 Video": {
    clip: "mpeg2",
    label: "MPEG-1/2 Video",
    compare: { kind: "frames", rate: 25 },
    gst: {
      head: "matroskademux ! mpegvideoparse",
      tail: "rtpmpvdepay ! mpegvideoparse",
      format: "mpegvideo",
    },
  },
  Opus: {
    clip: "opus",
    label: "Opus",
    compare: { kind: "frames", rate: 50 },
    gst: {
      head: "matroskademux ! opusparse",
      tail: "rtpopusdepay",
      ...MATROSKA,
    },
  },
  AAC: {
    clip: "aac",
    label: "MPEG-4 Audio",
    compare: { kind: "frames", rate: 48_000 / 1024 },
    gst: {
      head: "matroskademux ! aacparse",
      tail: `rtpmp4gdepay ! ${ADTS}`,
      format: "aac",
      unwrap: "aac_adtstoasc",
      ownTail: `rtpmp4adepay ! ${ADTS}`,
    },
  },
  MP3: {
    clip: "mp3",
    label: "MPEG-1/2 Audio",
    compare: { kind: "frames", rate: 48_000 / 1152 },
    gst: { head: "mpegaudioparse", tail: "rtpmpadepay ! mpegaudioparse", format: "mp3" },
    unevenLoop: true,
  },
  "AC-3": {
    clip: "ac3",
    label: "AC-3",
    compare: { kind: "frames", rate: 48_000 / 1536 },
    gst: { head: "ac3parse", tail: "rtpac3depay ! ac3parse", format: "ac3" },
    cannot: ["ffmpeg ffmpeg", "ffmpeg gst", "gst ffmpeg"],
  },
  G722: {
    clip: "g722",
    label: "G722",
    compare: { kind: "bytes", rate: 8_000 },
    gst: { head: "matroskademux", tail: "rtpg722depay" },
  },
  "G711 A-law": {
    clip: "alaw",
    label: "G711",
    compare: { kind: "bytes", rate: 8_000 },
    gst: { head: "wavparse", tail: "rtppcmadepay" },
  },
  "G711 µ-law": {
    clip: "ulaw",
    label: "G711",
    compare: { kind: "bytes", rate: 8_000 },
    gst: { head: "wavparse", tail: "rtppcmudepay" },
  },
  "LPCM L16": {
    clip: "l16",
    label: "LPCM",
    compare: { kind: "bytes", rate: 48_000 * 2 * 2 },
    gst: { head: "aiffparse", tail: "rtpL16depay" },
  },
  "LPCM L24": {
    clip: "l24",
    label: "LPCM",
    compare: { kind: "bytes", rate: 48_000 * 2 * 3 },
    gst: { head: "aiffparse", tail: "rtpL24depay" },
  },
} as const satisfies Record<string, CodecRow>;

/** A codec of the table. */
export type CodecName = keyof typeof CODECS;

/** The row of a codec. */
export function codecRow(name: CodecName): CodecRow {
  return CODECS[name];
}

/** Whether there are clients for it. */
export function possible(name: CodecName, publisher: Kind, reader: Kind): boolean {
  return !(codecRow(name).cannot ?? []).includes(`${publisher} ${reader}`);
}

/** Items that are compared: a little more than the run that is asked for. */
export function itemsWanted({ rate }: Comparison): number {
  return Math.ceil(rate * (RUN_SECONDS + 0.4));
}

/** What FFmpeg prints for a comparison, from any input; `unwrap` is a filter that comes first. */
export function listingArgs(compare: Comparison, unwrap?: string): string[] {
  const map = ["-map", "0:0"];
  switch (compare.kind) {
    case "frames": {
      const filters = [unwrap, compare.filter].filter((each) => each !== undefined);
      const filter = filters.length === 0 ? [] : ["-bsf:0", filters.join(",")];
      return [...map, "-c", "copy", ...filter, "-f", "framemd5", "-"];
    }
    case "scans":
      return [...map, "-c", "copy", "-f", "mjpeg", "-"];
    case "bytes":
      return [...map, "-c", "copy", "-f", "data", "-"];
  }
}

/** FFmpeg's options that end a reader when it has what the comparison needs. */
export function limitArgs(compare: Comparison): string[] {
  if (compare.kind === "bytes") return ["-t", String(RUN_SECONDS + 0.6)];
  return ["-frames:0", String(itemsWanted(compare))];
}

/** Checks that what a client printed or wrote is a run of the clip, long enough. @throws {Error} if not */
export async function checkRun({ clip: source, compare }: Compared, received: Uint8Array): Promise<void> {
  const { stdout } = await ffmpeg("-i", await clip(source), ...listingArgs(compare));
  if (compare.kind === "bytes") {
    enough(contiguousRun(stdout, received).length / compare.rate);
    return;
  }
  const list = compare.kind === "scans" ? scans : hashes;
  // who joins within a frame gets a part of it, who leaves within one too
  const items = list(received).slice(0, itemsWanted(compare));
  const run = contiguousRun(list(stdout), items, { head: 1, tail: 1 });
  enough((run.length + 1) / compare.rate);
}

function hashes(listing: Uint8Array): string[] {
  return parseFrames(listing).map(({ hash }) => hash);
}

/** Hashes of the entropy-coded data of the pictures of a JPEG stream (ITU-T T.81 §B.1.1): start of scan to end of image. */
function scans(stream: Uint8Array): string[] {
  const found: string[] = [];
  const bytes = Buffer.from(stream.buffer, stream.byteOffset, stream.length);
  for (let start = bytes.indexOf("ffda", 0, "hex"); start >= 0; ) {
    const from = start + 2 + bytes.readUInt16BE(start + 2);
    const end = bytes.indexOf("ffd9", from, "hex");
    found.push(String(Bun.hash(bytes.subarray(from, end < 0 ? undefined : end))));
    start = end < 0 ? -1 : bytes.indexOf("ffda", end, "hex");
  }
  return found;
}

function enough(seconds: number): void {
  if (seconds < RUN_SECONDS) throw new Error(`only ${seconds.toFixed(2)} s came`);
}

/** Checks that the times of what an FFmpeg got are even, once it has found its feet. @throws {Error} if not */
export function checkTimes({ compare }: Compared, received: Uint8Array): void {
  if (compare.kind === "frames") evenTimes(parseFrames(received).slice(10), compare.rate);
}
