import { Child } from "./child.ts";
import { SERVER_CPU } from "./cpus.ts";
import { toolPath } from "./tools.ts";

/** What a yardstick did. */
export interface RelayResult {
  readonly taken: number;
  readonly sent: number;
  readonly writes: number;
  readonly shortWrites: number;
}

/** A yardstick as its own process, on the CPU that the server has in its runs. */
export class Relay implements AsyncDisposable {
  readonly #child: Child;
  readonly ingestPort: number;
  readonly readerPort: number;

  constructor(child: Child, ingestPort: number, readerPort: number) {
    this.#child = child;
    this.ingestPort = ingestPort;
    this.readerPort = readerPort;
  }

  /**
   * @param args the command line of `native/bench/relay.c`
   * @param program what is run with it
   */
  static async start(args: readonly string[], program = [toolPath("relay")]): Promise<Relay> {
    const child = new Child([...program, ...args], { cpu: SERVER_CPU });
    const match = await child.line(/^ingest (\d+) readers (\d+)/, 10_000);
    return new Relay(child, Number(match[1]), Number(match[2]));
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Ends it, and says what it did. */
  async stop(): Promise<RelayResult> {
    await this.#child.stop();
    const match = await this.#child.line(/^\{.*\}$/, 1_000);
    return JSON.parse(match[0]) as RelayResult;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stop();
  }
}
