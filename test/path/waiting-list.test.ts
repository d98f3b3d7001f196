import { expect, test } from "bun:test";
import { WaitingList } from "../../src/path/waiting-list.ts";

/** The answer, or the text of the error. */
const outcome = (promise: Promise<string>) => promise.catch((error: Error) => error.message);

test("all waiting requests get the same answer, once", async () => {
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

test("a client that disconnects is removed; later its answer stands", async () => {
  const list = new WaitingList<string>("cam");
  const departures = Array.from({ length: 3 }, () => new AbortController());
  const got = departures.map((departure) => outcome(list.wait(departure)));
  departures[0]?.abort();
  expect(list.size).toBe(2);
  list.resolve("stream");
  departures[1]?.abort();
  expect(await Promise.all(got)).toEqual(["the client has disconnected", "stream", "stream"]);
  expect(() => list.wait(departures[0])).toThrow("the client has disconnected");
  expect(list.size).toBe(0);
});

test("at most a thousand requests wait", () => {
  const list = new WaitingList<string>("cam");
  const departure = new AbortController();
  void outcome(list.wait(departure));
  for (let i = 1; i < 1_000; i++) void outcome(list.wait());
  expect(() => list.wait()).toThrow("too many requests are waiting for path 'cam'");
  departure.abort();
  void outcome(list.wait());
  expect(list.size).toBe(1_000);
});
