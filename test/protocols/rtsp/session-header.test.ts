import { expect, test } from "bun:test";
import { ProtocolError } from "../../../src/lib/errors.ts";
import { parsePublic, parseSession } from "../../../src/protocols/rtsp/proto/session-header.ts";

test("a Session header is read", () => {
  expect(parseSession("a.b-c_1")).toEqual({ id: "a.b-c_1" });
  expect(parseSession("x;timeout=60")).toEqual({ id: "x", timeoutSeconds: 60 });
  expect(parseSession(" x ; y=1 ; Timeout = 5 ")).toEqual({ id: "x", timeoutSeconds: 5 });
  expect(parseSession("x;timeout=0")).toEqual({ id: "x" });
  expect(parseSession("x;timeout=soon")).toEqual({ id: "x" });
  expect(() => parseSession(";timeout=60")).toThrow(new ProtocolError("invalid Session header: ;timeout=60"));
});

test("methods of a Public header", () => {
  expect(parsePublic("OPTIONS, describe,,GET_PARAMETER ")).toEqual(["OPTIONS", "DESCRIBE", "GET_PARAMETER"]);
  expect(parsePublic("")).toEqual([]);
});
