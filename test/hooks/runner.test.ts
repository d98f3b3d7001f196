import { expect, test } from "bun:test";
import { HookRunner } from "../../src/hooks/runner.ts";
import type { openSupervisor } from "../../src/host/supervised.ts";
import type { SupervisorCommand } from "../../src/host/supervisor-messages.ts";
import { testLog } from "../lib/test-log.ts";
import { FakeClock } from "../support/fake-clock.ts";

/** A runner whose supervisor does nothing but remember what it was told. */
function scene() {
  const clock = new FakeClock();
  const { logger, lines } = testLog("debug");
  const commands: SupervisorCommand[] = [];
  let owner: Parameters<typeof openSupervisor>[0] | undefined;
  const opened = { times: 0, closed: 0 };
  const runner = new HookRunner({
    clock,
    logger,
    variables: () => ({ RTSP_PORT: "8554" }),
    supervisor: (given) => {
      owner = given;
      opened.times += 1;
      return {
        command: (command) => void commands.push(command),
        close: () => {
          opened.closed += 1;
          return Promise.resolve();
        },
      };
    },
  });
  const spec = (command: string, restart = false) => ({
    name: "runOnReady",
    command,
    restart,
    env: { MTX_PATH: "cam" },
    logger: logger.child("path cam"),
  });
  const starts = () => commands.filter(({ kind }) => kind === "start").length;
  const exit = (id: number, code = 0, signal: string | null = null) => {
    owner?.event({ kind: "started", id, pid: 1 });
    owner?.event({ kind: "exited", id, code, signal });
    owner?.event({ kind: "gone", id });
  };
  return { clock, lines, commands, runner, spec, starts, exit, opened, owner: () => owner! };
}

test("a command starts when the server listens, runs until it is stopped, and is asked to end once", async () => {
  const { runner, spec, commands, lines, opened, owner } = scene();
  const hook = runner.start(spec("run $MTX_PATH $RTSP_PORT"));
  const never = runner.start(spec("never"));
  never.stop();
  expect([lines, opened.times]).toEqual([[], 0]);
  runner.release();
  const variables = { MTX_PATH: "cam", RTSP_PORT: "8554" };
  expect(commands).toEqual([
    { kind: "start", id: 1, words: ["run", "cam", "8554"], verbatim: false, variables },
  ]);
  owner().event({ kind: "started", id: 1, pid: 7 });
  owner().event({ kind: "line", id: 1, text: "hello\x1b[2J", overwritten: false });
  owner().event({ kind: "line", id: 1, text: "3 %", overwritten: true });
  owner().event({ kind: "skipped", id: 1, lines: 12 });
  hook.stop();
  hook.stop();
  expect(commands.slice(1)).toEqual([{ kind: "stop", id: 1 }]);
  owner().event({ kind: "exited", id: 1, code: -1, signal: "SIGINT" });
  owner().event({ kind: "gone", id: 1 });
  expect(lines).toEqual([
    "INF [path cam] runOnReady command started",
    "INF [path cam] [runOnReady] hello\\x1b[2J",
    "DEB [path cam] [runOnReady] 3 %",
    "WAR [path cam] [runOnReady] 12 lines dropped",
    "INF [path cam] runOnReady command stopped",
  ]);
});

test("a command that ends by itself is said to, and starts again after 5 s if it is to", async () => {
  const { runner, spec, starts, exit, lines, clock, commands } = scene();
  runner.release();
  const once = runner.start(spec("a"));
  const again = runner.start(spec("b", true));
  exit(1, 3);
  exit(2, -1, "SIGSEGV");
  await clock.advance(4_999);
  expect(starts()).toBe(2);
  await clock.advance(1);
  expect(starts()).toBe(3);
  exit(3);
  once.stop();
  again.stop();
  await clock.advance(100_000);
  expect(starts()).toBe(3);
  expect(commands.filter(({ kind }) => kind === "stop")).toEqual([
    { kind: "stop", id: 2 },
    { kind: "stop", id: 3 },
  ]);
  const { length } = "INF [path cam] ";
  expect(lines.map((line) => line.slice(length))).toEqual([
    "runOnReady command started",
    "runOnReady command started",
    "runOnReady command exited: command returned code 3",
    "runOnReady command exited: command returned code -1 (SIGSEGV)",
    "runOnReady command exited: command returned code 0",
    "runOnReady command stopped",
    "runOnReady command stopped",
  ]);
});

test("what cannot be started is said once and tried less and less often", async () => {
  const { runner, spec, starts, lines, clock, owner, exit } = scene();
  runner.release();
  runner.start(spec("none", true));
  const times: number[] = [];
  const problem = 'exec: "none": executable file not found in $PATH';
  for (let id = 1; id <= 6; id++) {
    owner().event({ kind: "failed", id, problem });
    const start = clock.now();
    while (starts() === id) await clock.advance(500);
    times.push(clock.now() - start);
  }
  expect(times[0]).toBeGreaterThanOrEqual(5_000);
  expect(times[0]).toBeLessThanOrEqual(10_500);
  expect(times[5]).toBeGreaterThanOrEqual(30_000);
  expect(times[5]).toBeLessThanOrEqual(60_500);
  expect(lines.slice(1)).toEqual([`INF [path cam] runOnReady command exited: ${problem}`]);
  exit(7, 1); // it is there at last, and gone again
  await clock.advance(5_000);
  owner().event({ kind: "failed", id: 8, problem });
  expect(lines.at(-1)).toBe(`INF [path cam] runOnReady command exited: ${problem}`);
});

test("a command line that is none is said once; a blank one is no command", async () => {
  const { runner, spec, lines, clock, opened } = scene();
  runner.release();
  runner.start(spec("a 'b", true));
  runner.start(spec(" \t\n", true)).stop();
  await clock.advance(100_000);
  expect(opened.times).toBe(0);
  expect(lines).toEqual([
    "INF [path cam] runOnReady command started",
    "INF [path cam] runOnReady command exited: unterminated single quote",
  ]);
});

test("a command that runs once is launched, and only its failure is told", () => {
  const { runner, spec, exit, lines } = scene();
  runner.release();
  for (const code of [0, 2]) {
    runner.launch(spec("a"));
    exit(code === 0 ? 1 : 2, code);
  }
  expect(lines).toEqual([
    "INF [path cam] runOnReady command launched",
    "INF [path cam] runOnReady command launched",
    "INF [path cam] runOnReady command exited: command returned code 2",
  ]);
});

test("a supervisor that is lost takes its commands along; they start again under another one", async () => {
  const { runner, spec, owner, lines, clock, opened, starts } = scene();
  runner.release();
  runner.start(spec("a", true));
  owner().event({ kind: "started", id: 1, pid: 7 });
  owner().lost();
  expect(lines.slice(1)).toEqual([
    "ERR the command supervisor has exited, and all commands with it",
    "INF [path cam] runOnReady command exited: command returned code -1",
  ]);
  await clock.advance(5_000);
  expect([opened.times, starts()]).toEqual([2, 2]);
});

test("the end waits for what runs, but not longer than 6 s, and nothing starts any more", async () => {
  const { runner, spec, owner, exit, opened, clock, lines, commands } = scene();
  runner.release();
  runner.start(spec("a")).stop();
  runner.launch(spec("b"));
  owner().event({ kind: "started", id: 1, pid: 7 });
  let closed = false;
  const closing = runner.close().then(() => {
    closed = true;
  });
  runner.start(spec("late"));
  expect(lines.at(-1)).toBe("INF waiting for external commands");
  exit(2);
  await clock.advance(5_999);
  expect([closed, opened.closed]).toEqual([false, 0]);
  await clock.advance(1);
  await closing;
  expect(opened.closed).toBe(1);
  expect(commands.map(({ kind, id }) => `${kind} ${id}`)).toEqual(["start 1", "stop 1", "start 2", "stop 1"]);
});

test("no more than 1,000 run at a time", async () => {
  const { runner, spec, starts, lines } = scene();
  runner.release();
  for (let i = 0; i < 1_001; i++) runner.launch(spec("a"));
  expect(starts()).toBe(1_000);
  expect(lines.at(-1)).toBe("INF [path cam] runOnReady command exited: 1000 commands are already running");
});
