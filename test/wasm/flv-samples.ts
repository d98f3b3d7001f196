import { flvSequenceHeader } from "../../src/formats/flv/messages.ts";
import type { KnownParameters } from "../../src/media/codec-parameters.ts";

/** Bytes of numbers, texts (FourCCs) and other bytes. */
export function bytesOf(...parts: readonly (number | string | Uint8Array | readonly number[])[]): Uint8Array {
  return new Uint8Array(
    parts.flatMap((part) => {
      if (typeof part === "number") return [part];
      return typeof part === "string" ? [...Buffer.from(part, "latin1")] : [...part];
    }),
  );
}

export const SPS = [0x67, 0x42, 0xc0, 0x1e, 0xda, 0x02, 0x80];
export const PPS = [0x68, 0xce, 0x3c, 0x80];
export const H264: KnownParameters = {
  codec: "h264",
  sps: new Uint8Array(SPS),
  pps: new Uint8Array(PPS),
};
/** AAC-LC, 48 kHz, two channels. */
export const AAC: KnownParameters = { codec: "mpeg4Audio", config: new Uint8Array([0x11, 0x90]) };
/** AVCDecoderConfigurationRecord of `H264`, and the parameter sets as they are in front of key frames. */
export const AVCC = flvSequenceHeader(H264)!.subarray(5);
export const SETS = [0, 0, 0, SPS.length, ...SPS, 0, 0, 0, PPS.length, ...PPS];
export const KEY_SLICE = [0, 0, 0, 3, 0x65, 0x88, 1];
export const SLICE = [0, 0, 0, 3, 0x41, 0x9a, 2];

/** Legacy messages of video: sequence header, frame with a composition time. */
export function avc(isKey: boolean, composition = 0, slice = isKey ? KEY_SLICE : SLICE): Uint8Array {
  return bytesOf(
    isKey ? 0x17 : 0x27,
    1,
    [16, 8, 0].map((bits) => (composition >> bits) & 255),
    slice,
  );
}
export const AVC_HEADER = bytesOf(0x17, 0, 0, 0, 0, AVCC);
export const AAC_HEADER = bytesOf(0xaf, 0, 0x11, 0x90);
export const AAC_FRAME = bytesOf(0xaf, 1, 0x21, 0x10, 4);
