import { expect, test } from "bun:test";
import { CarrierChoice } from "../../../src/protocols/rtsp/carrier-choice.ts";

test("two failures of one kind with one carrier make the other the next", () => {
  const choice = new CarrierChoice();
  expect(choice.failed("udp", "a", 0)).toBe(false);
  expect(choice.failed("udp", "b", 0)).toBe(false);
  expect([choice.failed("udp", "b", 0), choice.carrier]).toEqual([true, "tcp"]);
  expect(choice.failed("tcp", "b", 0)).toBe(false);
  expect([choice.failed("tcp", "b", 0), choice.carrier]).toEqual([true, "udp"]);
});

test("the end of a stream that has played for a minute is no failure of its carrier", () => {
  const choice = new CarrierChoice();
  for (let i = 0; i < 3; i++) expect(choice.failed("udp", "UDP timeout", 60_000)).toBe(false);
  expect(choice.carrier).toBe("udp");
});
