import { describe, expect, test } from "bun:test";
import { payloadPictureSize } from "../../../src/formats/rtp/picture-size.ts";
import { PICTURE_PAYLOADS } from "./picture-payloads.ts";

describe("the size of a picture, in the RTP payload that begins it", () => {
  test.each(PICTURE_PAYLOADS)("%s with %s", (codec, _, bytes) => {
    const { width, height } = payloadPictureSize(codec, Uint8Array.from(bytes)) ?? {};
    expect([width, height]).toEqual([640, 360]);
  });

  test.each(PICTURE_PAYLOADS)("%s with %s, cut anywhere, has none or the right one", (codec, _, bytes) => {
    for (let size = 0; size < bytes.length; size++) {
      const cut = payloadPictureSize(codec, Uint8Array.from(bytes.slice(0, size)));
      if (cut !== undefined) expect([cut.width, cut.height]).toEqual([640, 360]);
    }
  });

  test("other codecs say nothing, nor do pictures that need what came before", () => {
    expect(payloadPictureSize("opus", Uint8Array.of(1, 2, 3))).toBeUndefined();
    expect(
      payloadPictureSize("vp8", Uint8Array.of(0x10, 0x11, 0, 0, 0x9d, 1, 0x2a, 0, 2, 0, 1)),
    ).toBeUndefined();
    expect(payloadPictureSize("mjpeg", new Uint8Array(8))).toBeUndefined();
  });
});
