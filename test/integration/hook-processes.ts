import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";

/** The variable that marks a server and everything that comes of it. */
const MARK = "TEST_HOOK_MARK";

/** Finds all processes that come of one server, wherever they went. */
export class Marked {
  readonly #value = randomUUID();

  /** For the environment of the server. */
  get env(): Record<string, string> {
    return { [MARK]: this.#value };
  }

  /** Command lines of the living, by process. */
  living(): Map<number, string> {
    const found = new Map<number, string>();
    for (const name of readdirSync("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      const isOurs = read(`/proc/${name}/environ`).split("\0").includes(`${MARK}=${this.#value}`);
      const isZombie = /\) Z /.test(read(`/proc/${name}/stat`));
      if (isOurs && !isZombie)
        found.set(Number(name), read(`/proc/${name}/cmdline`).replaceAll("\0", " ").trim());
    }
    return found;
  }

  /** Those whose command line matches. */
  matching(pattern: RegExp): number[] {
    return [...this.living()].filter(([, line]) => pattern.test(line)).map(([pid]) => pid);
  }

  /** Dead children that a process has not taken back. */
  zombies(parent: number): number {
    const dead = new RegExp(`\\) Z ${parent} `);
    return readdirSync("/proc").filter((name) => /^\d+$/.test(name) && dead.test(read(`/proc/${name}/stat`)))
      .length;
  }

  /** The process that looks after the others. */
  supervisor(): number | undefined {
    return this.matching(/ --supervise$/)[0];
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return ""; // it has ended meanwhile
  }
}
