import { expect } from "bun:test";
import { codecName, MP4_CODECS, MP4_WRITTEN } from "../../src/formats/fmp4/codecs.ts";
import { TS_CODECS } from "../../src/formats/mpegts/codecs.ts";
import type { CodecId } from "../../src/media/codec-parameters.ts";
import { bare } from "./compare.ts";
import {
  type ContainerReader,
  Mp4Reader,
  Mp4Writer,
  TransportReader,
  TransportWriter,
} from "./containers.ts";
import { publishHls } from "./hls-publish.ts";
import { type Bench, isEnough, type Protocol, type ReadTrack } from "./protocol.ts";
import type { Sample } from "./samples.ts";

const PATIENCE_MS = 20_000;
/** Short segments: each is a group of pictures. */
const SHORT = "hlsSegmentDuration: 200ms\nhlsPartDuration: 120ms\nhlsSegmentCount: 100\n";

/** What players expect in transport streams; a stream with others of those that HLS takes is refused. */
const PLAYED: readonly CodecId[] = ["h264", "mpeg4Audio"];
const NOT_PLAYED = MP4_WRITTEN.filter((codec) => !PLAYED.includes(codec));

/** Low-latency HLS, which is only read. */
export function hlsLowLatency(name: string): Protocol {
  return {
    name,
    config: `hlsVariant: lowLatency\n${SHORT}`,
    read: { codecs: MP4_WRITTEN, open: readParts, refused, leftOut },
    normal: bare,
  };
}

/** HLS of segments of fragmented MP4, to and fro. */
export function hlsMp4(name: string): Protocol {
  return {
    name,
    config: `hlsVariant: fmp4\n${SHORT}`,
    publish: {
      codecs: Object.keys(MP4_CODECS) as CodecId[],
      open: (bench, path, samples) =>
        publishHls(bench, path, samples, (memory) => new Mp4Writer(memory, samples)),
    },
    read: { codecs: MP4_WRITTEN, open: readSegments, refused, leftOut },
    normal: bare,
  };
}

/** HLS of segments of MPEG-TS, to and fro. */
export function hlsTs(name: string): Protocol {
  return {
    name,
    config: `hlsVariant: mpegts\n${SHORT}`,
    publish: {
      codecs: Object.keys(TS_CODECS) as CodecId[],
      open: (bench, path, samples) =>
        publishHls(bench, path, samples, (memory) => new TransportWriter(memory, samples)),
    },
    read: { codecs: PLAYED, refuses: NOT_PLAYED, open: readSegments, refused, leftOut },
    normal: bare,
    timescale: 90_000,
  };
}

async function get({ server }: Bench, file: string): Promise<Response> {
  const response = await fetch(server.hls(file), { signal: AbortSignal.timeout(PATIENCE_MS) });
  if (response.status !== 200) throw new Error(`${file}: ${response.status}`);
  return response;
}

/** docs/hls.md: the playlist is not there, and the log says why. */
async function refused({ server }: Bench, path: string): Promise<void> {
  const from = server.log.length;
  const { status } = await fetch(server.hls(`${path}/index.m3u8`));
  expect(status).toBe(404);
  const reason = "(any supported codec|MPEG-TS variant of HLS only supports)";
  await server.waitForLog(new RegExp(`\\[muxer ${path}\\] destroyed .*${reason}`), from);
}

async function leftOut({ server }: Bench, path: string, track: number): Promise<void> {
  await server.waitForLog(new RegExp(`\\[muxer ${path}\\] skipping .*track ${track + 1} \\([^)]+\\): `));
}

/** Names of the codecs in the multivariant playlist. */
async function checkCodecs(bench: Bench, path: string, samples: readonly Sample[]): Promise<void> {
  const index = await (await get(bench, `${path}/index.m3u8`)).text();
  const names = samples.map(({ parameters }) => codecName(parameters!));
  expect(/CODECS="([^"]*)"/.exec(index)?.[1]?.split(",")).toEqual(names);
}

async function openReader(bench: Bench, path: string, playlist: string): Promise<ContainerReader> {
  const init = /#EXT-X-MAP:URI="([^"]+)"/.exec(playlist)?.[1];
  if (init === undefined) return new TransportReader(bench.memory);
  return new Mp4Reader(bench.memory, await (await get(bench, `${path}/${init}`)).bytes());
}

/** What came, copied. */
function enough(reader: ContainerReader, samples: readonly Sample[]): ReadTrack[] | undefined {
  const { tracks } = reader;
  const isAll = tracks.length === samples.length;
  return isAll && tracks.every(({ units, clockRate }) => isEnough(units, clockRate))
    ? [...tracks]
    : undefined;
}

/** Gets the segments of a playlist in order until there is enough. */
async function readSegments(bench: Bench, path: string, samples: readonly Sample[]): Promise<ReadTrack[]> {
  await checkCodecs(bench, path, samples);
  const playlist = async () => await (await get(bench, `${path}/stream.m3u8`)).text();
  using reader = await openReader(bench, path, await playlist());
  const seen = new Set<string>();
  let tracks: ReadTrack[] | undefined;
  await bench.server.until(async () => {
    for (const [, uri = ""] of (await playlist()).matchAll(/^#EXTINF:.*\n(?:#.*\n)*([^#\n]+)$/gm)) {
      if (seen.has(uri)) continue;
      seen.add(uri);
      reader.push(await (await get(bench, `${path}/${uri}`)).bytes());
      reader.flush();
    }
    tracks = enough(reader, samples);
    return tracks !== undefined;
  }, `enough of ${path}`);
  return tracks!;
}

/** The parts that a playlist lists, the name of the one that comes next, and how to wait for it (RFC 8216bis §6.2.5.2). */
function partsOf(playlist: string): {
  readonly uris: string[];
  readonly hint: string;
  readonly wait: string;
} {
  const uris = [...playlist.matchAll(/^#EXT-X-PART:.*URI="([^"]+)"/gm)].map(([, uri = ""]) => uri);
  const hint = /^#EXT-X-PRELOAD-HINT:TYPE=PART,URI="([^"]+)"/m.exec(playlist)?.[1] ?? "";
  const whole = playlist.match(/^#EXTINF:/gm)?.length ?? 0;
  const segment = Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(playlist)?.[1]) + whole;
  const [open = ""] = playlist.split(/^#EXTINF:/m).slice(-1);
  const part = open.match(/^#EXT-X-PART:/gm)?.length ?? 0;
  return { uris, hint, wait: `?_HLS_msn=${segment}&_HLS_part=${part}` };
}

/** Gets the parts of a playlist in order until there is enough; who was away for too long begins again. */
async function readParts(bench: Bench, path: string, samples: readonly Sample[]): Promise<ReadTrack[]> {
  await checkCodecs(bench, path, samples);
  for (;;) {
    const tracks = await followParts(bench, path, samples);
    if (tracks !== undefined) return tracks;
  }
}

/** Undefined when a part that comes next is not listed any more, or gone. */
async function followParts(
  bench: Bench,
  path: string,
  samples: readonly Sample[],
): Promise<ReadTrack[] | undefined> {
  let playlist = await (await get(bench, `${path}/stream.m3u8`)).text();
  using reader = await openReader(bench, path, playlist);
  let { uris, hint, wait } = partsOf(playlist);
  for (;;) {
    for (const uri of uris) {
      const part = await fetch(bench.server.hls(`${path}/${uri}`));
      if (part.status === 404) return undefined;
      reader.push(await part.bytes());
    }
    const tracks = enough(reader, samples);
    if (tracks !== undefined) return tracks;
    playlist = await (await get(bench, `${path}/stream.m3u8${wait}`)).text();
    const next = partsOf(playlist);
    const at = next.uris.indexOf(hint);
    if (at < 0) return undefined;
    uris = next.uris.slice(at);
    ({ hint, wait } = next);
  }
}
