import type { KnownParameters } from "../../media/codec-parameters.ts";
import { CODECS } from "../../media/codecs.ts";
import { pictureOf } from "../../media/parameters.ts";
import { box, fullBox, text, u16, u32, zeros } from "./boxes.ts";
import { sampleEntry } from "./codecs.ts";

/** A track of a file that is written. */
export interface FileTrack {
  readonly parameters: KnownParameters;
  /** Ticks a second of its units. */
  readonly timescale: number;
}

/** The unity matrix of pictures (ISO/IEC 14496-12 §8.2.2). */
const MATRIX = [...u32(0x1_0000), ...zeros(12), ...u32(0x1_0000), ...zeros(12), ...u32(0x4000_0000)];

/**
 * The initialization segment of fragmented files with these tracks, numbered from 1 (ISO/IEC 14496-12 §8).
 *
 * @throws {ProtocolError} if parameters are invalid
 */
export function writeInit(tracks: readonly FileTrack[]): Uint8Array {
  const type = box("ftyp", text("iso6"), u32(0), text("iso6"), text("mp41"), text("cmfc"));
  const movie = box(
    "moov",
    fullBox(
      "mvhd",
      0,
      0,
      zeros(8),
      u32(1000),
      zeros(4),
      u32(0x1_0000),
      u16(0x100),
      zeros(10),
      MATRIX,
      zeros(24),
      u32(tracks.length + 1),
    ),
    ...tracks.map((track, i) => trackBox(track, i + 1)),
    box("mvex", ...tracks.map((_, i) => fullBox("trex", 0, 0, u32(i + 1), u32(1), zeros(12)))),
  );
  return new Uint8Array(Buffer.concat([type, movie]));
}

function trackBox({ parameters, timescale }: FileTrack, id: number): Uint8Array {
  const video = CODECS[parameters.codec].kind === "video";
  const { width, height } = pictureOf(parameters) ?? { width: 0, height: 0 };
  const size = [...u32(width * 0x1_0000), ...u32(height * 0x1_0000)];
  const group = u16(video ? 0 : 1);
  const volume = u16(video ? 0 : 0x100);
  const header = fullBox(
    "tkhd",
    0,
    3,
    zeros(8),
    u32(id),
    zeros(8),
    zeros(8),
    u16(0),
    group,
    volume,
    zeros(2),
    MATRIX,
    size,
  );
  const undetermined = [...u16(0x55c4), ...u16(0)];
  const media = box(
    "mdia",
    fullBox("mdhd", 0, 0, zeros(8), u32(timescale), zeros(4), undetermined),
    fullBox(
      "hdlr",
      0,
      0,
      zeros(4),
      text(video ? "vide" : "soun"),
      zeros(12),
      text(video ? "Video" : "Audio"),
      [0],
    ),
    box(
      "minf",
      video ? fullBox("vmhd", 0, 1, zeros(8)) : fullBox("smhd", 0, 0, zeros(4)),
      box("dinf", fullBox("dref", 0, 0, u32(1), fullBox("url ", 0, 1))),
      sampleTable(parameters),
    ),
  );
  return box("trak", header, media);
}

/** Samples are in fragments alone. */
function sampleTable(parameters: KnownParameters): Uint8Array {
  return box(
    "stbl",
    fullBox("stsd", 0, 0, u32(1), sampleEntry(parameters)),
    fullBox("stts", 0, 0, zeros(4)),
    fullBox("stsc", 0, 0, zeros(4)),
    fullBox("stsz", 0, 0, zeros(8)),
    fullBox("stco", 0, 0, zeros(4)),
  );
}
