/** The configuration file that is read when none is named. */
export const DEFAULT_FILE = "mediamtx.yml";

/** What the command line asks for. */
export type Command =
  | { readonly kind: "run"; readonly file: string }
  | { readonly kind: "check"; readonly file: string }
  | { readonly kind: "version" }
  | { readonly kind: "help" }
  | { readonly kind: "wrong"; readonly reason: string };

/** How the command line is to be written. @param version shown in the first line */
export function usage(version: string): string {
  return `Usage: mediamtx [<confpath>]

MediaMTX ${version}

Arguments:
  [<confpath>]      path to a configuration file, ${DEFAULT_FILE} by default

Flags:
  -h, --help        show this text
      --version     print the version
      --check       read the configuration, say what is wrong with it, and exit
`;
}

/** Reads the arguments that follow the name of the program. */
export function parseArguments(args: readonly string[]): Command {
  if (args.includes("--help") || args.includes("-h")) return { kind: "help" };
  if (args.includes("--version")) return { kind: "version" };
  const flag = args.find((arg) => arg.startsWith("-") && arg !== "--check");
  if (flag !== undefined) return { kind: "wrong", reason: `unknown flag ${flag}` };
  const [file = DEFAULT_FILE, extra] = args.filter((arg) => arg !== "--check");
  if (extra !== undefined) return { kind: "wrong", reason: `unexpected argument ${extra}` };
  return { kind: args.includes("--check") ? "check" : "run", file };
}
