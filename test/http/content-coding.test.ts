import { afterEach, describe, expect, test } from "bun:test";
import zlib from "node:zlib";
import { HttpClient } from "../../src/http/client.ts";

const opened: { stop(): void }[] = [];
afterEach(() => {
  for (const each of opened.splice(0)) each.stop();
});

const TEXT = "#EXTM3U\n".repeat(5_000);

interface Asked {
  readonly limit?: number;
  readonly range?: { readonly offset: number; readonly length: number };
}

/** The text of a body that a server sends with these headers. */
async function receive(body: Uint8Array, coding: string, asked: Asked = {}, status = 200): Promise<string> {
  const headers = { "Content-Encoding": coding };
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => new Response(body as Uint8Array<ArrayBuffer>, { status, headers }),
  });
  const url = new URL(server.url);
  const client = new HttpClient({ source: url, fingerprint: "", timeout: 10_000 });
  opened.push({ stop: () => void server.stop(true) }, { stop: () => client.close() });
  const { signal } = new AbortController();
  const { body: bytes } = await client.bytes({ url, limit: 100_000, patience: 20_000, signal, ...asked });
  return new TextDecoder().decode(bytes);
}

describe("a body that is compressed unasked", () => {
  test.each([
    ["gzip", zlib.gzipSync(TEXT)],
    ["x-gzip", zlib.gzipSync(TEXT)],
    ["GZIP", zlib.gzipSync(TEXT)],
    ["deflate", zlib.deflateSync(TEXT)],
    ["deflate", zlib.deflateRawSync(TEXT)],
    ["br", zlib.brotliCompressSync(TEXT)],
    ["br, gzip", zlib.gzipSync(zlib.brotliCompressSync(TEXT))],
    ["identity", Buffer.from(TEXT)],
    ["gzip", Buffer.from(TEXT)],
  ])("%s", async (coding, body) => {
    expect(await receive(body, coding)).toBe(TEXT);
  });

  test("an empty one", async () => {
    expect(await receive(new Uint8Array(0), "gzip")).toBe("");
  });

  test("its limit is that of what comes out", async () => {
    const bomb = zlib.gzipSync(new Uint8Array(50_000_000));
    expect(receive(bomb, "gzip")).rejects.toThrow("the body is larger than 100000 bytes");
  });

  test.each([
    ["gzip", zlib.gzipSync(TEXT).subarray(0, 60)],
    ["deflate", Buffer.from([0x78, 0x9c, 0xff, 0xff, 0xff])],
    ["br", Buffer.from([0xff, 0xff, 0xff])],
  ])("one that is no %s", async (coding, body) => {
    expect(receive(body, coding)).rejects.toThrow(`the body is not valid ${coding}`);
  });

  test("a range of it is refused: it is not that of the file", async () => {
    const answer = receive(zlib.gzipSync(TEXT), "gzip", { range: { offset: 0, length: 10 } }, 206);
    expect(answer).rejects.toThrow("the range of bytes is compressed");
  });
});
