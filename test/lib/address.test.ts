import { expect, test } from "bun:test";
import { formatIp, formatNetwork, parseAddress, parseIp, parseNetwork } from "../../src/lib/address.ts";
import { ConfigError } from "../../src/lib/errors.ts";

test.each([
  [":8554", "::", 8554],
  ["0.0.0.0:8554", "0.0.0.0", 8554],
  ["127.0.0.1:0", "127.0.0.1", 0],
  ["localhost:80", "localhost", 80],
  ["my-host.example.com:65535", "my-host.example.com", 65535],
  ["[::1]:80", "::1", 80],
  ["[::]:80", "::", 80],
  ["[fe80::1%eth0]:80", "fe80::1%eth0", 80],
])("%s is an address of a listener", (text, hostname, port) => {
  expect(parseAddress(text)).toEqual({ hostname, port });
});

test.each([
  ["", "missing port in address"],
  ["8554", "missing port in address"],
  ["[::1]", "missing port in address"],
  ["::1:80", "too many colons in address"],
  ["host:", "invalid port"],
  ["host:http", "invalid port"],
  [":65536", "invalid port"],
  [":-1", "invalid port"],
  ["256.0.0.1:80", "invalid host"],
  ["1.2.3:80", "invalid host"],
  ["a b:80", "invalid host"],
  ["[1.2.3.4]:80", "invalid host"],
  ["[::1%]:80", "invalid host"],
  [`${"a".repeat(254)}:80`, "invalid host"],
])("%s is refused with the reason", (text, reason) => {
  expect(() => parseAddress(text)).toThrow(ConfigError);
  expect(() => parseAddress(text)).toThrow(reason);
});

test.each([
  ["1.2.3.4", "1.2.3.4"],
  ["0.0.0.0", "0.0.0.0"],
  ["::", "::"],
  ["::1", "::1"],
  ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"],
  ["1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8"],
  ["fe80::", "fe80::"],
  ["::ffff:1.2.3.4", "1.2.3.4"],
  ["64:ff9b::1.2.3.4", "64:ff9b::102:304"],
])("the IP address %s is written as %s", (text, written) => {
  const bytes = parseIp(text);
  expect(bytes === undefined ? undefined : formatIp(bytes)).toBe(written);
});

test.each([
  "",
  "1.2.3",
  "1.2.3.256",
  "01.2.3.4",
  "1.2.3.4.5",
  ":",
  ":::",
  "1::2::3",
  "1:2:3:4:5:6:7",
  "1:2:3:4:5:6:7:8:9",
  "1:2:3:4:5:6:7::8",
  "1.2.3.4::",
  "g::",
  "12345::",
  "::1%eth0",
  "1".repeat(60),
])("'%s' is no IP address", (text) => {
  expect(parseIp(text)).toBeUndefined();
});

test.each([
  ["10.1.2.3/8", "10.0.0.0/8"],
  ["192.168.255.255/20", "192.168.240.0/20"],
  ["0.0.0.0/0", "0.0.0.0/0"],
  ["1.2.3.4/32", "1.2.3.4/32"],
  ["2001:db8:ffff::1/33", "2001:db8:8000::/33"],
  ["10.0.0.0/33", undefined],
  ["10.0.0.0", undefined],
  ["x/8", undefined],
])("the range %s is %s", (text, written) => {
  const network = parseNetwork(text);
  expect(network === undefined ? undefined : formatNetwork(network)).toBe(written);
});
