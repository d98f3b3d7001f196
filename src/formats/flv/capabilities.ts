import type { CodecId, CodecParameters } from "../../media/codec-parameters.ts";
import { FLV_CODECS, flvRow, isFlvVideo } from "./codecs.ts";
import { flvHead } from "./messages.ts";

/** What a peer can do with a codec (`FourCcInfoMask`). */
const CAN_DECODE = 1;
const CAN_FORWARD = 4;
/** Flags of `capsEx` (`CapsExMask`). */
export const CAPS_RECONNECT = 1;
export const CAPS_MULTITRACK = 2;
const CAPS_MOD_EX = 4;
const CAPS_NANO_OFFSET = 8;
/** Stands for every codec. */
const ANY = "*";

/** What a peer has said about itself in `connect` (Enhanced RTMP v2, "Enhancing NetConnection connect Command"). */
export class FlvCapabilities {
  /** FourCCs in lower case; `*` is all of them. */
  readonly #fourCcs: ReadonlySet<string>;
  /** Bits of `capsEx`. */
  readonly flags: number;

  private constructor(fourCcs: ReadonlySet<string>, flags: number) {
    this.#fourCcs = fourCcs;
    this.flags = flags;
  }

  /** @param properties of the command object; others than those of Enhanced RTMP are ignored */
  static read(properties: ReadonlyMap<string, unknown>): FlvCapabilities {
    const fourCcs = new Set<string>();
    const list = properties.get("fourCcList");
    for (const each of Array.isArray(list) ? list : [])
      if (typeof each === "string") fourCcs.add(each.toLowerCase());
    for (const kind of ["video", "audio"]) {
      const map = properties.get(`${kind}FourCcInfoMap`);
      for (const [fourCc, mask] of map instanceof Map ? map : []) {
        if (
          typeof fourCc !== "string" ||
          typeof mask !== "number" ||
          (mask & (CAN_DECODE | CAN_FORWARD)) === 0
        )
          continue;
        // "*" counts for the codecs of its map alone
        fourCcs.add(fourCc === ANY ? `${kind} ${ANY}` : fourCc.toLowerCase());
      }
    }
    const caps = properties.get("capsEx");
    return new FlvCapabilities(fourCcs, typeof caps === "number" ? caps >>> 0 : 0);
  }

  /** Whether several tracks of a kind may be sent. */
  get hasMultitrack(): boolean {
    return (this.flags & CAPS_MULTITRACK) !== 0;
  }

  /** Whether it can be asked to connect again. */
  get canReconnect(): boolean {
    return (this.flags & CAPS_RECONNECT) !== 0;
  }

  /**
   * Whether the peer can play a track. Every peer is taken to know the codecs of the legacy form.
   *
   * @param id number of the track among those of its kind
   */
  takes(parameters: CodecParameters, id = 0): boolean {
    if (flvHead(parameters, id) === undefined) return false;
    if (id > 0 && !this.hasMultitrack) return false;
    return (id === 0 && flvRow(parameters.codec)?.written !== undefined) || this.#knows(parameters.codec);
  }

  #knows(codec: CodecId): boolean {
    const { fourCc = "" } = flvRow(codec) ?? {};
    const kind = isFlvVideo(codec) ? "video" : "audio";
    return [fourCc.toLowerCase(), ANY, `${kind} ${ANY}`].some((name) => this.#fourCcs.has(name));
  }
}

/** What we say about ourselves in `connect` and in its result, in the old form and the new one; objects are maps. */
export function ownCapabilities(): ReadonlyMap<
  string,
  number | readonly string[] | ReadonlyMap<string, number>
> {
  const codecs = (Object.keys(FLV_CODECS) as CodecId[]).filter(
    (codec) => flvRow(codec)?.fourCc !== undefined,
  );
  const fourCcOf = (codec: CodecId) => flvRow(codec)?.fourCc as string;
  const mapOf = (isVideo: boolean) =>
    new Map(
      codecs.filter((codec) => isFlvVideo(codec) === isVideo).map((codec) => [fourCcOf(codec), CAN_FORWARD]),
    );
  return new Map<string, number | readonly string[] | ReadonlyMap<string, number>>([
    ["fourCcList", codecs.map(fourCcOf)],
    ["videoFourCcInfoMap", mapOf(true)],
    ["audioFourCcInfoMap", mapOf(false)],
    ["capsEx", CAPS_RECONNECT | CAPS_MULTITRACK | CAPS_MOD_EX | CAPS_NANO_OFFSET],
  ]);
}
