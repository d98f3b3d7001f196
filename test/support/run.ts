/**
 * Runs all tests and ends with one line that counts them: `N passed, N failed, N skipped`. Files run in processes of
 * their own, so that one file cannot break another.
 */
import { Glob } from "bun";

interface Outcome {
  readonly file: string;
  readonly output: string;
  readonly exitCode: number;
  readonly seconds: number;
}

/** Files with real clients mostly wait for media in real time: they run beside all others, one after the other. */
const WAITING = /^interop\//;

async function runFile(file: string): Promise<Outcome> {
  const start = performance.now();
  const child = Bun.spawn([process.execPath, "test", `./test/${file}`], { stdout: "pipe", stderr: "pipe" });
  const [out, err, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { file, output: out + err, exitCode, seconds: (performance.now() - start) / 1000 };
}

function count(output: string, what: string): number {
  return Number(new RegExp(`^ *(\\d+) ${what}$`, "m").exec(output)?.[1] ?? 0);
}

async function main(): Promise<number> {
  const files = [...new Glob("**/*.test.ts").scanSync("test")].sort();
  const total = { pass: 0, fail: 0, skip: 0 };
  const skipped: string[] = [];
  const report = ({ file, output, exitCode, seconds }: Outcome) => {
    const [pass, fail, skip] = [count(output, "pass"), count(output, "fail"), count(output, "skip")];
    const broken = exitCode !== 0 && fail === 0 ? 1 : 0;
    total.pass += pass;
    total.fail += fail + broken;
    total.skip += skip;
    skipped.push(...[...output.matchAll(/^\(skip\) (.*)$/gm)].map((match) => `${file}: ${match[1]}`));
    console.log(
      `${fail + broken > 0 ? "FAIL" : "ok  "} ${file}  ${pass} passed, ${skip} skipped, ${seconds.toFixed(1)} s`,
    );
    if (fail + broken > 0) console.log(output);
  };
  const lane = async (queue: string[]) => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) report(await runFile(file));
  };
  await Promise.all([
    lane(files.filter((file) => !WAITING.test(file))),
    lane(files.filter((file) => WAITING.test(file))),
  ]);
  for (const name of skipped) console.log(`skipped: ${name}`);
  console.log(`${total.pass} passed, ${total.fail} failed, ${total.skip} skipped`);
  return total.fail > 0 || total.pass === 0 ? 1 : 0;
}

process.exit(await main());
