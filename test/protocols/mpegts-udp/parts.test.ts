import { expect, test } from "bun:test";
import { WallLine } from "../../../src/ingest/wall-line.ts";
import { isGroup, joinEverywhere } from "../../../src/protocols/mpegts-udp/group.ts";

test("groups are told from other addresses", () => {
  for (const group of ["224.0.0.1", "239.255.255.255", "ff02::1", "ff15::7%eth0"])
    expect(isGroup(group)).toBe(true);
  for (const other of ["223.255.255.255", "240.0.0.1", "::", "fe80::1", "localhost", ""]) {
    expect(isGroup(other)).toBe(false);
  }
});

test("a group is joined where it can be; nowhere is an error", () => {
  const joined: string[] = [];
  const socket = {
    joinGroup: (group: string, address = "") => {
      if (address === "10.0.0.1") throw new Error("ENODEV");
      joined.push(`${group} on ${address}`);
    },
  };
  const [one, two] = [
    { name: "a", address: "10.0.0.1" },
    { name: "b", address: "10.0.0.2" },
  ];
  joinEverywhere(socket, "239.1.1.1", [one, two]);
  expect(joined).toEqual(["239.1.1.1 on 10.0.0.2"]);
  const message = "unable to activate multicast on any network interface";
  expect(() => joinEverywhere(socket, "239.1.1.1", [one])).toThrow(message);
  expect(() => joinEverywhere(socket, "239.1.1.1", [])).toThrow(message);
});

test("the time line follows a sender whose clock is slower, by its earliest arrivals", () => {
  const line = new WallLine();
  const start = 1_700_000_000_000;
  line.begin(90_000, start);
  expect(line.wallOfZero).toBe(start - 1_000);
  let moves = 0;
  // a ten-thousandth slower, each look up to 80 ms late
  for (let ms = 0; ms < 3_600_000; ms += 250) {
    const late = (ms / 250) % 8;
    if (line.follow(90 * (1_000 + ms * 0.9999), start + ms + 10 * late)) moves += 1;
  }
  expect(Math.abs(line.wallOfZero - (start - 1_000 + 360))).toBeLessThanOrEqual(21);
  expect(moves).toBeGreaterThan(5);
  expect(moves).toBeLessThan(30);
});
