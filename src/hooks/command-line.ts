import { ExpectedError } from "../lib/errors.ts";

/** A piece of a word. Its quotes decide what is expanded in it. */
interface Piece {
  readonly text: string;
  /** `single`: between single quotes. `literal`: behind a backslash. */
  readonly quoting: "none" | "single" | "literal";
}

type Word = readonly Piece[];

/** A command line that cannot be parsed. */
export class CommandLineError extends ExpectedError {
  override readonly name = "CommandLineError";
}

/** Variables by name. */
export type Variables = Readonly<Record<string, string>>;

export interface CommandLineOptions {
  /** Variables of the hook; they override the environment. */
  readonly variables: Variables;
  /** A variable of the server's own environment. */
  readonly environment: (name: string) => string | undefined;
  readonly windows?: boolean;
}

/** What to run. */
export interface CommandLine {
  readonly words: readonly string[];
  /** Windows: the words are joined without adding quotes. */
  readonly verbatim: boolean;
}

/**
 * Splits a command line as a POSIX shell does, and expands `$NAME` and `${NAME}` in its words. Values are never split.
 * Unknown names are not expanded, nor is anything behind a backslash; between single quotes, only the variables of the
 * hook are expanded.
 *
 * A script passed to a shell (`sh -c '…'`) is not expanded: the shell finds the variables in its environment, so that
 * text from a client never becomes part of a script.
 *
 * On Windows, a line that begins with `cmd ` or `cmd.exe ` is passed on unchanged (`%MTX_PATH%` is a variable).
 *
 * @throws {CommandLineError} if a quote or a backslash has no end, or there is no word at all
 */
export function parseCommandLine(line: string, options: CommandLineOptions): CommandLine {
  const shell = options.windows === true ? /^\s*(cmd(?:\.exe)?)\s+(.*)$/is.exec(line) : null;
  if (shell !== null) return { words: [shell[1] as string, shell[2] as string], verbatim: true };
  const words = splitWords(line);
  if (words.length === 0) throw new CommandLineError("empty command");
  const script = scriptIndex(words.map(textOf));
  const expanded = words.map((word, i) => (i === script ? textOf(word) : expandWord(word, options)));
  return { words: expanded, verbatim: false };
}

/** Word splitting and quotes of the shell command language (POSIX.1-2017 §2.2). */
function splitWords(line: string): Word[] {
  const words: Piece[][] = [];
  let word: Piece[] | undefined;
  const add = (text: string, quoting: Piece["quoting"]) => {
    if (word === undefined) {
      word = [];
      words.push(word);
    }
    word.push({ text, quoting });
  };
  const piece = /([ \t\r\n]+)|'([^']*)'|"((?:[^"\\]|\\[\s\S])*)"|\\\n|\\([\s\S])|([^ \t\r\n'"\\]+)/y;
  while (piece.lastIndex < line.length) {
    const at = piece.lastIndex;
    const match = piece.exec(line);
    if (match === null) throw new CommandLineError(unterminated(line[at]));
    const [, blank, single, double, escaped, plain] = match;
    if (blank !== undefined) word = undefined;
    else if (single !== undefined) add(single, "single");
    else if (double !== undefined) addDouble(double, add);
    else if (escaped !== undefined) add(escaped, "literal");
    else if (plain !== undefined) add(plain, "none");
  }
  return words;
}

/** Between double quotes a backslash stands before `$`, a backquote, `"`, itself and the end of a line (§2.2.3). */
function addDouble(text: string, add: (text: string, quoting: Piece["quoting"]) => void): void {
  add("", "none"); // an empty pair of quotes makes a word too
  for (const [part, escaped, plain] of text.matchAll(/\\([$`"\\\n])|([^\\]+|\\)/g)) {
    if (escaped === undefined) add(plain ?? part, "none");
    else if (escaped !== "\n") add(escaped, "literal");
  }
}

function unterminated(first: string | undefined): string {
  if (first === "'") return "unterminated single quote";
  return first === '"' ? "unterminated double quote" : "trailing backslash";
}

const SHELLS = /(?:^|[\\/])(?:sh|bash|dash|ash|zsh|ksh|mksh|fish)(?:\.exe)?$/;

/** Position of the script that a shell among the words is given by `-c`; -1 when there is none. */
function scriptIndex(words: readonly string[]): number {
  const shell = words.findIndex((word) => SHELLS.test(word));
  if (shell === -1) return -1;
  const option = words.findIndex((word, i) => i > shell && /^-[a-zA-Z]*c[a-zA-Z]*$/.test(word));
  if (option === -1) return -1;
  return words.findIndex((word, i) => i > option && !/^[-+]/.test(word));
}

function textOf(word: Word): string {
  return word.map(({ text }) => text).join("");
}

function expandWord(word: Word, options: CommandLineOptions): string {
  return word.map((piece) => expandPiece(piece, options)).join("");
}

function expandPiece({ text, quoting }: Piece, { variables, environment }: CommandLineOptions): string {
  if (quoting === "literal") return text;
  return text.replace(/\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})/g, (written, bare, braced) => {
    const name: string = bare ?? braced;
    if (Object.hasOwn(variables, name)) return variables[name] as string;
    return (quoting === "single" ? undefined : environment(name)) ?? written;
  });
}
