import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ProtocolError } from "../../src/lib/errors.ts";
import { Random } from "../support/random.ts";
import { type Dictionary, mutate, wordsOf } from "./mutate.ts";

/** A parser of outside bytes: it returns or throws `ProtocolError`, anything else is a finding. */
export interface FuzzTarget {
  readonly name: string;
  /** Inputs that are right, to begin with. */
  readonly seeds: readonly Uint8Array[];
  run(input: Uint8Array): void;
}

/** An input that broke a parser, as short as it could be made, and how. */
export interface Finding {
  readonly input: Uint8Array;
  readonly error: Error;
}

/** Inputs that are kept because they did something new. */
const POOL_MAX = 2_000;
const KEPT_BYTES_MAX = 16_384;
/** A parser that needs longer is a finding, ms of CPU. */
const SLOW_MS = 1_500;
const CORPUS = join(import.meta.dir, "corpus");

/** Every input that once broke the target or did something new, by file name. */
export function readCorpus(target: FuzzTarget): Map<string, Uint8Array> {
  const folder = join(CORPUS, target.name);
  const inputs = new Map<string, Uint8Array>();
  try {
    for (const file of readdirSync(folder).sort()) inputs.set(file, readFileSync(join(folder, file)));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  return inputs;
}

/** Keeps an input in the corpus of a target, under the hash of its bytes; returns the path. */
export function writeCorpus(target: FuzzTarget, input: Uint8Array): string {
  const folder = join(CORPUS, target.name);
  mkdirSync(folder, { recursive: true });
  const path = join(folder, new Bun.CryptoHasher("sha1").update(input).digest("hex").slice(0, 16));
  writeFileSync(path, input);
  return path;
}

/** Runs one target on changed inputs, and remembers those which made it do something new. */
export class FuzzSession {
  readonly #target: FuzzTarget;
  readonly #random: Random;
  readonly #inputs: Uint8Array[];
  readonly #others: Dictionary;
  readonly #behaviours = new Set<string>();
  /** What did something new in this session. */
  readonly fresh: Uint8Array[] = [];
  executions = 0;

  constructor(target: FuzzTarget, seed: number) {
    this.#target = target;
    this.#random = new Random(seed);
    this.#inputs = [...target.seeds, ...readCorpus(target).values()];
    this.#others = { inputs: this.#inputs, words: wordsOf(this.#inputs) };
  }

  get behaviours(): number {
    return this.#behaviours.size;
  }

  /** Runs the target on what is known already. */
  replay(): Finding | undefined {
    for (const input of [...this.#inputs]) {
      const outcome = this.#execute(input);
      if (outcome instanceof Error) return { input, error: outcome };
      this.#behaviours.add(outcome);
    }
    return undefined;
  }

  /** Runs the target on new inputs for `ms`. */
  explore(ms: number): Finding | undefined {
    const end = performance.now() + ms;
    while (performance.now() < end) {
      const parent = this.#random.pick(this.#inputs);
      const input = mutate(parent, this.#random, this.#others);
      const outcome = this.#execute(input);
      if (outcome instanceof Error) return this.#shorten(input, outcome);
      if (!this.#behaviours.has(outcome)) this.#keep(input, outcome);
    }
    return undefined;
  }

  #keep(input: Uint8Array, behaviour: string): void {
    if (this.#behaviours.size >= POOL_MAX || input.length > KEPT_BYTES_MAX) return;
    this.#behaviours.add(behaviour);
    this.#inputs.push(input);
    this.fresh.push(input);
  }

  /** What the target did, or the error nobody expects. */
  #execute(input: Uint8Array): string | Error {
    this.executions += 1;
    const start = performance.now();
    const outcome = attempt(this.#target, input);
    if (performance.now() - start < SLOW_MS || outcome instanceof Error) return outcome;
    const before = process.cpuUsage();
    attempt(this.#target, input);
    const { user, system } = process.cpuUsage(before);
    return user + system < 1000 * SLOW_MS ? outcome : new Error(`${(user + system) / 1000} ms for one input`);
  }

  /** Takes pieces out of an input as long as it still breaks the target. */
  #shorten(input: Uint8Array, error: Error): Finding {
    let best: Finding = { input, error };
    for (let piece = input.length >> 1; piece > 0; piece >>= 1) {
      for (let at = 0; at + piece <= best.input.length; ) {
        const shorter = new Uint8Array(best.input.length - piece);
        shorter.set(best.input.subarray(0, at));
        shorter.set(best.input.subarray(at + piece), at);
        const outcome = attempt(this.#target, shorter);
        if (outcome instanceof Error) best = { input: shorter, error: outcome };
        else at += piece;
      }
    }
    return best;
  }
}

function attempt(target: FuzzTarget, input: Uint8Array): string | Error {
  try {
    target.run(input.slice());
    return "accepted";
  } catch (error) {
    if (error instanceof ProtocolError) return behaviourOf(error);
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** What tells errors apart, without what they quote of the input. */
function behaviourOf({ message }: ProtocolError): string {
  const text = message.startsWith("invalid SDP: ") ? message.slice(13) : message;
  const end = text.search(/[:"'(]/);
  const words = (end < 0 ? text : text.slice(0, end)).match(/[A-Za-z]+/g) ?? [];
  return `${words[0]} ${words[1]?.length} ${Math.min(words.length, 8)}`;
}
