import { expect, test } from "bun:test";
import { Guesses } from "../../src/auth/guesses.ts";

test("wrong guesses of one address get at most 50 verdicts a second, in turn", () => {
  const guesses = new Guesses();
  const waits = Array.from({ length: 120 }, () => guesses.wrong("a", 1_000));
  expect(waits.slice(0, 3)).toEqual([0, 20, 40]);
  for (let second = 0; second < 2; second++) {
    const inSecond = waits.filter((wait) => wait! >= second * 1_000 && wait! < (second + 1) * 1_000);
    expect(inSecond.length).toBe(50);
  }
  expect(guesses.delay("a", 1_000)).toBe(2_400);
  expect(guesses.delay("a", 3_000)).toBe(400);
  expect(guesses.delay("b", 1_000)).toBe(0);
  expect(guesses.wrong("b", 1_000)).toBe(0);
});

test("only so many verdicts wait; the address may try again soon", () => {
  const guesses = new Guesses();
  const waits = Array.from({ length: 10_000 }, () => guesses.wrong("a", 0));
  const given = waits.filter((wait) => wait !== undefined);
  expect(given.length).toBeLessThanOrEqual(501);
  expect([guesses.isFull("a", 0), guesses.isFull("a", 1_000), guesses.isFull("b", 0)]).toEqual([
    true,
    false,
    false,
  ]);
  expect(guesses.delay("a", 0)).toBeLessThan(11_000);
  expect(guesses.delay("a", 11_000)).toBe(0);
});

test("an address holds at most 512 strangers, another one its own", () => {
  const guesses = new Guesses();
  const entered = Array.from({ length: 600 }, () => guesses.enter("a"));
  expect(entered.filter(Boolean).length).toBe(512);
  expect(guesses.enter("b")).toBe(true);
  guesses.leave("a");
  expect([guesses.enter("a"), guesses.enter("a")]).toEqual([true, false]);
});

test("the addresses of an IPv6 network are one", () => {
  const guesses = new Guesses();
  for (let i = 0; i < 50; i++) guesses.wrong(`2001:db8:0:7::${i}`, 0);
  expect(guesses.delay("2001:db8:0:7:ffff::1", 0)).toBe(1_000);
  expect(guesses.delay("2001:db8:0:8::1", 0)).toBe(0);
  guesses.wrong("fe80::1%eth0", 0);
  expect(guesses.delay("fe80::2%eth0", 0)).toBe(20);
});

test("addresses beyond what is remembered push out those without connections", () => {
  const guesses = new Guesses();
  expect(guesses.enter("kept")).toBe(true);
  for (let i = 0; i < 30_000; i++) guesses.wrong(`address ${i}`, 0);
  expect(Array.from({ length: 512 }, () => guesses.enter("kept")).filter(Boolean).length).toBe(511);
});
