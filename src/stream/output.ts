import type { MediaMemory } from "../../wasm/core.ts";
import type { RtpLog } from "../../wasm/log.ts";
import type { Clock } from "../lib/clock.ts";
import type { FaultReport } from "../lib/guard.ts";
import type { StreamDescription } from "../media/track.ts";
import type { StreamTimes } from "./clocks.ts";
import type { SinkGroup } from "./sink-group.ts";

/** Called at most once, after the turn in which a reader failed: it cannot go on. */
export type ReaderFault = (error: Error) => void;

/** What a stream does with new packets for one kind of reader. */
export interface StreamOutput {
  /** For reports of internal errors. */
  readonly name: string;
  /** How many readers it has. */
  readonly readers: number;
  /** Packets from the oldest one in the stream's log that it still needs to the head. */
  readonly lag: number;
  /** Takes what is new in the log and sends the readers what they may have. */
  flush(now: number): void;
  /** Tells every reader that it cannot go on. `close` follows. */
  fail(error: Error): void;
  /** Gives everything back. */
  close(): void;
}

/** What an output gets of its stream. */
export interface OutputContext {
  readonly memory: MediaMemory;
  readonly log: RtpLog;
  readonly description: StreamDescription;
  readonly clock: Clock;
  readonly times: StreamTimes;
  /** Address of memory that is free for use between two calls: SCRATCH_BYTES. */
  readonly scratch: number;
  /** Makes a group of sinks that get the same bytes. */
  readonly createGroup: () => SinkGroup;
  /** Has the stream flushed after this turn. */
  readonly mark: () => void;
  /** Closes and forgets an output that has no readers. */
  readonly release: (output: StreamOutput) => void;
  /** Takes errors of ours that end nothing but a reader or an output. */
  readonly fault: FaultReport;
}

/** Where outputs are attached: a stream. */
export interface OutputHost {
  readonly context: OutputContext;
  /**
   * The output with that key; `open` makes it where there is none. It stays until it has no readers any more, or fails.
   *
   * @throws {RefusedError} if the stream has ended
   * @throws whatever `open` throws
   */
  outputOf<Output extends StreamOutput>(key: unknown, open: (context: OutputContext) => Output): Output;
}
