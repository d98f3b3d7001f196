import { UNITS_SAMPLES } from "../../../assembly/abi.ts";
import type { UnitSetup } from "../../../wasm/units.ts";
import type { CodecParameters } from "../../media/codec-parameters.ts";
import { pictureOf } from "../../media/parameters.ts";
import type { Format } from "../../media/track.ts";

/** Frames a second where nobody says. */
const USUAL_FRAME_RATE = 30;

/** Access units of pictures, a frame each. */
export function pictureUnits(format: number, { clockRate }: Format, parameters: CodecParameters): UnitSetup {
  const { frameRate = USUAL_FRAME_RATE, reorderDepth = 0 } = pictureOf(parameters) ?? {};
  return { format, clockRate, frameTicks: clockRate / frameRate, reorderDepth };
}

/**
 * Frames of audio.
 *
 * @param seconds of a frame, as far as it is known before the first one
 */
export function frameUnits(format: number, { clockRate }: Format, seconds: number): UnitSetup {
  return { format, clockRate, frameTicks: Math.round(clockRate * seconds), reorderDepth: 0 };
}

/**
 * Samples of a fixed size, of which a unit may have any number.
 *
 * @param bits that one tick takes, of all channels
 */
export function sampleUnits({ clockRate }: Format, bits: number): UnitSetup {
  return { format: UNITS_SAMPLES, clockRate, frameTicks: 1, reorderDepth: 0, sampleBytes: bits / 8 };
}
