import type { TrackState } from "../../wasm/track.ts";
import type { PictureSize } from "../formats/rtp/payload-sizes.ts";
import { pictureSizeOf } from "../formats/rtp/picture-size.ts";
import type { JsonObject } from "../lib/registry.ts";
import { CODECS } from "../media/codecs.ts";
import type { Format } from "../media/track.ts";
import type { OutputContext } from "./output.ts";

/** Samples that the frame rate is made of; one is taken each second. */
const SAMPLES = 6;

/** Live statistics of a stream: losses, and the pictures of its first video track. */
export class StreamStats {
  readonly #context: OutputContext;
  readonly #video: { readonly track: TrackState; readonly format: Format } | undefined;
  readonly #rate = new FrameRate();
  /** The payload the picture size was read from, and the size. */
  #sizeKey = "";
  #size: PictureSize | undefined;

  constructor(context: OutputContext) {
    this.#context = context;
    const { description, log } = context;
    const isVideo = ({ codec }: Format) => CODECS[codec].kind === "video";
    const index = description.tracks.findIndex(({ formats }) => formats.some(isVideo));
    const track = log.tracks[index];
    const format = description.tracks[index]?.formats.find(isVideo);
    this.#video = track === undefined || format === undefined ? undefined : { track, format };
  }

  /** Called once a second. */
  sample(now: number): void {
    const track = this.#video?.track;
    if (track !== undefined) this.#rate.sample({ frames: track.frames, time: track.frameTime, now });
  }

  /** RTP packets received. */
  get packetsReceived(): number {
    return this.#context.log.tracks.reduce((sum, { packets }) => sum + packets, 0);
  }

  /** RTP packets lost. */
  get packetsLost(): number {
    return this.#context.log.tracks.reduce((sum, { lost }) => sum + lost, 0);
  }

  /** The known values, as the API shows them. */
  describe(): JsonObject {
    const { packetsReceived, packetsLost } = this;
    return { ...this.#describeVideo(), packetsReceived, packetsLost };
  }

  #describeVideo(): JsonObject {
    const video = this.#video;
    if (video === undefined || video.track.frames === 0) return {};
    const { gopFrames, randomAccessArrival } = video.track;
    return {
      frameRate: this.#rate.perSecond(video.format.clockRate),
      ...this.#pictureSize(video.format, video.track),
      ...(gopFrames > 0 && { gopFrames }),
      ...(randomAccessArrival > 0 && {
        keyFrameAgeMs: Math.max(Math.round(this.#context.clock.now() - randomAccessArrival), 0),
      }),
    };
  }

  #pictureSize(format: Format, track: TrackState): JsonObject {
    const key = `${track.paramsVersion}/${track.randomAccessPoints}`;
    if (key !== this.#sizeKey) {
      this.#sizeKey = key;
      this.#size = pictureSizeOf(format, track) ?? this.#size;
    }
    return this.#size === undefined ? {} : { width: this.#size.width, height: this.#size.height };
  }
}

/** Frames of a track counted at `now` (monotonic ms), and the RTP time of the last one. */
interface FrameSample {
  readonly frames: number;
  readonly time: number;
  readonly now: number;
}

/** Frames per second over the last samples. */
export class FrameRate {
  readonly #samples: FrameSample[] = [];

  sample(sample: FrameSample): void {
    this.#samples.push(sample);
    if (this.#samples.length > SAMPLES) this.#samples.shift();
  }

  /**
   * From the RTP times, which are more exact than arrival; from arrival when they are invalid or
   * nothing arrives.
   *
   * @param clockRate ticks a second
   * @returns with three decimals at most
   */
  perSecond(clockRate: number): number {
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last === first) return 0;
    const frames = (last.frames - first.frames) >>> 0;
    const byArrival = (frames * 1000) / (last.now - first.now);
    const ticks = (last.time - first.time) | 0;
    const byTime = (frames * clockRate) / ticks;
    const isLive = last.frames !== this.#samples.at(-2)?.frames || frames <= SAMPLES;
    const isSensible = ticks > 0 && byTime > byArrival / 2 && byTime < byArrival * 2;
    return Math.round((isLive && isSensible ? byTime : byArrival) * 1000) / 1000;
  }
}
