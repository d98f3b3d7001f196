import type { ContainerWriter } from "./containers.ts";
import type { Bench, Publication } from "./protocol.ts";
import type { Sample, SampleUnit } from "./samples.ts";
import { addSource, removeSource, sourceReady } from "./source-path.ts";

/** Length of a segment, s, two groups of pictures; and how many there are: nobody comes to the end. */
const SEGMENT_S = 0.48;
const SEGMENTS = 1_000;
const PLAYLIST = "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:0\n";

/** Units whose decoding begins in segment `n`. */
function unitsOf({ format, ticks, unit, delay = 0 }: Sample, n: number): SampleUnit[] {
  const first = (segment: number) =>
    Math.max(0, Math.ceil(((segment * SEGMENT_S - delay) * format.clockRate) / ticks - 1e-6));
  return Array.from({ length: first(n + 1) - first(n) }, (_, i) => unit(first(n) + i));
}

/** Serves a recording, which the server plays in real time. */
export async function publishHls(
  { server, memory }: Bench,
  path: string,
  samples: readonly Sample[],
  open: (memory: Bench["memory"], samples: readonly Sample[]) => ContainerWriter,
): Promise<Publication> {
  const writer = open(memory, samples);
  let asked = 0;
  const origin = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: ({ url }) => {
      const name = new URL(url).pathname.slice(1);
      if (name === "index.m3u8") return new Response(playlist(writer));
      if (name === "init") return new Response(new Uint8Array(writer.init!));
      asked = Math.max(asked, Number(name) + 1);
      const units = samples.map((sample) => unitsOf(sample, Number(name)));
      return new Response(new Uint8Array(writer.write(units)));
    },
  });
  const from = server.log.length;
  await addSource(server, path, `http://127.0.0.1:${origin.port}/index.m3u8`);
  await sourceReady(server, path, from);
  return {
    units: ({ format, ticks }) => Math.ceil((asked * SEGMENT_S * format.clockRate) / ticks),
    [Symbol.asyncDispose]: async () => {
      await removeSource(server, path);
      await origin.stop(true);
      writer[Symbol.dispose]();
    },
  };
}

function playlist({ init }: ContainerWriter): string {
  const map = init === undefined ? "" : '#EXT-X-MAP:URI="init"\n';
  const segments = Array.from({ length: SEGMENTS }, (_, i) => `#EXTINF:${SEGMENT_S},\n${i}\n`);
  return `${PLAYLIST}${map}${segments.join("")}#EXT-X-ENDLIST\n`;
}
