import { SAMPLE_AV1, SAMPLE_FRAMES, SAMPLE_H264, SAMPLE_H265, UNIT_KEY } from "../abi";
import { UnitTrack } from "./layout";
import { unitPut } from "./log";
import { Sample, SampleFormat } from "./sample";
import { sampleNalUnits } from "./sample-nal";
import { sampleObus } from "./sample-obus";

/**
 * Begins a sample; its unit is started by the caller.
 *
 * @param sync whether it may be decoded without others, as far as the container knows
 */
export function sampleBegin(sample: Sample, size: i32, sync: bool): void {
  sample.left = size;
  sample.piece = 0;
  sample.headBytes = 0;
  sample.pieceLeft = 0;
  sample.kept = 0;
  sample.sync = sync ? 1 : 0;
  sample.prefixed = 0;
}

/** Adds bytes to the unit in progress of its track, at most `left`. */
export function samplePut(sample: Sample, format: SampleFormat, src: i32, size: i32): void {
  const units = changetype<UnitTrack>(format.units);
  switch (format.kind) {
    case SAMPLE_H264:
    case SAMPLE_H265:
      sampleNalUnits(sample, format, src, size);
      return;
    case SAMPLE_AV1:
      sampleObus(sample, units, src, size);
      return;
    default:
      if (sample.sync !== 0 || format.kind === SAMPLE_FRAMES) units.flags |= UNIT_KEY;
      unitPut(units, src, size);
  }
}

/** Whether it ends where a NAL unit or OBU does; if not, its unit is marked as broken. */
export function sampleEnd(sample: Sample, format: SampleFormat): void {
  if (sample.headBytes === 0 && sample.pieceLeft === 0 && sample.piece >= 0) return;
  const units = changetype<UnitTrack>(format.units);
  units.malformed += 1;
  units.broken = 1;
}
