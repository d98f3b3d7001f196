import { expect, test } from "bun:test";
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
