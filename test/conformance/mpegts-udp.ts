import { TS_CODECS } from "../../src/formats/mpegts/codecs.ts";
import type { CodecId } from "../../src/media/codec-parameters.ts";
import { bare } from "./compare.ts";
import { TransportWriter } from "./containers.ts";
import { Feed } from "./feed.ts";
import type { Bench, Protocol, Publication } from "./protocol.ts";
import type { Sample, SampleUnit } from "./samples.ts";
import { addSource, removeSource, sourceReady } from "./source-path.ts";

/** Bytes of a datagram: seven packets. */
const DATAGRAM = 7 * 188;

/** MPEG-TS in datagrams, which the server receives as a source. */
export function mpegtsUdp(name: string): Protocol {
  return {
    name,
    publish: { codecs: Object.keys(TS_CODECS) as CodecId[], open: publish },
    normal: bare,
    timescale: 90_000,
  };
}

async function publish(
  { server, memory }: Bench,
  path: string,
  samples: readonly Sample[],
): Promise<Publication> {
  const from = server.log.length;
  await addSource(server, path, "udp://127.0.0.1:0");
  const line = new RegExp(`\\[path ${path}\\] \\[UDP source\\] listening on 127\\.0\\.0\\.1:(\\d+)`);
  const port = Number((await server.waitForLog(line, from))[1]);
  const socket = await Bun.udpSocket({ hostname: "127.0.0.1", port: 0 });
  const writer = new TransportWriter(memory, samples);
  const pending: SampleUnit[][] = samples.map(() => []);
  const flush = () => {
    if (pending.every(({ length }) => length === 0)) return;
    const bytes = writer.write(pending);
    for (const list of pending) list.length = 0;
    for (let at = 0; at < bytes.length; at += DATAGRAM)
      socket.send(bytes.subarray(at, at + DATAGRAM), port, "127.0.0.1");
  };
  const feed = new Feed(samples, (track, unit) => pending[track]?.push(unit), flush);
  await sourceReady(server, path, from);
  return {
    units: (sample) => feed.sent(sample),
    [Symbol.asyncDispose]: async () => {
      feed[Symbol.dispose]();
      writer[Symbol.dispose]();
      socket.close();
      await removeSource(server, path);
    },
  };
}
