import type { CodecParameters } from "../../media/codec-parameters.ts";
import type { PictureFacts } from "../../media/picture.ts";
import { box, u16, u32, zeros } from "./boxes.ts";
import { type Box, readBoxes, shortAt } from "./read-boxes.ts";

/** What a sample entry says of the samples. */
export interface SampleDescription<Parameters extends CodecParameters = CodecParameters> {
  readonly parameters: Parameters;
  /** Of samples that are NAL units: bytes of the length in front of each, 1 to 4. */
  readonly lengthSize?: number;
  /** All parameter sets; the parameters have the first one of each kind. */
  readonly sets?: readonly Uint8Array[];
}

/** Bytes in front of the boxes of a sample entry (ISO/IEC 14496-12 §12.1.3, §12.2.3). */
const VISUAL = 78;
const AUDIO = 28;
/** Extra bytes of QuickTime audio sample entries, by version. */
const QUICKTIME: Readonly<Record<number, number>> = { 1: 16, 2: 36 };

/** A visual sample entry (ISO/IEC 14496-12 §12.1.3). */
export function visualEntry(
  type: string,
  { width, height }: PictureFacts,
  configuration: Uint8Array,
): Uint8Array {
  const size = [...u16(width), ...u16(height)];
  const resolution = u32(0x48_0000); // 72 dots an inch
  const rest = [...resolution, ...resolution, ...zeros(4), ...u16(1), ...zeros(32), ...u16(24), 0xff, 0xff];
  return box(type, zeros(6), u16(1), zeros(16), size, rest, configuration);
}

/** An audio sample entry (ISO/IEC 14496-12 §12.2.3). */
export function audioEntry(
  type: string,
  channels: number,
  rate: number,
  configuration: Uint8Array,
): Uint8Array {
  const shown = rate > 0xffff ? 0 : rate;
  const head = [...zeros(6), ...u16(1), ...zeros(8), ...u16(channels), ...u16(16), ...zeros(4)];
  return box(type, head, u16(shown), u16(0), configuration);
}

/** @throws {ProtocolError} if the boxes do not fit */
export function visualBoxes(body: Uint8Array): Box[] {
  return readBoxes(body.subarray(VISUAL));
}

/** @throws {ProtocolError} if the boxes do not fit */
export function audioBoxes(body: Uint8Array): Box[] {
  return readBoxes(body.subarray(AUDIO + (QUICKTIME[shortAt(body, 8)] ?? 0)));
}

/** Channels of an audio sample entry. */
export function audioChannels(body: Uint8Array): number {
  return shortAt(body, 16);
}
