import { internalErrors } from "../../src/lib/faults.ts";

let seen = 0;

/** Internal errors in this process since the last call. A test that wants some takes them; all others fail of them. */
export function takeFaults(): number {
  const all = internalErrors();
  const since = all - seen;
  seen = all;
  return since;
}
