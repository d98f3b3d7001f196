import { expect, test } from "bun:test";
import { systemClock } from "../../src/host/clock.ts";
import { formatLogTime, formatRfc3339 } from "../../src/host/rfc3339.ts";

test("the wall clock stays inside the millisecond of the system's and never steps back", () => {
  let before = 0;
  for (let turn = 0; turn < 20_000; turn++) {
    const low = Date.now();
    const wall = systemClock.wall();
    const high = Date.now();
    expect(wall).toBeGreaterThanOrEqual(low);
    expect(wall).toBeLessThan(high + 1);
    expect(wall).toBeGreaterThanOrEqual(before - 0.001);
    before = wall;
  }
});

test("a cancelled timer does not fire, an endless one never does, a due one does", async () => {
  const fired: string[] = [];
  systemClock.after(0, () => fired.push("cancelled"))();
  systemClock.after(Number.POSITIVE_INFINITY, () => fired.push("endless"));
  systemClock.after(2 ** 40, () => fired.push("far"))();
  await new Promise<void>((resolve) => systemClock.after(1, resolve));
  await new Promise<void>((resolve) => systemClock.soon(resolve));
  expect(fired).toEqual([]);
});

test("moments are written with local offset and no trailing zeros", () => {
  const wall = Date.UTC(2023, 8, 20, 10, 0, 0);
  const offset = -new Date(wall).getTimezoneOffset();
  const written = formatRfc3339(wall + 100.5);
  expect(written).toMatch(
    offset === 0 ? /^2023-09-20T10:00:00\.1005Z$/ : /^2023-09-\d\dT\d\d:\d\d:00\.1005[+-]\d\d:\d\d$/,
  );
  expect(Date.parse(written)).toBe(wall + 100);
  expect(formatRfc3339(wall)).not.toContain(".");
  expect(formatLogTime(wall)).toMatch(/^2023\/09\/\d\d \d\d:\d\d:00$/);
});

test("the offset of the zone is shown", async () => {
  const file = new URL("../../src/host/rfc3339.ts", import.meta.url).pathname;
  const code = `import { formatRfc3339 as f } from ${JSON.stringify(file)}; console.log(f(${Date.UTC(2023, 8, 20, 10)}));`;
  const zones = {
    UTC: "2023-09-20T10:00:00Z",
    "Asia/Kolkata": "2023-09-20T15:30:00+05:30",
    "America/New_York": "2023-09-20T06:00:00-04:00",
  };
  for (const [TZ, expected] of Object.entries(zones)) {
    const child = Bun.spawn([process.execPath, "-e", code], { env: { ...process.env, TZ } });
    expect((await new Response(child.stdout).text()).trim()).toBe(expected);
  }
}, 20_000);
