import { expect, test } from "bun:test";
import { WaitingList } from "../../src/path/waiting-list.ts";

/** What somebody got. */
const outcome = (promise: Promise<string>) => promise.catch((error: Error) => error.message);

test("all that wait get the same, once", async () => {
  const list = new WaitingList<string>("cam");
  const [first, second] = [list.wait(), list.wait(new AbortController())];
  list.resolve("stream");
  expect(await Promise.all([first, second])).toEqual(["stream", "stream"]);
  const third = outcome(list.wait());
  expect(list.size).toBe(1);
  list.reject(new Error("late"));
  expect(await third).toBe("late");
  expect(list.size).toBe(0);
});

test("who leaves waits no more; who has got it may leave", async () => {
  const list = new WaitingList<string>("cam");
  const departures = Array.from({ length: 3 }, () => new AbortController());
  const got = departures.map((departure) => outcome(list.wait(departure)));
  departures[0]?.abort();
  expect(list.size).toBe(2);
  list.resolve("stream");
  departures[1]?.abort();
  expect(await Promise.all(got)).toEqual(["the client is gone", "stream", "stream"]);
  expect(() => list.wait(departures[0])).toThrow("the client is gone");
  expect(list.size).toBe(0);
});

test("a thousand may wait at a time", () => {
  const list = new WaitingList<string>("cam");
  const departure = new AbortController();
  void outcome(list.wait(departure));
  for (let i = 1; i < 1_000; i++) void outcome(list.wait());
  expect(() => list.wait()).toThrow("too many requests wait for path 'cam'");
  departure.abort();
  void outcome(list.wait());
  expect(list.size).toBe(1_000);
});
