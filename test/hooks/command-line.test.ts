import { describe, expect, test } from "bun:test";
import { CommandLineError, parseCommandLine } from "../../src/hooks/command-line.ts";
import { Random } from "../support/random.ts";

const VARIABLES = {
  MTX_PATH: "cam one",
  RTSP_PORT: "8554",
  G1: "a",
  G10: "b",
  MTX_QUERY: "x=1&y='; $(reboot)",
};
const ENVIRONMENT: Record<string, string> = { HOME: "/home/me", MTX_PATH: "other", EMPTY: "" };

/** Puts a dollar before each brace. */
function braces(text: string): string {
  return text.replaceAll("{", "$" + "{");
}

function words(line: string, windows = false): readonly string[] {
  const environment = (name: string) => ENVIRONMENT[name];
  return parseCommandLine(line, { variables: VARIABLES, environment, windows }).words;
}

test.each([
  ["words", "  ffmpeg -i\tx\n", ["ffmpeg", "-i", "x"]],
  ["single quotes", "a 'b c' d'e'f", ["a", "b c", "def"]],
  ["double quotes", 'video="USB2.0 HD" ""', ["video=USB2.0 HD", ""]],
  ["empty quotes are words", "a '' b", ["a", "", "b"]],
  ["backslashes", 'a\\ b "\\"c\\\\" "\\d" \\\'', ["a b", '"c\\', "\\d", "'"]],
  ["a folded line", "a \\\n b c\\\nd", ["a", "b", "cd"]],
  ["shell syntax means nothing", "a | b > c && d *", ["a", "|", "b", ">", "c", "&&", "d", "*"]],
])("%s", (_, line, expected) => {
  expect(words(line)).toEqual(expected);
});

test.each([
  ["a value is never split", "a $MTX_PATH", ["a", "cam one"]],
  ["in braces", braces("rtsp://h:{RTSP_PORT}/{MTX_PATH}x"), ["rtsp://h:8554/cam onex"]],
  ["a longer name is another one", "$G1 $G10 $G1x", ["a", "b", "$G1x"]],
  ["in double quotes", '"$MTX_PATH"', ["cam one"]],
  ["in single quotes: the hook's alone", "'$MTX_PATH $HOME'", ["cam one $HOME"]],
  ["the environment", braces("$HOME/x {EMPTY}y"), ["/home/me/x", "y"]],
  ["unknown names stay", braces("$NONE {NONE} $1 $ $$"), ["$NONE", braces("{NONE}"), "$1", "$", "$$"]],
  ["nothing behind a backslash", '\\$MTX_PATH "\\$HOME"', ["$MTX_PATH", "$HOME"]],
  ["a value is not expanded again", "$MTX_QUERY", ["x=1&y='; $(reboot)"]],
])("expansion: %s", (_, line, expected) => {
  expect(words(line)).toEqual(expected);
});

test.each([
  ["sh -c 'echo $MTX_QUERY' $MTX_PATH", ["sh", "-c", "echo $MTX_QUERY", "cam one"]],
  ['/bin/bash -o pipefail -ec "x $HOME $G1"', ["/bin/bash", "-o", "pipefail", "-ec", "x $HOME $G1"]],
  ["nice env A=$G1 bash -c -e 'x $G1'", ["nice", "env", "A=a", "bash", "-c", "-e", "x $G1"]],
  ["bash $HOME/x.sh $G1", ["bash", "/home/me/x.sh", "a"]],
])("the script of a shell is left to the shell: %s", (line, expected) => {
  expect(words(line)).toEqual(expected);
});

test.each([
  ["a 'b", "unterminated single quote"],
  ['a "b', "unterminated double quote"],
  ['a "b\\"', "unterminated double quote"],
  ["a \\", "trailing backslash"],
  [" \t\n", "empty command"],
])("%s is refused", (line, problem) => {
  expect(() => words(line)).toThrow(new CommandLineError(problem));
});

test("any text is taken apart or refused, and what it says is kept", () => {
  const random = new Random(1);
  const alphabet = ["'", '"', "\\", "$", "{", "}", " ", "\n", "a", "G1", "MTX_PATH", "sh", "-c", "é"];
  let refused = 0;
  for (let i = 0; i < 20_000; i++) {
    const line = Array.from({ length: random.below(12) }, () => random.pick(alphabet)).join("");
    try {
      for (const word of words(line)) expect(word).not.toContain("undefined");
    } catch (error) {
      if (!(error instanceof CommandLineError)) throw error;
      refused += 1;
    }
  }
  expect(refused).toBeGreaterThan(1_000);
});

describe("Windows", () => {
  test("what begins with cmd goes to it as it is", () => {
    const line = 'cmd.exe /c "echo %MTX_PATH% $MTX_PATH > x"';
    const options = { variables: VARIABLES, environment: () => undefined, windows: true };
    expect(parseCommandLine(line, options)).toEqual({
      words: ["cmd.exe", '/c "echo %MTX_PATH% $MTX_PATH > x"'],
      verbatim: true,
    });
    expect(parseCommandLine(line, { ...options, windows: false }).verbatim).toBe(false);
  });

  test("everything else by the same rules", () => {
    expect(words("cmdx 'a b'", true)).toEqual(["cmdx", "a b"]);
  });
});
