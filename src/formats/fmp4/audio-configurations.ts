import { ProtocolError } from "../../lib/errors.ts";
import type { ParametersOf } from "../../media/codec-parameters.ts";
import { box, u16, u32 } from "./boxes.ts";
import { bodyOf } from "./read-boxes.ts";
import { audioBoxes, audioChannels } from "./sample-entry.ts";

/** RFC 7845 §5.1 in the order of "Encapsulation of Opus in ISOBMFF" §4.3.2. */
export function writeDops(channels: number): Uint8Array {
  return box("dOps", [0, channels, ...u16(312), ...u32(48_000), 0, 0, 0]);
}

/** "Encapsulation of Opus in ISOBMFF" §4.3.2. */
export function readOpus(body: Uint8Array): ParametersOf<"opus"> {
  const configuration = audioBoxes(body).find(({ type }) => type === "dOps");
  return { codec: "opus", channels: configuration?.body[1] ?? audioChannels(body) };
}

/**
 * ETSI TS 102 366 §F.4: bits fscod 2, bsid 5, bsmod 3, acmod 3, lfeon 1.
 *
 * @throws {ProtocolError} if they are missing, or have no sample rate
 */
export function readAc3(body: Uint8Array): ParametersOf<"ac3"> {
  const specific = bodyOf(audioBoxes(body), "dac3", 3);
  const clockRate = [48_000, 44_100, 32_000][(specific[0] as number) >> 6];
  if (clockRate === undefined) throw new ProtocolError("invalid MP4: invalid AC-3 sample rate");
  const mode = ((specific[1] as number) >> 3) & 7;
  const low = ((specific[1] as number) >> 2) & 1;
  return { codec: "ac3", clockRate, channels: ([2, 1, 2, 3, 3, 4, 4, 5][mode] as number) + low };
}
