import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { RtspClient } from "../support/rtsp-client.ts";
import { TestServer } from "../support/server.ts";
import { Arena, SHORT } from "./arena.ts";
import { Certificates } from "./certificates.ts";
import { TestPublisher } from "./publisher.ts";
import { TestReader } from "./reader.ts";

const LIMIT_MS = 60_000;

function tlsTest(name: string, run: () => Promise<void>): void {
  if (Certificates.available) test.concurrent(name, run, LIMIT_MS);
  else test.skip(`${name} (not installed: openssl)`, run);
}

function configOf(certificates: Certificates, encryption = "optional"): string {
  return `encryption: "${encryption}"\nrtspsAddress: 127.0.0.1:0\n${certificates.config}`;
}

tlsTest("publishers and readers by RTSP and RTSPS in every pairing get every byte", async () => {
  using certificates = new Certificates("one");
  await using arena = await Arena.start({ config: configOf(certificates) });
  for (const publish of [arena.url("plain"), arena.secureUrl("secure")]) {
    await using publisher = await TestPublisher.start(publish, { seed: publish.length });
    const path = new URL(publish).pathname.slice(1);
    await using plain = await TestReader.start(arena.url(path), publisher.tracks);
    await using secure = await TestReader.start(arena.secureUrl(path), publisher.tracks);
    await using audio = await TestReader.start(arena.secureUrl(path), publisher.tracks, { tracks: [1] });
    const readers = [plain, secure, audio];
    await Promise.all([plain.more(300), secure.more(300), audio.more(80)]);
    publisher.fallSilent();
    for (const reader of readers) {
      await reader.until(
        () => reader.checks.every((check, i) => check === undefined || check.last === publisher.sent[i]! - 1),
        "every packet",
      );
      expect(reader.faults).toEqual([]);
    }
    type List = { itemCount: number };
    const { itemCount } = await arena.server.api<List>("/v2/rtspssessions/list");
    expect(itemCount).toBe(publish.startsWith("rtsps") ? 3 : 2);
    expect((await arena.server.api<List>("/v2/rtspsconns/list")).itemCount).toBe(itemCount);
  }
  await arena.settle();
});

tlsTest("over TLS media goes over the connection alone, and URLs say rtsps", async () => {
  using certificates = new Certificates("one");
  await using arena = await Arena.start({ config: configOf(certificates) });
  {
    await using publisher = await TestPublisher.start(arena.url("cam"));
    await using client = await RtspClient.connect(arena.secureUrl("cam"));
    const { headers, body } = await client.must("DESCRIBE");
    expect(headers.get("Content-Base")).toBe(`${arena.secureUrl("cam")}/`);
    expect(new TextDecoder().decode(body)).toContain(`a=control:${arena.secureUrl("cam")}/trackID=0`);
    for (const transport of ["RTP/AVP;unicast;client_port=4000-4001", "RTP/AVP;multicast"]) {
      const options = { url: "/trackID=0", headers: { Transport: transport } };
      expect((await client.request("SETUP", options)).status).toBe(461);
    }
    expect(publisher.client.isClosed).toBe(false);
  }
  await arena.settle();
});

tlsTest(
  "a certificate is replaced while 100 readers play: none drops, newcomers see the new one",
  async () => {
    using certificates = new Certificates("one");
    await using arena = await Arena.start({
      config: configOf(certificates),
      timeouts: "10s",
      peakMb: 300,
      errors: /keeping the current certificate/,
    });
    {
      await using publisher = await TestPublisher.start(arena.url("cam"));
      const readers = await Promise.all(
        Array.from({ length: 100 }, () => TestReader.start(arena.secureUrl("cam"), publisher.tracks)),
      );
      const see = async () => {
        await using client = await RtspClient.connect(arena.secureUrl("cam"));
        await client.must("OPTIONS");
        return client.certificate;
      };
      expect(await see()).toBe("one");
      certificates.make("two");
      await arena.logged(/INF \[RTSPS\] certificate reloaded from .*server\.crt/);
      expect(await see()).toBe("two");
      const mark = arena.server.log.length;
      writeFileSync(certificates.keyFile, "no key");
      await arena.logged(/ERR \[RTSPS\] keeping the current certificate: .*server\.key is not valid/, mark);
      expect(await see()).toBe("two");
      certificates.make("three");
      await arena.logged(/INF \[RTSPS\] certificate reloaded from .*server\.crt/, mark);
      expect(await see()).toBe("three");
      await Promise.all(readers.map((reader) => reader.more(50)));
      for (const reader of readers) {
        expect([reader.faults, reader.client.isClosed]).toEqual([[], false]);
      }
      await Promise.all(readers.map((reader) => reader[Symbol.asyncDispose]()));
    }
    await arena.settle();
  },
);

tlsTest("plain text, junk and silence on the TLS port end those who send them alone", async () => {
  using certificates = new Certificates("one");
  await using arena = await Arena.start({ config: configOf(certificates), timeouts: SHORT });
  {
    await using publisher = await TestPublisher.start(arena.secureUrl("cam"));
    await using reader = await TestReader.start(arena.secureUrl("cam"), publisher.tracks);
    const port = Number(new URL(arena.secureUrl("cam")).port);
    const plain = await Promise.all(Array.from({ length: 60 }, (_, i) => junk(port, i)));
    await Promise.all(plain);
    await arena.logged(/closed \(TLS handshake failed: E[A-Z]+\)/);
    await arena.logged(/closed \(i\/o timeout: no request\)/);
    await reader.more();
    expect(reader.faults).toEqual([]);
  }
  await arena.settle();
});

/** Connects, sends something that is no TLS, or nothing, and resolves when the server has closed. */
async function junk(port: number, i: number): Promise<void> {
  const closed = Promise.withResolvers<void>();
  const texts = [
    "OPTIONS rtsp://x RTSP/1.0\r\nCSeq: 1\r\n\r\n",
    "\x16\x03\x01\x00\x05hello",
    "\x16\x03\x01",
    "",
  ];
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: { data() {}, close: () => closed.resolve(), error: () => closed.resolve() },
  });
  socket.write(texts[i % texts.length]!);
  await closed.promise;
}

tlsTest(
  "a reader over TLS that stops reading is closed after writeTimeout, the others see nothing of it",
  async () => {
    using certificates = new Certificates("one");
    await using arena = await Arena.start({ config: configOf(certificates), timeouts: "3s" });
    {
      await using publisher = await TestPublisher.start(arena.url("cam"), { bytesPerSecond: 4_000_000 });
      await using reader = await TestReader.start(arena.secureUrl("cam"), publisher.tracks);
      const stalled = await TestReader.start(arena.secureUrl("cam"), publisher.tracks, { skips: true });
      stalled.client.pause();
      await arena.logged(/closed \(write timeout: the reader does not read\)/);
      await reader.more(500);
      expect([reader.faults, stalled.faults]).toEqual([[], []]);
      stalled.client.terminate();
    }
    await arena.settle();
  },
);

tlsTest("with strict encryption there is RTSPS alone", async () => {
  using certificates = new Certificates("one");
  const config = `protocols: [tcp]\n${configOf(certificates, "strict")}paths:\n  all:\n`;
  await using server = await TestServer.start({ config });
  await using publisher = await TestPublisher.start(server.rtsps("cam"));
  await using reader = await TestReader.start(server.rtsps("cam"), publisher.tracks);
  await reader.more();
  expect(server.log).not.toContain("[RTSP] listener");
  expect((await fetch(`${server.apiUrl}/v2/rtspsessions/list`)).status).toBe(404);
  expect(await server.metric("rtsps_conns")).toBe(1);
});

tlsTest("a certificate that cannot be used is named at the start, which is refused", async () => {
  using certificates = new Certificates("one");
  writeFileSync(certificates.certFile, "nothing");
  const started = TestServer.start({ config: `${configOf(certificates)}paths:\n  all:\n` });
  await expect(started).rejects.toThrow(/ERR .*server\.crt is not valid/);
});
