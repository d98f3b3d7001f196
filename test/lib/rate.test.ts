import { expect, test } from "bun:test";
import { ByteRates, Rate } from "../../src/lib/rate.ts";

test("a rate is that between the last two samples", () => {
  const rate = new Rate();
  rate.sample(1_000, 10_000);
  expect(rate.perSecond).toBe(0);
  rate.sample(1_500, 11_000);
  expect(rate.perSecond).toBe(500);
  rate.sample(1_500, 12_000);
  expect(rate.perSecond).toBe(0);
  rate.sample(1_600, 12_500);
  expect(rate.perSecond).toBe(200);
});

test("a count that began anew, or a clock that stands, makes no rate", () => {
  const rate = new Rate();
  rate.sample(1_000, 0);
  rate.sample(10, 1_000);
  expect(rate.perSecond).toBe(0);
  rate.sample(20, 1_000);
  expect(rate.perSecond).toBe(0);
});

test("bitrates are in bits", () => {
  const rates = new ByteRates();
  rates.sample(0, 0, 0);
  rates.sample(125, 250, 1_000);
  expect([rates.bitrateIn, rates.bitrateOut]).toEqual([1_000, 2_000]);
});
