import type { ParameterSets } from "../../../wasm/track.ts";
import type { UnitSetup } from "../../../wasm/units.ts";
import { attempt } from "../../lib/errors.ts";
import { withInBand } from "../../media/parameters.ts";
import type { Format } from "../../media/track.ts";
import { rtpRow } from "./codecs.ts";
import { readFormat } from "./unit-formats.ts";

/**
 * How the core depacketizes and packetizes a format.
 *
 * @param sets parameter sets that came in band
 * @returns undefined where that is not possible
 */
export function unitSetup(format: Format, sets?: ParameterSets): UnitSetup | undefined {
  const parameters = readFormat(format);
  if (parameters === undefined) return undefined;
  const present = sets === undefined ? parameters : withInBand(parameters, { sets });
  return attempt(() => rtpRow(format.codec)?.units?.(format, present));
}
