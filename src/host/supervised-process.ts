import { closeSync } from "node:fs";
import { SystemError } from "../lib/errors.ts";
import { LineBudget, OutputLines } from "../lib/output-lines.ts";
import { openPipe, type Pipe } from "./pipe.ts";
import { descendants, SUPERVISOR_VARIABLE, signal } from "./process-tree.ts";
import type { SupervisorCommand, SupervisorEvent } from "./supervisor-messages.ts";

/** Time a group has to exit after SIGINT, ms. */
const KILL_AFTER_MS = 5_000;
/** Interval of reporting dropped lines, ms. */
const SKIPPED_EVERY_MS = 1_000;

type Child = Bun.Subprocess<"ignore", number | "pipe", number | "pipe">;

/** The output of a process, and how to release it. */
interface Output {
  readonly stream: ReadableStream<Uint8Array>;
  readonly close: () => void;
}

interface Spawned {
  readonly child: Child;
  readonly outputs: readonly Output[];
}

/** The environment of every process, copied once. */
const ENVIRONMENT: Readonly<Record<string, string | undefined>> = {
  ...process.env,
  [SUPERVISOR_VARIABLE]: String(process.pid),
};

type StartCommand = Extract<SupervisorCommand, { kind: "start" }>;

/** A process that was started, and its group. */
export class SupervisedProcess {
  readonly pid: number;
  readonly #id: number;
  readonly #process: Child;
  readonly #tell: (event: SupervisorEvent) => void;
  /** The unfinished line of each output. */
  readonly #lines: OutputLines[] = [];
  readonly #budget = new LineBudget();
  #skipped = 0;
  #skippedTimer: ReturnType<typeof setTimeout> | undefined;
  #killTimer: ReturnType<typeof setTimeout> | undefined;
  #told = false;

  /** @throws {Error} if the process cannot be started; the text says why */
  constructor(command: StartCommand, tell: (event: SupervisorEvent) => void) {
    this.#id = command.id;
    this.#tell = tell;
    const { child, outputs } = spawn(command);
    this.#process = child;
    this.pid = this.#process.pid;
    tell({ kind: "started", id: this.#id, pid: this.pid });
    const read = Promise.all(outputs.map((output) => this.#read(output)));
    void this.#process.exited.then(async (code) => {
      // report its last lines first; a process that inherited its output may keep that open for ever
      await Promise.race([read, new Promise<void>((resolve) => setTimeout(resolve, 100))]);
      for (const lines of this.#lines) lines.flush();
      this.#tellSkipped();
      this.#told = true;
      const signalCode = this.#process.signalCode as string | null;
      tell({ kind: "exited", id: this.#id, code: signalCode === null ? code : -1, signal: signalCode });
    });
  }

  async #read({ stream, close }: Output): Promise<void> {
    const lines = new OutputLines(
      () => this.#wanted(),
      (text, overwritten) => this.#tell({ kind: "line", id: this.#id, text, overwritten }),
    );
    this.#lines.push(lines);
    try {
      for await (const chunk of stream) lines.push(chunk);
    } catch {
      // it cannot be read any more: keep what was received
    }
    lines.flush();
    close();
  }

  #wanted(): boolean {
    if (this.#budget.take(performance.now())) return true;
    this.#skipped += 1;
    this.#skippedTimer ??= setTimeout(() => this.#tellSkipped(), SKIPPED_EVERY_MS);
    return false;
  }

  #tellSkipped(): void {
    clearTimeout(this.#skippedTimer);
    this.#skippedTimer = undefined;
    if (this.#skipped > 0) this.#tell({ kind: "skipped", id: this.#id, lines: this.#skipped });
    this.#skipped = 0;
  }

  /** Whether it was asked to exit. */
  get stopping(): boolean {
    return this.#killTimer !== undefined;
  }

  /** Whether its exit was reported and all of its group have exited. */
  get gone(): boolean {
    return this.#told && (process.platform === "win32" || !signal(-this.pid, 0));
  }

  /** Asks the whole group to exit, and kills it later if it does not. */
  stop(): void {
    if (this.stopping) return;
    this.#killTimer = setTimeout(() => this.kill(), KILL_AFTER_MS);
    if (process.platform === "win32") this.#process.kill();
    else signal(-this.pid, "SIGINT");
  }

  /** Kills the group and all descendants at once. */
  kill(): void {
    if (process.platform === "win32") {
      Bun.spawnSync(["taskkill", "/T", "/F", "/PID", String(this.pid)], {
        stdout: "ignore",
        stderr: "ignore",
      });
      return;
    }
    const others = descendants(this.pid, this.pid); // read first: once their parent is killed, they are not descendants any more
    signal(-this.pid, "SIGKILL");
    for (const pid of others) signal(pid, "SIGKILL");
  }

  /** Must be called when all of its group have exited. */
  close(): void {
    clearTimeout(this.#killTimer);
    clearTimeout(this.#skippedTimer);
  }
}

/** In its own session, so that signals of a terminal do not reach it. */
function spawn({ words, verbatim, variables }: StartCommand): Spawned {
  const [name = "", ...rest] = words;
  const env = { ...ENVIRONMENT, ...variables };
  const file = /[\\/]/.test(name) ? name : Bun.which(name, { PATH: env["PATH"] ?? "" });
  if (file === null)
    throw new SystemError(`exec: ${JSON.stringify(name)}: executable file not found in $PATH`);
  const pipes = openPipes();
  try {
    const child = Bun.spawn([file, ...rest], {
      argv0: name,
      env,
      detached: true,
      stdin: "ignore",
      stdout: pipes[0]?.write ?? "pipe",
      stderr: pipes[1]?.write ?? "pipe",
      windowsVerbatimArguments: verbatim,
      windowsHide: true,
    });
    return { child, outputs: pipes.length === 2 ? pipes.map(readEnd) : ownOutputs(child) };
  } catch (error) {
    for (const { read } of pipes) closeSync(read);
    throw new SystemError(`fork/exec ${file}: ${problemOf(error as NodeJS.ErrnoException)}`);
  } finally {
    for (const { write } of pipes) closeSync(write);
  }
}

/** A pipe per output, or none at all. */
function openPipes(): Pipe[] {
  const first = openPipe();
  const second = first === undefined ? undefined : openPipe();
  if (first !== undefined && second !== undefined) return [first, second];
  if (first !== undefined) for (const end of [first.read, first.write]) closeSync(end);
  return [];
}

function readEnd({ read }: Pipe): Output {
  return { stream: Bun.file(read).stream(), close: () => closeSync(read) };
}

function ownOutputs({ stdout, stderr }: Child): Output[] {
  return [stdout, stderr]
    .filter((stream) => stream instanceof ReadableStream)
    .map((stream) => ({ stream, close: () => {} }));
}

const PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or directory",
  EACCES: "permission denied",
  ENOEXEC: "exec format error",
  EAGAIN: "resource temporarily unavailable",
  ENOMEM: "cannot allocate memory",
  EMFILE: "too many open files",
  E2BIG: "argument list too long",
};

function problemOf({ code, message }: NodeJS.ErrnoException): string {
  return PROBLEMS[code ?? ""] ?? message;
}
