import { dirname, join, normalize } from "node:path";

export interface Token {
  readonly text: string;
  readonly line: number;
}

/** A stretch of tokens, the end not included. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

const TOKEN =
  /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`|(?:0x[\da-f_]+|\d[\d_]*(?:\.\d+)?(?:e\d+)?)n?|#?[A-Za-z_$][\w$]*|>>>=?|[<>=!]==?|>>=?|<<=?|=>|&&|\|\||\?\?|\?\.|\*\*|\+\+|--|[-+*/%&|^]=|\.\.\.|\S/gi;
const OPENING = /^[([{]$/;
const CLOSING = /^[)\]}]$/;

/** The tokens of a source file, without comments and type arguments, and what belongs together in them. */
export class SourceTokens {
  readonly path: string;
  readonly tokens: readonly Token[];
  /** Where the bracket at a place closes, or opens. */
  readonly #partners = new Map<number, number>();
  /** What the constants of the file are, and the files that names are imported from. */
  readonly #constants = new Map<string, Range>();
  readonly #imports = new Map<string, string>();

  constructor(path: string, text: string) {
    this.path = path;
    this.tokens = tokensOf(withoutTypes(text));
    const open: number[] = [];
    this.tokens.forEach((token, i) => {
      if (OPENING.test(token.text)) open.push(i);
      if (!CLOSING.test(token.text)) return;
      const from = open.pop() ?? i;
      this.#partners.set(from, i);
      this.#partners.set(i, from);
    });
    this.#findNames();
  }

  #findNames(): void {
    const all = { from: 0, to: this.tokens.length };
    for (const statement of this.split(all, (i) => this.text(i) === ";")) {
      const isConst = (i: number) => this.text(i) === "const" && i < statement.to;
      const [first, second] = this.split(statement, isConst);
      if (second !== undefined && first !== undefined) this.#addConstant(second);
      const start = this.text(statement.from) === "import" ? statement.from + 1 : statement.to;
      if (this.text(start) === "{") this.#addImports(start);
    }
  }

  #addConstant(declaration: Range): void {
    const [, value] = this.split(declaration, (i) => this.text(i) === "=");
    if (value !== undefined) this.#constants.set(this.text(declaration.from), value);
  }

  #addImports(open: number): void {
    const close = this.partner(open);
    const target = this.text(close + 2).replace(/"(.*?)(?:\.ts)?"/, "$1.ts");
    const path = normalize(join(dirname(this.path), target));
    for (const { text } of this.tokens.slice(open + 1, close)) this.#imports.set(text, path);
  }

  text(i: number): string {
    return this.tokens[i]?.text ?? "";
  }

  lineOf({ from }: Range): number {
    return this.tokens[from]?.line ?? 0;
  }

  join({ from, to }: Range): string {
    return this.tokens
      .slice(from, to)
      .map(({ text }) => text)
      .join(" ");
  }

  /** The other bracket of a pair. */
  partner(i: number): number {
    return this.#partners.get(i) ?? i;
  }

  isOpening(i: number): boolean {
    return OPENING.test(this.text(i));
  }

  isClosing(i: number): boolean {
    return CLOSING.test(this.text(i));
  }

  /** Splits a stretch at tokens that lie in none of its brackets. */
  split({ from, to }: Range, isBorder: (i: number) => boolean): Range[] {
    const parts: Range[] = [];
    let start = from;
    for (let i = from; i < to; i++) {
      if (this.isOpening(i)) {
        i = this.partner(i);
      } else if (isBorder(i)) {
        parts.push({ from: start, to: i });
        start = i + 1;
      }
    }
    return [...parts, { from: start, to }];
  }

  /** What lies between the commas of a pair of brackets. */
  items(open: number): Range[] {
    return this.split({ from: open + 1, to: this.partner(open) }, (i) => this.text(i) === ",");
  }

  /** Bodies of functions, methods and whatever else has braces, without those of classes. */
  bodies(): Range[] {
    const bodies: Range[] = [];
    for (let i = 0; i < this.tokens.length; i++) {
      if (this.text(i) !== "{" || this.#opensClass(i)) continue;
      bodies.push({ from: i + 1, to: this.partner(i) });
      i = this.partner(i);
    }
    return bodies;
  }

  #opensClass(i: number): boolean {
    let at = i - 1;
    while (at >= 0 && !/^[;{}()]$/.test(this.text(at)) && this.text(at) !== "class") at -= 1;
    return this.text(at) === "class";
  }

  /** What a constant of the file is; undefined when it has none of that name. */
  constant(name: string): Range | undefined {
    return this.#constants.get(name);
  }

  /** The file that a name is imported from. */
  importOf(name: string): string | undefined {
    return this.#imports.get(name);
  }
}

/** A `changetype` to a number is an address, one to a class makes a layout of it: these keep different names. */
function withoutTypes(text: string): string {
  return text
    .replaceAll(/\bchangetype<(?:i32|usize)>(?=\()/g, "numberOf")
    .replaceAll(/\bas (?:const|unknown as \w+|(?:readonly )?\w+(?:\[\])?)/g, "")
    .replaceAll(/(?<=\b[a-z]\w*)<[\w.]+(?:<\w+>)?>(?=\()/g, "");
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let line = 1;
  let last = 0;
  for (const match of text.matchAll(TOKEN)) {
    line += text.slice(last, match.index).split("\n").length - 1;
    last = match.index;
    if (!/^\/[/*]/.test(match[0])) tokens.push({ text: match[0], line });
  }
  return tokens;
}
