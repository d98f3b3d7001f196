import { expect, test } from "bun:test";
import { ChunkedDecoder } from "../../../src/protocols/rtsp/proto/chunked.ts";

function decode(text: string, piece: number): { readonly got: string; readonly ends: number } {
  let got = "";
  let ends = 0;
  const decoder = new ChunkedDecoder(
    (bytes) => {
      got += Buffer.from(bytes).toString("latin1");
    },
    () => {
      ends += 1;
    },
  );
  const bytes = Buffer.from(text, "latin1");
  for (let at = 0; at < bytes.length; at += piece) decoder.receive(bytes.subarray(at, at + piece));
  return { got, ends };
}

const TEXT = `5\r\nhello\r\n1A;name=value\r\n\r\nabcdefghijklmnopqrstuv\r\n\r\n2\nno\n000\r\nignored`;

test.each([1, 2, 3, 7, 1_000])("chunks are joined, in pieces of %d bytes", (piece) => {
  expect(decode(TEXT, piece)).toEqual({ got: "hello\r\nabcdefghijklmnopqrstuv\r\nno", ends: 1 });
});

test.each(["x\r\n", "-1\r\n", "123456789\r\n", `1;${"x".repeat(300)}\r\n`, "1".repeat(300)])(
  "chunks that are none are refused: %#",
  (text) => {
    expect(() => decode(text, 4)).toThrow(/chunk/);
  },
);
