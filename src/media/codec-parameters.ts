import type { ParameterSets } from "../../wasm/track.ts";
import type { Vp9Facts } from "./vp9.ts";

/**
 * What is true of a track's codec in any container: the one form in which all formats meet. Each format has a table
 * with a row per codec, which reads its own text or bytes to `CodecParameters` and writes them from there; no format
 * knows another. These types are all there is between them:
 *
 * - `CodecParameters` is what is known so far. A field that may be absent is one that streams also bring in band.
 * - `KnownParameters` has every field: what formats need that put the parameters in front of the media.
 * - `InBand` holds in-band parameters; a codec's row in `CODECS` merges them into its parameters.
 *
 * Names and units: `clockRate` and `channels` as in `a=rtpmap`, in Hz; NAL units and OBUs have their header, and
 * neither start code nor length in front. All bytes are owned.
 */
export type CodecParameters =
  /** `sequenceHeader`: the OBU with its header and size (AV1 §5.5). */
  | { readonly codec: "av1"; readonly sequenceHeader?: Uint8Array | undefined }
  /** `picture`: the header of the last key frame. */
  | { readonly codec: "vp9"; readonly picture?: Vp9Facts | undefined }
  | { readonly codec: "vp8" }
  | {
      readonly codec: "h265";
      readonly vps?: Uint8Array | undefined;
      readonly sps?: Uint8Array | undefined;
      readonly pps?: Uint8Array | undefined;
    }
  | { readonly codec: "h264"; readonly sps?: Uint8Array | undefined; readonly pps?: Uint8Array | undefined }
  /** `config`: the headers in front of the first picture (ISO/IEC 14496-2 §6.2.1). */
  | { readonly codec: "mpeg4Video"; readonly config?: Uint8Array | undefined }
  | { readonly codec: "mpeg12Video" }
  | { readonly codec: "mjpeg" }
  | { readonly codec: "mpegts" }
  | { readonly codec: "opus"; readonly channels: number }
  | { readonly codec: "vorbis" }
  /** `config`: AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1). */
  | { readonly codec: "mpeg4Audio"; readonly config?: Uint8Array | undefined }
  | { readonly codec: "mpeg12Audio" }
  | { readonly codec: "ac3"; readonly clockRate: number; readonly channels: number }
  /** `streamInfo`: the STREAMINFO block without its header (RFC 9639 §8.2). */
  | { readonly codec: "flac"; readonly streamInfo: Uint8Array }
  | { readonly codec: "speex" }
  | { readonly codec: "g726" }
  | { readonly codec: "g722" }
  | {
      readonly codec: "g711";
      readonly law: "mu" | "a";
      readonly clockRate: number;
      readonly channels: number;
    }
  /** `bitDepth`: 8, 16 or 24. */
  | {
      readonly codec: "lpcm";
      readonly bitDepth: number;
      readonly clockRate: number;
      readonly channels: number;
    }
  /** Whatever RTP carries that no other row describes. */
  | { readonly codec: "generic" };

export type CodecId = CodecParameters["codec"];

/** The parameters of one codec. */
export type ParametersOf<Id extends CodecId> = Extract<CodecParameters, { codec: Id }>;

/** Parameters of which none is missing. */
export type Known<Parameters extends CodecParameters> = {
  readonly [Field in keyof Parameters]-?: Exclude<Parameters[Field], undefined>;
};

export type KnownParameters = { [Id in CodecId]: Known<ParametersOf<Id>> }[CodecId];

/** In-band parameters of a track, as far as they have arrived. */
export interface InBand {
  /** The newest parameter sets. */
  readonly sets?: ParameterSets;
  /** First bytes of the newest random access point, as a unit; borrowed. */
  readonly head?: Uint8Array;
  /** The newest AudioSpecificConfig. */
  readonly config?: Uint8Array | undefined;
}
