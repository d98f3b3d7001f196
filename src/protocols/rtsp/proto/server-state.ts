import { ProtocolError } from "../../../lib/errors.ts";

/** Where a session is (RFC 2326 §A.2), its two directions apart. */
export type SessionState = "initial" | "preRead" | "read" | "prePublish" | "publish";

/** In which states a method that belongs to a session may come. */
const ALLOWED: Readonly<Record<string, readonly SessionState[]>> = {
  ANNOUNCE: ["initial"],
  SETUP: ["initial", "preRead", "prePublish"],
  PLAY: ["preRead", "read"],
  RECORD: ["prePublish"],
  PAUSE: ["preRead", "read", "prePublish", "publish"],
};

/** Methods that a request may carry, in the order in which OPTIONS names them. */
export const METHODS = [
  "DESCRIBE",
  "ANNOUNCE",
  "SETUP",
  "PLAY",
  "RECORD",
  "PAUSE",
  "GET_PARAMETER",
  "TEARDOWN",
] as const;

/** @throws {ProtocolError} if the method cannot come in this state */
export function checkState(method: string, state: SessionState): void {
  const allowed = ALLOWED[method];
  if (allowed === undefined || allowed.includes(state)) return;
  throw new ProtocolError(`invalid state: ${method} in state ${state}, allowed in ${allowed.join(", ")}`);
}
