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

test("bitrates are those between the last two samples, in bits", () => {
  const rates = new ByteRates();
  rates.sample(1_000, 0, 10_000);
  expect([rates.bitrateIn, rates.bitrateOut]).toEqual([0, 0]);
  rates.sample(1_500, 250, 11_000);
  expect([rates.bitrateIn, rates.bitrateOut]).toEqual([4_000, 2_000]);
  rates.sample(1_500, 250, 12_000);
  expect([rates.bitrateIn, rates.bitrateOut]).toEqual([0, 0]);
  rates.sample(1_600, 250, 12_500);
  expect([rates.bitrateIn, rates.bitrateOut]).toEqual([1_600, 0]);
});

test("a count of bytes that begins anew, or a clock that stands, makes no bitrate", () => {
  const rates = new ByteRates();
  rates.sample(1_000, 1_000, 0);
  rates.sample(10, 2_000, 1_000);
  expect([rates.bitrateIn, rates.bitrateOut]).toEqual([0, 8_000]);
  rates.sample(20, 2_000, 1_000);
  expect(rates.bitrateIn).toBe(0);
});
