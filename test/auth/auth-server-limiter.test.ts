import { expect, test } from "bun:test";
import { AuthServerLimiter, type Turn } from "../../src/auth/auth-server-limiter.ts";
import { FakeClock } from "../support/fake-clock.ts";

const TIMEOUT = 10_000;

/** Asks, and notes when it may and how it was refused. */
class Askers {
  readonly clock = new FakeClock();
  readonly tries = new AuthServerLimiter(this.clock);
  readonly begun: { readonly address: string; readonly at: number; readonly turn: Turn }[] = [];
  readonly refused: string[] = [];

  async ask(address: string, isTry: boolean, isRight?: boolean): Promise<void> {
    try {
      const turn = await this.tries.turn(address, isTry, TIMEOUT);
      this.begun.push({ address, at: this.clock.now(), turn });
      if (isRight !== undefined) turn.done(isRight);
    } catch (error) {
      this.refused.push((error as Error).message);
    }
  }
}

test("twenty tries a second may fail, one after the other; another address does not notice", async () => {
  const askers = new Askers();
  for (let i = 0; i < 100; i++) void askers.ask("1.1.1.1", true, false);
  void askers.ask("2.2.2.2", true, true);
  await askers.clock.advance(0);
  expect(askers.begun.filter(({ address }) => address === "2.2.2.2")).toHaveLength(1);
  await askers.clock.advance(10_000);
  const times = askers.begun.filter(({ address }) => address === "1.1.1.1").map(({ at }) => at);
  expect(times).toHaveLength(100);
  for (let i = 20; i < 100; i++) expect(times[i]! - times[i - 20]!).toBeGreaterThanOrEqual(1_000);
  expect(times.at(-1)).toBeLessThan(5_000);
});

test("addresses of one IPv6 network count as one", async () => {
  const askers = new Askers();
  for (let i = 0; i < 30; i++) void askers.ask(`2001:db8::${i.toString(16)}`, true, false);
  await askers.clock.advance(0);
  expect(askers.begun).toHaveLength(20);
});

test("tries that succeed are not limited, and requests that try nothing never wait", async () => {
  const askers = new Askers();
  for (let i = 0; i < 500; i++) await askers.ask("1.1.1.1", true, true);
  for (let i = 0; i < 20; i++) await askers.ask("1.1.1.1", true, false);
  for (let i = 0; i < 50; i++) await askers.ask("1.1.1.1", false, false);
  expect([askers.begun.length, askers.begun.at(-1)?.at]).toEqual([570, 0]);
});

test("tries without an answer hold up those behind them for a second, not for ever", async () => {
  const askers = new Askers();
  for (let i = 0; i < 30; i++) void askers.ask("1.1.1.1", true);
  void askers.ask("1.1.1.1", true, true);
  await askers.clock.advance(1_000);
  expect(askers.begun).toHaveLength(31);
});

test("what waits too long or is too much is refused, and an address without questions is forgotten", async () => {
  const askers = new Askers();
  for (let i = 0; i < 20 + 256 + 1; i++) void askers.ask("1.1.1.1", true, false);
  await askers.clock.advance(0);
  expect(askers.refused).toEqual(["too many attempts"]);
  await askers.clock.advance(TIMEOUT);
  expect(askers.begun.length + askers.refused.length).toBe(277);
  expect(askers.begun.length).toBeGreaterThanOrEqual(200);
  await askers.clock.advance(2_000);
  for (let i = 0; i < 300; i++) void askers.ask("3.3.3.3", false);
  await askers.clock.advance(0);
  expect(askers.refused.at(-1)).toBe("too many concurrent requests from this address");
  for (const { turn, address } of askers.begun) if (address === "3.3.3.3") turn.done(false);
  expect(askers.tries.size).toBe(0);
});
