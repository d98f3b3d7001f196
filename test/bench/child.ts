import type { Subprocess } from "bun";

/** How a child process is started. */
export interface ChildOptions {
  /** The only CPU it may use; undefined leaves it free. */
  readonly cpu?: number | undefined;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

interface Waiter {
  readonly pattern: RegExp;
  readonly resolve: (match: RegExpExecArray) => void;
  readonly reject: (error: Error) => void;
}

const KEPT_LINES = 2_000;

/** A child process whose lines can be waited for. Stdout and stderr are one list. */
export class Child implements AsyncDisposable {
  readonly #process: Subprocess<"ignore", "pipe", "pipe">;
  readonly #name: string;
  readonly #lines: string[] = [];
  readonly #waiters = new Set<Waiter>();
  readonly #drained: Promise<void>;

  constructor(command: readonly string[], options: ChildOptions = {}) {
    const pinned = options.cpu === undefined ? command : ["taskset", "-c", String(options.cpu), ...command];
    this.#name = command.slice(0, 2).join(" ");
    this.#process = Bun.spawn([...pinned], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      env: { ...process.env, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    this.#drained = this.#drain();
  }

  /** Process id; with `cpu` too, as taskset replaces itself. */
  get pid(): number {
    return this.#process.pid;
  }

  /** The last lines it wrote. */
  get output(): string {
    return this.#lines.join("\n");
  }

  /**
   * The first line, past or future, that matches.
   *
   * @throws {Error} if the process ends or `timeoutMs` pass before
   */
  async line(pattern: RegExp, timeoutMs = 60_000): Promise<RegExpExecArray> {
    for (const line of this.#lines) {
      const match = pattern.exec(line);
      if (match !== null) return match;
    }
    const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
    const waiter = { pattern, resolve, reject };
    this.#waiters.add(waiter);
    const timer = setTimeout(() => reject(this.#failure(`no line like ${pattern}`)), timeoutMs);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#waiters.delete(waiter);
    }
  }

  /** Its exit code, once it has ended and all its lines are here. */
  async ended(): Promise<number> {
    await this.#drained;
    return await this.#process.exited;
  }

  /** Ends it by a signal, after 5 s by SIGKILL. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    this.#process.kill(signal);
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), 5_000);
    await this.ended();
    clearTimeout(timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #drain(): Promise<void> {
    await Promise.all([this.#collect(this.#process.stdout), this.#collect(this.#process.stderr)]);
    await this.#process.exited;
    for (const waiter of this.#waiters) waiter.reject(this.#failure(`ended before ${waiter.pattern}`));
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of stream) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#take(line);
    }
    if (rest !== "") this.#take(rest);
  }

  #take(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length > KEPT_LINES) this.#lines.shift();
    for (const waiter of this.#waiters) {
      const match = waiter.pattern.exec(line);
      if (match !== null) waiter.resolve(match);
    }
  }

  #failure(reason: string): Error {
    return new Error(`${this.#name}: ${reason}\n${this.#lines.slice(-10).join("\n")}`);
  }
}
