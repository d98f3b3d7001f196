import { attempt } from "../../lib/errors.ts";
import type { CodecParameters, ParametersOf } from "../../media/codec-parameters.ts";
import { parseStreamInfo } from "../../media/flac.ts";
import { parseAudioConfig } from "../../media/mpeg4-audio.ts";
import { pictureOf } from "../../media/parameters.ts";
import { flvCodecId, flvRow, fourCcNumber, isFlvVideo } from "./codecs.ts";
import { flvHead } from "./messages.ts";

/** What `onMetaData` says of the tracks to come. */
export interface FlvMetadata {
  /** How many tracks there are of each kind. */
  readonly videos: number;
  readonly audios: number;
}

/** A value of `onMetaData`, as AMF writes it; objects are maps. */
export type MetadataValue = number | boolean | ReadonlyMap<string, MetadataValue>;

/** A track of `onMetaData`. */
export interface DescribedTrack {
  readonly parameters: CodecParameters;
  /** kbit/s; 0 if unknown. */
  readonly kbps: number;
}

/**
 * Reads the object of `onMetaData` (FLV 10.1 §E.5, Enhanced RTMP v2 "Enhancing onMetaData"). Codecs are numbers or
 * names; 0 and nothing mean that there is no such track.
 *
 * @returns undefined if it names no codec that is supported
 */
export function readMetadata(properties: ReadonlyMap<string, unknown>): FlvMetadata | undefined {
  const videos = tracksOf(properties, true);
  const audios = tracksOf(properties, false);
  return videos + audios === 0 ? undefined : { videos, audios };
}

function tracksOf(properties: ReadonlyMap<string, unknown>, isVideo: boolean): number {
  const kind = isVideo ? "video" : "audio";
  if (!isKnown(properties.get(`${kind}codecid`), isVideo)) return 0;
  const others = properties.get(`${kind}TrackIdInfoMap`);
  return 1 + (others instanceof Map ? others.size : 0);
}

function isKnown(value: unknown, isVideo: boolean): boolean {
  if (typeof value === "string") {
    return value.length === 4 && flvCodecId(isVideo, fourCcNumber(value)) !== undefined;
  }
  if (typeof value !== "number" || (value === 0 && isVideo)) return false;
  // sound format 0 is LPCM, but who has no audio says 0 too
  return value !== 0 && flvCodecId(isVideo, value) !== undefined;
}

/**
 * The object of `onMetaData` for the tracks of a stream, in their order; numbers that are not known are 0. Nothing is said
 * of a kind without tracks: FFmpeg waits 90 s for one whose codec is named, be it 0.
 */
export function writeMetadata(tracks: readonly DescribedTrack[]): ReadonlyMap<string, MetadataValue> {
  const videos = tracks.filter(({ parameters }) => isFlvVideo(parameters.codec));
  const audios = tracks.filter(({ parameters }) => !isFlvVideo(parameters.codec));
  const properties = new Map<string, MetadataValue>();
  for (const [kind, list, write] of [
    ["video", videos, videoOf],
    ["audio", audios, audioOf],
  ] as const) {
    const [first, ...others] = list;
    if (first === undefined) continue;
    for (const [name, value] of write(first)) properties.set(name, value);
    if (others.length === 0) continue;
    const maps = others.map((track, i) => [String(i + 1), write(track)] as const);
    properties.set(`${kind}TrackIdInfoMap`, new Map<string, MetadataValue>(maps));
  }
  return properties;
}

function videoOf(track: DescribedTrack): Map<string, MetadataValue> {
  const picture = pictureOf(track.parameters);
  const properties = new Map<string, MetadataValue>();
  if (picture !== undefined) {
    properties.set("width", picture.width);
    properties.set("height", picture.height);
    if (picture.frameRate !== undefined) properties.set("framerate", picture.frameRate);
  }
  properties.set("videocodecid", codecNumber(track.parameters));
  properties.set("videodatarate", track.kbps);
  return properties;
}

function audioOf(track: DescribedTrack): Map<string, MetadataValue> {
  const properties = new Map<string, MetadataValue>();
  properties.set("audiocodecid", codecNumber(track.parameters));
  properties.set("audiodatarate", track.kbps);
  const sound = soundOf(track.parameters);
  if (sound === undefined) return properties;
  properties.set("audiosamplerate", sound.clockRate);
  properties.set("stereo", sound.channels === 2);
  return properties;
}

function flacOf({ streamInfo }: ParametersOf<"flac">): { clockRate: number; channels: number } | undefined {
  const facts = attempt(() => parseStreamInfo(streamInfo));
  return facts && { clockRate: facts.sampleRate, channels: facts.channels };
}

/** The codec id or sound format of messages of the first track of its kind; the FourCC of those that are enhanced. */
function codecNumber(parameters: CodecParameters): number {
  const head = flvHead(parameters)?.head[0] ?? 0;
  const { fourCc, written } = flvRow(parameters.codec) ?? {};
  if (written === undefined) return fourCc === undefined ? 0 : fourCcNumber(fourCc);
  return isFlvVideo(parameters.codec) ? head & 15 : head >> 4;
}

function soundOf(parameters: CodecParameters): { clockRate: number; channels: number } | undefined {
  if ("clockRate" in parameters) return parameters;
  if (parameters.codec === "flac") return flacOf(parameters);
  if (parameters.codec === "opus") return { clockRate: 48_000, channels: parameters.channels };
  if (parameters.codec !== "mpeg4Audio" || parameters.config === undefined) return undefined;
  const { config } = parameters;
  const facts = attempt(() => parseAudioConfig(config));
  return facts && { clockRate: facts.sampleRate, channels: facts.channels };
}
