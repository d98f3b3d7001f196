import { deepEqual, ok } from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { ONCE, TestServer } from "../support/server.ts";
import { TestPublisher } from "./publisher.ts";
import { TestReader } from "./reader.ts";

/** Timeouts that a test can wait for. On a busy machine they may hit the witness. */
export const SHORT = "2s";

/** Longest wait for a line of the log, ms. */
const PATIENCE_MS = 20_000;
/** Blocks a server without streams may keep: the scratch block of the flushes, and the batch of the UDP sockets. */
const BLOCKS_AT_REST = 2;

export interface ArenaOptions {
  /** Configuration besides the short timeouts. */
  readonly config?: string;
  /** `readTimeout` and `writeTimeout`: SHORT for tests that wait for one of them. */
  readonly timeouts?: string;
  /** Errors that the test provokes; a line of any other fails it. */
  readonly errors?: RegExp;
  /** Most megabytes that the server may ever have had resident. */
  readonly peakMb?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** What a server holds. */
export interface Vitals {
  readonly descriptors: number;
  readonly blocks: number;
}

/**
 * A server of its own with a witness: somebody who publishes and somebody who reads, whom nothing that the test does to
 * the server may disturb. `settle` says whether it did.
 */
export class Arena implements AsyncDisposable {
  readonly server: TestServer;
  readonly witness: TestReader;
  readonly #publisher: TestPublisher;
  readonly #before: Vitals;
  readonly #peakMb: number;
  readonly #errors: RegExp;

  private constructor(server: TestServer, publisher: TestPublisher, witness: TestReader, options: Entered) {
    this.server = server;
    this.#publisher = publisher;
    this.witness = witness;
    this.#before = options.before;
    this.#peakMb = options.peakMb;
    this.#errors = options.errors;
  }

  static async start(options: ArenaOptions = {}): Promise<Arena> {
    const { config = "", timeouts = "10s", peakMb = 200, errors = /(?!)/, env = {} } = options;
    const paths = /^paths:/m.test(config) ? "" : "paths:\n  all:\n";
    const server = await TestServer.start({
      config: `readTimeout: ${timeouts}\nwriteTimeout: ${timeouts}\n${config}\n${paths}`,
      env,
    });
    const url = server.rtsp("witness");
    const publisher = await TestPublisher.start(url, { seed: 99 });
    const witness = await TestReader.start(url, publisher.tracks);
    await witness.more();
    return new Arena(server, publisher, witness, { before: await vitals(server), peakMb, errors });
  }

  url(path: string): string {
    return this.server.rtsp(path);
  }

  /** The same over TLS. */
  secureUrl(path: string): string {
    return this.server.rtsps(path);
  }

  /** Waits for a line of the log, from the character `from` on. */
  async logged(pattern: RegExp, from = 0): Promise<RegExpExecArray> {
    const match = await Promise.race([this.server.waitForLog(pattern, from), Bun.sleep(PATIENCE_MS)]);
    if (match === undefined)
      throw new Error(`not logged: ${pattern}; log:\n${this.server.log.slice(-4_000)}`);
    return match;
  }

  /**
   * Everything the test opened must be closed by now, or about to be: the witness has seen every packet, descriptors
   * and blocks are back to what they were, and memory was never out of bounds.
   */
  async settle(): Promise<void> {
    const { server, witness } = this;
    await this.#backTo(({ descriptors }) => descriptors <= this.#before.descriptors, "descriptors are back");
    await witness.more();
    this.#publisher.fallSilent();
    await witness.until(() => this.#complete(), "the witness has every packet");
    deepEqual(witness.faults, []);
    deepEqual(
      witness.checks.map((check) => check?.lost),
      [0, 0],
    );
    await witness[Symbol.asyncDispose]();
    await this.#publisher[Symbol.asyncDispose]();
    await this.#backTo(({ blocks }) => blocks <= BLOCKS_AT_REST, "all blocks are given back");
    const peak = peakMegabytes(server.pid);
    ok(peak < this.#peakMb, `${peak} MB were resident, more than ${this.#peakMb}`);
    const errors = server.log.split("\n").filter((line) => / ERR /.test(line) && !this.#errors.test(line));
    deepEqual(errors, []);
  }

  #complete(): boolean {
    return this.#publisher.sent.every((sent, i) => this.witness.checks[i]?.last === sent - 1);
  }

  async #backTo(claim: (now: Vitals) => boolean, what: string): Promise<void> {
    let last: Vitals | undefined;
    try {
      await this.server.until(async () => {
        last = await vitals(this.server);
        return claim(last);
      }, what);
    } catch (cause) {
      throw new Error(`${what}: no; before ${JSON.stringify(this.#before)}, now ${JSON.stringify(last)}`, {
        cause,
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.witness[Symbol.asyncDispose]();
    await this.#publisher[Symbol.asyncDispose]();
    await this.server.stop();
  }
}

interface Entered {
  readonly before: Vitals;
  readonly peakMb: number;
  readonly errors: RegExp;
}

/** Descriptors are counted first, as asking for the blocks takes one. */
export async function vitals(server: TestServer, url = server.metricsUrl): Promise<Vitals> {
  const held = descriptors(server.pid);
  const response = await fetch(url, ONCE);
  const blocks = /^media_memory_blocks_taken (\d+)/m.exec(await response.text())?.[1];
  return { descriptors: held, blocks: Number(blocks) };
}

/** Sockets a process holds. */
export function descriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Resident set of a process, MB. */
export function residentMegabytes(pid: number): number {
  return statusMegabytes(pid, "VmRSS");
}

/** The largest it ever was, MB. */
export function peakMegabytes(pid: number): number {
  return statusMegabytes(pid, "VmHWM");
}

function statusMegabytes(pid: number, key: string): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) / 1024;
}
