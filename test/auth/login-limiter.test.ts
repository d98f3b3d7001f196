import { expect, test } from "bun:test";
import { LoginLimiter } from "../../src/auth/login-limiter.ts";

test("wrong guesses of one address get at most 50 verdicts a second, in turn", () => {
  const loginLimiter = new LoginLimiter();
  const waits = Array.from({ length: 120 }, () => loginLimiter.wrong("a", 1_000));
  expect(waits.slice(0, 3)).toEqual([0, 20, 40]);
  for (let second = 0; second < 2; second++) {
    const inSecond = waits.filter((wait) => wait! >= second * 1_000 && wait! < (second + 1) * 1_000);
    expect(inSecond.length).toBe(50);
  }
  expect(loginLimiter.delay("a", 1_000)).toBe(2_400);
  expect(loginLimiter.delay("a", 3_000)).toBe(400);
  expect(loginLimiter.delay("b", 1_000)).toBe(0);
  expect(loginLimiter.wrong("b", 1_000)).toBe(0);
});

test("only so many verdicts wait; the address may try again soon", () => {
  const loginLimiter = new LoginLimiter();
  const waits = Array.from({ length: 10_000 }, () => loginLimiter.wrong("a", 0));
  const given = waits.filter((wait) => wait !== undefined);
  expect(given.length).toBeLessThanOrEqual(501);
  expect([loginLimiter.isFull("a", 0), loginLimiter.isFull("a", 1_000), loginLimiter.isFull("b", 0)]).toEqual(
    [true, false, false],
  );
  expect(loginLimiter.delay("a", 0)).toBeLessThan(11_000);
  expect(loginLimiter.delay("a", 11_000)).toBe(0);
});

test("an address holds at most 512 strangers, another one its own", () => {
  const loginLimiter = new LoginLimiter();
  const entered = Array.from({ length: 600 }, () => loginLimiter.enter("a"));
  expect(entered.filter(Boolean).length).toBe(512);
  expect(loginLimiter.enter("b")).toBe(true);
  loginLimiter.leave("a");
  expect([loginLimiter.enter("a"), loginLimiter.enter("a")]).toEqual([true, false]);
});

test("the addresses of an IPv6 network are one", () => {
  const loginLimiter = new LoginLimiter();
  for (let i = 0; i < 50; i++) loginLimiter.wrong(`2001:db8:0:7::${i}`, 0);
  expect(loginLimiter.delay("2001:db8:0:7:ffff::1", 0)).toBe(1_000);
  expect(loginLimiter.delay("2001:db8:0:8::1", 0)).toBe(0);
  loginLimiter.wrong("fe80::1%eth0", 0);
  expect(loginLimiter.delay("fe80::2%eth0", 0)).toBe(20);
});

test("addresses beyond what is remembered push out those without connections", () => {
  const loginLimiter = new LoginLimiter();
  expect(loginLimiter.enter("kept")).toBe(true);
  for (let i = 0; i < 30_000; i++) loginLimiter.wrong(`address ${i}`, 0);
  expect(Array.from({ length: 512 }, () => loginLimiter.enter("kept")).filter(Boolean).length).toBe(511);
});
