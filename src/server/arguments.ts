import { SUPERVISE_FLAG } from "../host/supervised.ts";

/** What the command line asks for; `file` is undefined when it names none. */
export type Command =
  | { readonly kind: "run" | "check" | "encrypt"; readonly file: string | undefined }
  | { readonly kind: "schema" | "supervise" | "version" | "help" }
  | { readonly kind: "wrong"; readonly reason: string };

/** The usage text. @param product what this server is, in one line */
export function usage(product: string): string {
  return `Usage: mediamtx [<confpath>]

${product}

Arguments:
  [<confpath>]      path to a configuration file, mediamtx.yml by default

Flags:
  -h, --help        show this text
      --version     print the version
      --check       check the configuration, print any error, and exit
      --encrypt     print the configuration file encrypted with the key in MTX_CONFKEY
      --schema      print a JSON Schema of the configuration file, for editors
`;
}

const TASKS = new Map<string, "check" | "encrypt" | "schema">([
  ["--check", "check"],
  ["--encrypt", "encrypt"],
  ["--schema", "schema"],
]);

/** Reads the arguments that follow the name of the program. */
export function parseArguments(args: readonly string[]): Command {
  if (args[0] === SUPERVISE_FLAG) return { kind: "supervise" };
  if (args.includes("--help") || args.includes("-h")) return { kind: "help" };
  if (args.includes("--version")) return { kind: "version" };
  const flags = args.filter((arg) => arg.startsWith("-"));
  const unknown = flags.find((flag) => !TASKS.has(flag));
  if (unknown !== undefined) return { kind: "wrong", reason: `unknown flag ${unknown}` };
  const tasks = new Set(flags.map((flag) => TASKS.get(flag)));
  if (tasks.size > 1) return { kind: "wrong", reason: `${flags.join(" and ")} can't be combined` };
  const [file, extra] = args.filter((arg) => !arg.startsWith("-"));
  if (extra !== undefined) return { kind: "wrong", reason: `unexpected argument ${extra}` };
  const [kind = "run"] = tasks;
  return kind === "schema" ? { kind } : { kind, file };
}
