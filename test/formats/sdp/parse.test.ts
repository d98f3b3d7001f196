import { expect, test } from "bun:test";
import { sdpAttribute, sdpAttributes } from "../../../src/formats/sdp/model.ts";
import {
  MAX_SDP_ATTRIBUTES,
  MAX_SDP_FORMATS,
  MAX_SDP_LENGTH,
  MAX_SDP_MEDIAS,
  parseSdp,
} from "../../../src/formats/sdp/parse.ts";
import { writeSdp } from "../../../src/formats/sdp/write.ts";
import { ProtocolError } from "../../../src/lib/errors.ts";
import { SDP_SAMPLES } from "./samples.ts";

test.each(SDP_SAMPLES)("what is written parses back to the same: $name", ({ text }) => {
  const parsed = parseSdp(text);
  expect(parseSdp(writeSdp(parsed))).toEqual(parsed);
});

test("every kept line is found where it belongs", () => {
  const text = [
    "v=0",
    "o=alice 1 2 IN IP4 h",
    "s=a title",
    "s=not this one",
    "i=about",
    "c=IN IP4 1.2.3.4",
    "b=AS:10",
    "t=1 2",
    "a=tool:x:y",
    "a=recvonly",
    "m=video 5000/2 RTP/AVP 96 97",
    "c=IN IP4 5.6.7.8",
    "b=AS:5",
    "a=control: one ",
  ];
  expect(parseSdp(text.join("\n"))).toEqual({
    origin: "alice 1 2 IN IP4 h",
    title: "a title",
    connection: "IN IP4 1.2.3.4",
    bandwidths: ["AS:10"],
    timing: "1 2",
    attributes: [
      { name: "tool", value: "x:y" },
      { name: "recvonly", value: undefined },
    ],
    medias: [
      {
        type: "video",
        port: 5000,
        protocol: "RTP/AVP",
        formats: ["96", "97"],
        connection: "IN IP4 5.6.7.8",
        bandwidths: ["AS:5"],
        attributes: [{ name: "control", value: "one" }],
      },
    ],
  });
});

test("what is missing has a default", () => {
  const empty = parseSdp("");
  expect(writeSdp(empty)).toBe("v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns= \r\nt=0 0\r\n");
  expect(parseSdp("o=\nc=\nt=\ns=\n")).toEqual(empty);
});

test("names of attributes in capitals are those in lower case", () => {
  const { medias } = parseSdp("v=0\r\nm=video 0 RTP/AVP 96\r\na=RTPMAP:96 H264/90000\r\na=SendOnly\r\n");
  expect(medias[0]?.attributes).toEqual([
    { name: "rtpmap", value: "96 H264/90000" },
    { name: "sendonly", value: undefined },
  ]);
});

test("line ends of any kind, padding and NUL are accepted", () => {
  for (const text of ["v=0\rs=x\ra=b\r", "v=0\r\ns=x  \r\n\r\na=b\r\n\0\0", " v=0\n\ts=x\na=b"]) {
    expect(parseSdp(text)).toMatchObject({ title: "x", attributes: [{ name: "b" }] });
  }
});

test("a text with line ends cannot add lines", () => {
  expect(writeSdp({ ...parseSdp(""), title: "x\r\nm=video 0 RTP/AVP 0" })).toContain(
    "s=x  m=video 0 RTP/AVP 0\r\n",
  );
});

test("lines that are none are skipped, what is missing in a media is a dash or 0", () => {
  const text = "hello\nv0\n=x\ns =x\nm=video\nm=video -1\nm=\nm=audio 65536 RTP/AVP 0\nm=audio x/y RTP/AVP";
  const { title, medias } = parseSdp(text);
  expect(title).toBe("x");
  expect(medias.map(({ type, port, protocol, formats }) => [type, port, protocol, ...formats])).toEqual([
    ["video", 0, "-"],
    ["video", 0, "-"],
    ["-", 0, "-"],
    ["audio", 0, "RTP/AVP", "0"],
    ["audio", 0, "RTP/AVP"],
  ]);
});

test("attributes are found by name", () => {
  const { attributes } = parseSdp("a=mid\na=mid:\na=mid:1\na=mid:2\na=other:3");
  expect(sdpAttribute(attributes, "mid")).toBe("1");
  expect(sdpAttribute(attributes, "none")).toBeUndefined();
  expect(sdpAttributes(attributes, "mid")).toEqual(["", "1", "2"]);
});

test.each([
  [
    `m=video 0 RTP/AVP${" 96".repeat(MAX_SDP_FORMATS + 1)}`,
    "invalid SDP: more than 128 formats in one media",
  ],
  ["m=video 0 RTP/AVP 0\n".repeat(MAX_SDP_MEDIAS + 1), "invalid SDP: more than 32 medias"],
  ["a=x\n".repeat(MAX_SDP_ATTRIBUTES + 1), "invalid SDP: more than 1024 attributes"],
  ["b=x\n".repeat(129), "invalid SDP: more than 128 bandwidths"],
  ["a".repeat(MAX_SDP_LENGTH + 1), "invalid SDP: longer than 131072"],
])("%p is refused", (text, message) => {
  expect(() => parseSdp(text)).toThrow(new ProtocolError(message));
});
