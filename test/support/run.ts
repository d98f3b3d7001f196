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

/**
 * Files that start servers, and those with real clients, mostly wait for media in real time: each kind runs one after the
 * other, beside the other kind. The rest is done by whoever has time.
 */
const KINDS = [/^integration\//, /^interop\//];

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
  const rest = files.filter((file) => !KINDS.some((kind) => kind.test(file)));
  const lane = async (kind: RegExp) => {
    const own = files.filter((file) => kind.test(file));
    for (let file = own.shift() ?? rest.shift(); file !== undefined; file = own.shift() ?? rest.shift())
      report(await runFile(file));
  };
  await Promise.all(KINDS.map(lane));
  for (const name of skipped) console.log(`skipped: ${name}`);
  console.log(`${total.pass} passed, ${total.fail} failed, ${total.skip} skipped`);
  return total.fail > 0 || total.pass === 0 ? 1 : 0;
}

process.exit(await main());
