import { expect, test } from "bun:test";
import { clientAddress } from "../../src/http/client-address.ts";

test.each([
  ["10.0.0.1", "1.2.3.4", "10.0.0.1"],
  ["10.9.0.1", "1.2.3.4", "1.2.3.4"],
  ["10.9.0.1", "spoofed, 6.6.6.6, 1.2.3.4, 10.9.0.2", "1.2.3.4"],
  ["10.9.0.1", "2001:db8::1", "2001:db8::1"],
  ["10.9.0.1", "10.9.0.3, 10.9.0.2", "10.9.0.3"],
  ["10.9.0.1", '1.2.3.4, nonsense"}', "10.9.0.1"],
  ["10.9.0.1", undefined, "10.9.0.1"],
])("of the peer %s and X-Forwarded-For %s the client is %s", (peer, forwarded, client) => {
  const headers = forwarded === undefined ? {} : { "X-Forwarded-For": forwarded };
  const request = new Request("http://host/", { headers });
  expect(clientAddress(request, { remoteAddress: peer }, ["10.9.0.0/16"])).toBe(client);
});
