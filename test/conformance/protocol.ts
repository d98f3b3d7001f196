import type { CodecId, CodecParameters } from "../../src/media/codec-parameters.ts";
import type { MediaMemory } from "../../wasm/core.ts";
import type { TestServer } from "../support/server.ts";
import type { Sample } from "./samples.ts";

/** The server under test, and media memory of our clients. */
export interface Bench {
  readonly server: TestServer;
  readonly memory: MediaMemory;
}

/** A unit as a reader got it. */
export interface ReadUnit {
  readonly bytes: Uint8Array;
  /** Ticks of `ReadTrack.clockRate`, from any origin. */
  readonly pts: number;
  /** Undefined where the protocol does not say it. */
  readonly dts?: number;
}

export interface ReadTrack {
  readonly codec: CodecId;
  /** What was said of the codec in front of the media. */
  readonly parameters: CodecParameters | undefined;
  readonly clockRate: number;
  /** Tick at one instant that the tracks of a reader have in common. */
  readonly zero: number;
  /** The first one may be a part of a unit, where readers begin anywhere. */
  readonly units: readonly ReadUnit[];
}

/** A stream that is published until it is disposed of. */
export interface Publication extends AsyncDisposable {
  /** Units of a track that are published at most. */
  units(sample: Sample): number;
}

/** A protocol as our clients publish and read it, and the server too when it fetches. */
export interface Protocol {
  readonly name: string;
  /** Configuration that a server needs for it to be read; readers with none share the server of others. */
  readonly config?: string;
  readonly publish?: {
    readonly codecs: readonly CodecId[];
    /** Whether a session description says what the tracks are before they come. */
    readonly isDescribed?: boolean;
    /** Whether publishers choose the RTP times. */
    readonly choosesTimes?: boolean;
    /** Resolves once readers can come. */
    open(bench: Bench, path: string, samples: readonly Sample[]): Promise<Publication>;
  };
  readonly read?: {
    readonly codecs: readonly CodecId[];
    /** Codecs with which all of a stream is refused. */
    readonly refuses?: readonly CodecId[];
    /** Resolves with `WANTED_S` of media of each track; of others nothing is there. */
    open(bench: Bench, path: string, samples: readonly Sample[]): Promise<ReadTrack[]>;
    /** Checks that a stream is refused as documented. */
    refused?(bench: Bench, path: string): Promise<void>;
    /** Checks that the log says that the track with that index is left out. */
    leftOut?(bench: Bench, path: string, track: number): Promise<void>;
  };
  /** What is left of a unit when what the protocol may change is taken from it; all when left out. */
  normal?(codec: CodecId, bytes: Uint8Array): Uint8Array;
  /** Resolution of its time stamps, ticks a second; that of the track when left out. */
  readonly timescale?: number;
}

/** Media that a reader must get of each track, s: two groups of pictures and more. */
export const WANTED_S = 0.6;

/** Whether a reader has enough of a track. */
export function isEnough(units: readonly ReadUnit[], clockRate: number): boolean {
  const [first] = units;
  return first !== undefined && units.some(({ pts }) => pts - first.pts >= WANTED_S * clockRate);
}
