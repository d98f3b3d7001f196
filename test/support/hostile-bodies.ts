import { PATH_ROWS } from "../../src/config/path-schema.ts";
import { GLOBAL_ROWS } from "../../src/config/schema.ts";
import type { Random } from "./random.ts";

export type HostileBody = string | Uint8Array<ArrayBuffer>;

const STRINGS = [
  ...["", "10s", "-1s", "1e999h", ":8554", ":99999", "[::1", "publisher", "redirect", "rtsp://u:p@h:1/x"],
  ...[
    "udp://",
    "~(a+)+$",
    "no",
    "yes",
    "\u0000",
    "\ud800",
    "../../etc/passwd",
    "sha256:x",
    "$(reboot)",
    "'; ls #",
  ],
  ...[
    "__proto__",
    "constructor",
    "x".repeat(5_000),
    "💥",
    "128.0.0.0/33",
    "::/0",
    "%s%n",
    "<script>",
    "info",
  ],
];
const NUMBERS = ["0", "-1", "1", "512", "1.5", "1e308", "-0", "99999999999999999999", "2147483648"];
const NAMES = [
  "all",
  "~^x$",
  "~(a+)+$",
  "a/b",
  "a%2f..",
  "a//b",
  "%00",
  "__proto__",
  "constructor",
  "~",
  "~[",
  "é",
  "a%2f",
];

/** Makes bodies that are wrong in many ways, some that are right, and names to go with them. */
export class Bodies {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Path of a change of the configuration. */
  url(): string {
    const verb = this.#random.pick(["add", "edit", "remove", "set"] as const);
    if (verb === "set") return "/v2/config/set";
    const name = this.#random.chance(0.7) ? this.#random.pick(NAMES) : `p${this.#random.below(50)}`;
    return `/v2/config/paths/${verb}/${name}`;
  }

  make(): HostileBody {
    const random = this.#random;
    if (random.chance(0.05)) return new Uint8Array(random.bytes(random.below(200)));
    if (random.chance(0.02)) return "[".repeat(100_000);
    if (random.chance(0.02)) return `{"readIPs":${'{"a":'.repeat(5_000)}1${"}".repeat(5_000)}}`;
    const text = random.chance(0.3) ? this.#right() : this.#object(2);
    return random.chance(0.1) ? text.slice(0, random.below(text.length)) : text;
  }

  #right(): string {
    return this.#random.pick([
      '{"readTimeout":"7s"}',
      "{}",
      '{"maxReaders":3}',
      '{"readIPs":["127.0.0.1"]}',
      '{"source":"publisher"}',
      '{"runOnReady":"echo hello"}',
    ]);
  }

  #object(depth: number): string {
    const keys = [
      ...Object.keys(GLOBAL_ROWS),
      ...Object.keys(PATH_ROWS),
      "paths",
      "pathDefaults",
      "__proto__",
      "",
    ];
    const count = this.#random.below(4);
    const entries = Array.from({ length: count }, () => {
      return `${JSON.stringify(this.#random.pick(keys))}:${this.#value(depth)}`;
    });
    return `{${entries.join(",")}}`;
  }

  #value(depth: number): string {
    const random = this.#random;
    switch (random.below(depth > 0 ? 6 : 4)) {
      case 0:
        return random.pick(["true", "false", "null"]);
      case 1:
        return random.pick(NUMBERS);
      case 2:
      case 3:
        return JSON.stringify(random.pick(STRINGS));
      case 4:
        return this.#object(depth - 1);
      default:
        return `[${Array.from({ length: random.below(4) }, () => this.#value(depth - 1)).join(",")}]`;
    }
  }
}
