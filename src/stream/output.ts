import type { MediaMemory } from "../../wasm/core.ts";
import type { RtpLog } from "../../wasm/log.ts";
import type { Clock } from "../lib/clock.ts";
import type { FaultReport } from "../lib/guard.ts";
import type { StreamDescription } from "../media/track.ts";
import type { StreamTimes } from "./clocks.ts";
import type { SinkGroup } from "./sink-group.ts";

/** Called at most once, after the turn in which a reader failed. */
export type ReaderFault = (error: Error) => void;

/** Sends the new packets of a stream to one kind of reader. */
export interface StreamOutput {
  /** Name in reports of internal errors. */
  readonly name: string;
  /** How many readers it has. */
  readonly readers: number;
  /** Packets between the oldest one that it still needs and the head of the stream's log. */
  readonly lag: number;
  /** Sends its readers what is new in the log. */
  flush(now: number): void;
  /** Fails all readers; `close` follows. */
  fail(error: Error): void;
  /** Releases everything. */
  close(): void;
}

/** What an output gets from its stream. */
export interface OutputContext {
  readonly memory: MediaMemory;
  readonly log: RtpLog;
  readonly description: StreamDescription;
  readonly clock: Clock;
  readonly times: StreamTimes;
  /** Entries that a reader may always lag. */
  readonly lagPackets: number;
  /** Address of a block that any call may use until it returns. */
  readonly scratch: number;
  /** Makes a group of sinks that get the same bytes. */
  readonly createGroup: () => SinkGroup;
  /** Schedules a flush of the stream. */
  readonly mark: () => void;
  /** Closes and forgets an output if it has no readers. */
  readonly release: (output: StreamOutput) => void;
  /** Reports an internal error that ends a reader or an output. */
  readonly fault: FaultReport;
}

/** Where outputs are attached: a stream. */
export interface OutputHost {
  readonly context: OutputContext;
  /**
   * The output with that key, opened if there is none. It is closed when its last reader leaves, or when it throws.
   *
   * @throws {RefusedError} if the stream has ended
   * @throws whatever `open` throws
   */
  outputOf<Output extends StreamOutput>(key: unknown, open: (context: OutputContext) => Output): Output;
}
