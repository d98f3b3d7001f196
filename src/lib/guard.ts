/** Reports an internal error; `where` says what failed: `flush of a stream`. */
export type FaultReport = (error: unknown, where: string) => void;

/** Runs all steps. An error in one is reported and does not stop the others. Not for the hot path. */
export function runAll(steps: readonly (() => void)[], where: string, fault: FaultReport): void {
  for (const step of steps) {
    try {
      step();
    } catch (error) {
      fault(error, where);
    }
  }
}
