import { FLV_AUDIO, FLV_VIDEO } from "../../assembly/abi.ts";
import { FLV_CODECS, isFlvVideo } from "../../src/formats/flv/codecs.ts";
import { flvHead, flvSequenceHeader } from "../../src/formats/flv/messages.ts";
import { writeMetadata } from "../../src/formats/flv/metadata.ts";
import type { CodecId, KnownParameters } from "../../src/media/codec-parameters.ts";
import type { MediaMemory } from "../../wasm/core.ts";
import { FlvMuxer } from "../../wasm/flv-muxer.ts";
import { UnitWriter } from "../../wasm/unit-writer.ts";
import { UnitLog } from "../../wasm/units.ts";
import type { FlvTag } from "../support/flv.ts";
import { RtmpTestClient } from "../support/rtmp-client.ts";
import { FlvBench } from "../wasm/flv-bench.ts";
import { bare } from "./compare.ts";
import { Feed } from "./feed.ts";
import { type Bench, isEnough, type Protocol, type Publication, type ReadTrack } from "./protocol.ts";
import type { Sample, SampleUnit } from "./samples.ts";

/** All but those of which RTMP carries some samples only. */
const CARRIED = (Object.keys(FLV_CODECS) as CodecId[]).filter(
  (codec) => codec !== "g711" && codec !== "lpcm",
);
const ROOM = 60_000;
/** Knows everything, multitrack too. */
const CLIENT = { fourCcList: ["*"], capsEx: 2 };

/** RTMP, legacy and enhanced. */
export function rtmp(name: string): Protocol {
  return {
    name,
    publish: { codecs: CARRIED, open: publish },
    read: { codecs: CARRIED, open: read },
    normal: bare,
    timescale: 1_000,
  };
}

/** Number of each track among those of its kind. */
function idsOf(samples: readonly Sample[]): number[] {
  return samples.map(({ codec }, i) => {
    return samples.slice(0, i).filter((other) => isFlvVideo(other.codec) === isFlvVideo(codec)).length;
  });
}

async function publish(
  { server, memory }: Bench,
  path: string,
  samples: readonly Sample[],
): Promise<Publication> {
  const client = await RtmpTestClient.publishing(server.rtmp(path));
  const known = samples.map(({ parameters }) => parameters as KnownParameters);
  const described = known.map((parameters) => ({ parameters, kbps: 0 }));
  client.sendMetadata(Object.fromEntries(writeMetadata(described)));
  const writer = new TagWriter(memory, samples);
  for (const tag of writer.headers) client.sendTag(tag);
  const feed = new Feed(samples, (track, unit) => client.sendTag(writer.write(track, unit)));
  await server.waitForLog(new RegExp(`is publishing to path '${path}'`));
  return {
    units: (sample) => feed.sent(sample),
    [Symbol.asyncDispose]: async () => {
      feed[Symbol.dispose]();
      await client[Symbol.asyncDispose]();
      writer[Symbol.dispose]();
    },
  };
}

/** Makes tags of units. */
class TagWriter implements Disposable {
  readonly headers: readonly FlvTag[];
  readonly #memory: MediaMemory;
  readonly #logs: readonly UnitLog[];
  readonly #types: readonly number[];
  readonly #writer: UnitWriter;
  readonly #muxer: FlvMuxer;
  readonly #room: number;

  constructor(memory: MediaMemory, samples: readonly Sample[]) {
    const ids = idsOf(samples);
    this.#memory = memory;
    this.#writer = UnitWriter.open(memory)!;
    this.#muxer = FlvMuxer.open(memory);
    this.#room = memory.take(ROOM)!;
    this.#types = samples.map(({ codec }) => (isFlvVideo(codec) ? FLV_VIDEO : FLV_AUDIO));
    this.#logs = samples.map(({ format: { clockRate } }) => {
      return UnitLog.open(memory, { format: 0, clockRate, frameTicks: 0, reorderDepth: 0 })!;
    });
    this.#muxer.setUp(
      samples.map(({ parameters, codec }, i) => {
        const units = this.#logs[i] as UnitLog;
        return { ...flvHead(parameters!, ids[i])!, units, isVideo: isFlvVideo(codec) };
      }),
    );
    this.headers = samples.flatMap(({ parameters }, i) => {
      const body = flvSequenceHeader(parameters!, ids[i]);
      return body === undefined ? [] : [{ type: this.#types[i] as number, timestamp: 0, body }];
    });
  }

  write(track: number, unit: SampleUnit): FlvTag {
    const log = this.#logs[track] as UnitLog;
    log.trim(log.headSeq);
    const from = log.headSeq;
    this.#writer.write(log, unit.bytes, unit);
    this.#muxer.find(track, from, 0);
    const { time, size } = this.#muxer;
    this.#muxer.write(this.#room);
    const body = this.#memory.u8.slice(this.#room, this.#room + size);
    return { type: this.#types[track] as number, timestamp: time, body };
  }

  [Symbol.dispose](): void {
    this.#muxer.close();
    this.#writer.close();
    this.#memory.give(this.#room);
    for (const log of this.#logs) log.close();
  }
}

async function read(
  { server, memory }: Bench,
  path: string,
  samples: readonly Sample[],
): Promise<ReadTrack[]> {
  await using client = await RtmpTestClient.playing(server.rtmp(path), CLIENT);
  using bench = new FlvBench(memory);
  let taken = 0;
  return await client.until(() => {
    const { media } = client;
    for (; taken < media.length; taken++) {
      const { type, timestamp, body } = media[taken]!;
      bench.push(type, timestamp, body);
    }
    return tracksOf(bench, samples);
  }, `enough of ${path}`);
}

/** Undefined before there is enough. */
function tracksOf(bench: FlvBench, samples: readonly Sample[]): ReadTrack[] | undefined {
  const ids = idsOf(samples);
  const tracks: ReadTrack[] = [];
  for (const [i, { codec }] of samples.entries()) {
    const isVideo = isFlvVideo(codec);
    const track = bench.demuxer.tracks.find((each) => each.isVideo === isVideo && each.id === ids[i]);
    if (track?.units === undefined) return undefined;
    const { clockRate } = track.units;
    const units = bench.units(isVideo, ids[i]);
    if (!isEnough(units, clockRate)) return undefined;
    tracks.push({ codec: track.parameters!.codec, parameters: track.parameters, clockRate, zero: 0, units });
  }
  return tracks;
}
