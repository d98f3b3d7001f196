import { expect, test } from "bun:test";
import { RtspFramer } from "../../../src/protocols/rtsp/proto/framer.ts";
import { RtspHeaders } from "../../../src/protocols/rtsp/proto/headers.ts";
import { writeRequest } from "../../../src/protocols/rtsp/proto/request.ts";
import { writeResponse } from "../../../src/protocols/rtsp/proto/response.ts";

const NO_BODY = new Uint8Array(0);

test("names are compared without case and may have several values", () => {
  const headers = RtspHeaders.from({ CSeq: "1" });
  headers.add("WWW-Authenticate", "Basic");
  headers.add("www-authenticate", "Digest");
  expect(headers.get("cseq")).toBe("1");
  expect(headers.get("Session")).toBeUndefined();
  expect(headers.getAll("Www-Authenticate")).toEqual(["Basic", "Digest"]);
  expect(headers.getAll("Session")).toEqual([]);
  expect(headers.size).toBe(3);
  headers.set("Www-authenticate", "none");
  headers.set("Session", "x");
  expect(headers.size).toBe(3);
  expect(headers.entries()).toEqual([
    ["CSeq", "1"],
    ["Session", "x"],
    ["Www-authenticate", "none"],
  ]);
});

test("a response has its headers sorted and its length only with a body", () => {
  const headers = RtspHeaders.from({ Server: "gortsplib", "Content-Type": "application/sdp", CSeq: "2" });
  headers.set("content-length", "99");
  headers.set("Content-Base", "rtsp://h/p/");
  expect(text(writeResponse({ status: 200, headers, body: encode("v=0\r\n") }))).toBe(
    "RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Base: rtsp://h/p/\r\nContent-Length: 5\r\n" +
      "Content-Type: application/sdp\r\nServer: gortsplib\r\n\r\nv=0\r\n",
  );
  expect(text(writeResponse({ status: 461, headers: RtspHeaders.from({ CSeq: "3" }), body: NO_BODY }))).toBe(
    "RTSP/1.0 461 Unsupported Transport\r\nCSeq: 3\r\n\r\n",
  );
});

test("several values are several lines, in the order they were added", () => {
  const headers = new RtspHeaders();
  headers.add("WWW-Authenticate", 'Digest realm="IPCAM"');
  headers.add("WWW-Authenticate", 'Basic realm="IPCAM"');
  expect(text(writeResponse({ status: 401, headers }))).toBe(
    'RTSP/1.0 401 Unauthorized\r\nWWW-Authenticate: Digest realm="IPCAM"\r\nWWW-Authenticate: Basic realm="IPCAM"\r\n\r\n',
  );
});

test("a reason can be given; an unknown status has one too", () => {
  expect(text(writeResponse({ status: 299, headers: new RtspHeaders() }))).toBe(
    "RTSP/1.0 299 Unknown\r\n\r\n",
  );
  expect(text(writeResponse({ status: 200, reason: "Fine", headers: new RtspHeaders() }))).toBe(
    "RTSP/1.0 200 Fine\r\n\r\n",
  );
});

test("no value can start a line", () => {
  const headers = RtspHeaders.from({ Location: "rtsp://h/\r\nSet: x\0y" });
  expect(text(writeResponse({ status: 301, headers }))).toBe(
    "RTSP/1.0 301 Moved Permanently\r\nLocation: rtsp://h/  Set: x y\r\n\r\n",
  );
});

test("what is written is read back", () => {
  const headers = RtspHeaders.from({
    CSeq: "7",
    "User-Agent": "Gerät\tx",
    "Content-Type": "application/sdp",
  });
  const framer = new RtspFramer("responses");
  framer.receive(
    writeRequest({ method: "ANNOUNCE", url: "rtsp://h/p?a=b", headers, body: encode("v=0\r\n") }),
    0,
  );
  headers.set("Content-Length", "5");
  expect(framer.poll()).toEqual({
    kind: "request",
    request: { method: "ANNOUNCE", url: "rtsp://h/p?a=b", headers, body: encode("v=0\r\n") },
  });
  framer.receive(writeResponse({ status: 454, headers: RtspHeaders.from({ CSeq: "7" }) }), 0);
  expect(framer.poll()).toMatchObject({
    response: { status: 454, reason: "Session Not Found", body: NO_BODY },
  });
});

function encode(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

function text(value: Uint8Array): string {
  return new TextDecoder().decode(value);
}
