import { expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { contiguousRun } from "../support/exact.ts";
import { RtmpTestClient } from "../support/rtmp-client.ts";
import { TestServer } from "../support/server.ts";
import { Certificates } from "./certificates.ts";
import { flvTags, frames, sendTags } from "./rtmp-flv.ts";

const LIMIT_MS = 120_000;

test(
  "a chain of two servers: the first is killed, and comes back on its port",
  async () => {
    let origin = await TestServer.start();
    const port = new URL(origin.rtmp("")).port;
    const url = origin.rtmp("live/a");
    await using server = await TestServer.start({ config: `paths:\n  pulled:\n    source: ${url}\n` });
    const tags = await flvTags();
    try {
      for (let round = 1; round <= 3; round++) {
        await using publisher = await RtmpTestClient.publishing(url);
        let sent = 0;
        const send = () => sendTags(publisher, tags, 10_000 * sent++);
        const timer = setInterval(send, 300);
        await server.until(
          () => server.log.split("[RTMP source] ready: 2 tracks").length > round,
          `ready, round ${round}`,
        );
        await using reader = await RtmpTestClient.playing(server.rtmp("pulled"));
        await reader.until(() => (frames(reader.received, 9).length > 300 ? true : undefined), "pictures");
        contiguousRun(frames(tags, 9), frames(reader.received, 9));
        clearInterval(timer);
        origin.kill("SIGKILL");
        await origin.stop();
        await reader.closed;
        expect(reader.codes.at(-1)).toBe("NetStream.Play.UnpublishNotify");
        origin = await TestServer.start({ config: `rtmpAddress: 127.0.0.1:${port}\npaths:\n  all:\n` });
      }
    } finally {
      await origin.stop();
    }
  },
  LIMIT_MS,
);

test(
  "a source on demand is started for a reader, and says why it cannot",
  async () => {
    await using origin = await TestServer.start({
      config: "paths:\n  live/a:\n    readUser: u\n    readPass: p\n",
    });
    await using publisher = await RtmpTestClient.publishing(origin.rtmp("live/a"));
    const tags = await flvTags();
    sendTags(publisher, tags);
    await origin.waitForLog(/is publishing to path 'live\/a'/);
    const paths = ["right", "wrong"].map(
      (name) =>
        `  ${name}:\n    source: ${origin.rtmp(`live/a?user=u&pass=${name === "right" ? "p" : "x"}`)}\n` +
        "    sourceOnDemand: yes\n    sourceOnDemandStartTimeout: 8s\n",
    );
    await using server = await TestServer.start({ config: `paths:\n${paths.join("")}` });
    await using reader = await RtmpTestClient.connect(server.rtmp("right"));
    await reader.open();
    reader.play();
    const timer = setInterval(() => sendTags(publisher, tags), 500);
    await reader.status("NetStream.Play.Start");
    await reader.until(() => (reader.media.length > 20 ? true : undefined), "media");
    clearInterval(timer);
    await using refused = await RtmpTestClient.connect(server.rtmp("wrong"));
    await refused.open();
    refused.play();
    await refused.closed;
    expect(refused.codes).toEqual(["NetStream.Play.StreamNotFound"]);
    await server.waitForLog(
      /\[path wrong\] \[RTMP source\] server refused play request: NetStream\.Play\.Failed/,
    );
    expect(server.log).not.toMatch(/pass=x|pass=p/);
  },
  LIMIT_MS,
);

test.skipIf(!Certificates.available)(
  "a source over RTMPS is known by its fingerprint",
  async () => {
    using certificates = new Certificates("one");
    const files = `rtmpServerKey: ${certificates.keyFile}\nrtmpServerCert: ${certificates.certFile}\n`;
    await using origin = await TestServer.start({
      config: `rtmpEncryption: strict\n${files}paths:\n  all:\n`,
    });
    await using publisher = await RtmpTestClient.publishing(origin.rtmps("live/a"));
    sendTags(publisher, await flvTags());
    await origin.waitForLog(/is publishing to path/);
    const url = origin.rtmps("live/a");
    const fingerprint = new X509Certificate(readFileSync(certificates.certFile)).fingerprint256.replaceAll(
      ":",
      "",
    );
    const config = ["good", "bad"].map(
      (name) =>
        `  ${name}:\n    source: ${url}\n    sourceFingerprint: ${name === "good" ? fingerprint : "ab"}\n`,
    );
    await using server = await TestServer.start({ config: `paths:\n${config.join("")}` });
    const tags = await flvTags();
    const timer = setInterval(() => sendTags(publisher, tags), 500);
    await server.waitForLog(/\[path good\] \[RTMP source\] ready: 2 tracks/);
    clearInterval(timer);
    await server.waitForLog(/\[path bad\] \[RTMP source\] source fingerprint does not match/);
  },
  LIMIT_MS,
);
