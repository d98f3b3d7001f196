import { type Range, SourceTokens } from "./source-tokens.ts";

/**
 * Finds places in media memory that were typed by hand. The rule: an address is a sum of names, and no number is part of
 * it. A name may stand for a place when it is derived from a layout (`offsetof`, `sizeof`) or comes from
 * `assembly/abi.ts`; a number with a name may only say how much room something has (`…_MAX`, `…_BYTES`).
 *
 * An address is
 * - in `assembly/` what `load`, `store` and `atomic.*` are handed as place and offset, what `changetype` makes a layout of,
 *   and any sum with `offsetof` or with a layout that is made an address;
 * - in `wasm/` what indexes a view of the media memory, what a method of one or of a `DataView` is handed, and what a
 *   function of the core is handed. Several fields are not set as a list, as that has their order in it;
 * - in both every sum in the same function with a variable that is a term of one of these.
 *
 * The fields of wire formats are read and written by `assembly/wire.ts`, at the places that their specification names.
 *
 * @param texts of all files of both folders, by path
 * @returns path, line and expression of what breaks the rule
 */
export function findTypedOffsets(texts: ReadonlyMap<string, string>): string[] {
  const files = new Map([...texts].map(([path, text]) => [path, new SourceTokens(path, text)]));
  const found = new Set<string>();
  for (const file of files.values()) {
    if (file.path.endsWith("assembly/abi.ts")) continue;
    for (const body of file.bodies()) {
      for (const typed of new Addresses(file, body, files).typed()) found.add(typed);
    }
  }
  return [...found].sort();
}

/** Arguments that are addresses, by function. */
const NATIVE: Readonly<Record<string, readonly number[]>> = { load: [0, 1], store: [0, 2], changetype: [0] };
const VIEW = /^(?:u8|i32|u32|f64)$/;
const VIEW_METHOD = /^(?:set|fill|slice|subarray|copyWithin)$/;
const DATA_VIEW_METHOD = /^(?:get|set)(?:Big)?(?:Uint|Int|Float)\d+$/;
const NUMBER = /^(?:0x)?\d/;
const CONSTANT = /^[A-Z][A-Z\d_]*$/;
const CAPACITY = /_(?:MAX|BYTES)$/;
/** What ends a sum on either side. */
const BORDER =
  /^(?:[,;:?!]|[<>=!]==?|[<>=]|=>|&&|\|\||\?\?|[&|^]|>>>?|<<|[-+*/%&|^]=|return|if|else|while|for|case|const|let|of|in)$/;

/** The addresses in the body of a function. */
class Addresses {
  readonly #file: SourceTokens;
  readonly #body: Range;
  readonly #files: ReadonlyMap<string, SourceTokens>;
  readonly #found: string[] = [];

  constructor(file: SourceTokens, body: Range, files: ReadonlyMap<string, SourceTokens>) {
    this.#file = file;
    this.#body = body;
    this.#files = files;
  }

  typed(): readonly string[] {
    const variables = new Set<string>();
    for (let i = this.#body.from; i < this.#body.to; i++) {
      for (const range of this.#placesAt(i)) {
        this.#check(range, this.#file);
        for (const name of this.#variablesOf(range)) variables.add(name);
      }
    }
    for (let i = this.#body.from; i < this.#body.to; i++) {
      const isLayout = /^(?:offsetof|numberOf)$/.test(this.#file.text(i));
      const chain = this.#chainAt(i);
      const name = chain?.name ?? "";
      if (!isLayout && !variables.has(name)) continue;
      const sum = this.#sumAround(i);
      if (isLayout || this.#variablesOf(sum).includes(name)) this.#check(sum, this.#file);
      if (chain !== undefined) for (const value of this.#valuesAt(chain.to)) this.#check(value, this.#file);
    }
    return this.#found;
  }

  /** What a variable becomes where it is assigned to, or declared; `to` is behind its name. */
  #valuesAt(to: number): readonly Range[] {
    const file = this.#file;
    const equals = file.text(to) === ":" ? to + 2 : to;
    if (file.text(equals) !== "=") return [];
    const rest = { from: equals + 1, to: this.#body.to };
    const [value] = file.split(rest, (i) => /^[;,]$/.test(file.text(i))) as [Range];
    const [first, ...choices] = file.split(value, (i) => /^[?:]$/.test(file.text(i))) as [Range];
    return choices.length > 0 ? choices : [first];
  }

  /** What is used as an address by what stands at a token. */
  #placesAt(i: number): readonly Range[] {
    const file = this.#file;
    const open = file.text(i + 1);
    if (open !== "[" && open !== "(") return [];
    const items = file.items(i + 1);
    if (open === "[") return VIEW.test(file.text(i)) ? items : [];
    const owner = file.text(i - 1) === "." ? file.text(i - 2) : undefined;
    if (owner === undefined) return (NATIVE[file.text(i)] ?? []).flatMap((n) => items[n] ?? []);
    if (owner === "atomic" || DATA_VIEW_METHOD.test(file.text(i))) return items.slice(0, 1);
    if (VIEW.test(owner) && VIEW_METHOD.test(file.text(i))) return this.#placesOfView(file.text(i), items);
    // what the core is handed may be a number, but no sum with one
    if (owner === "core") return items.filter((item) => this.#terms(item, file).length > 1);
    return [];
  }

  #placesOfView(method: string, items: readonly Range[]): readonly Range[] {
    if (method !== "set") return method === "fill" ? items.slice(1) : items;
    const [values] = items;
    const isList = values !== undefined && this.#file.text(values.from) === "[";
    if (isList && this.#file.items(values.from).length > 1) this.#report(values, this.#file);
    return items.slice(1);
  }

  /** A variable, or a field of one, that begins at a token. */
  #chainAt(i: number): { readonly name: string; readonly to: number } | undefined {
    const file = this.#file;
    if (!/^[a-z]/.test(file.text(i)) || file.text(i - 1) === ".") return undefined;
    let name = file.text(i);
    let to = i + 1;
    while (file.text(to) === "." && /^#?[a-z]/.test(file.text(to + 1))) {
      name += `.${file.text(to + 1)}`;
      to += 2;
    }
    return { name, to };
  }

  /** The variables that are terms of a sum. */
  #variablesOf(range: Range): string[] {
    return this.#terms(range, this.#file).flatMap((term) => {
      const chain = this.#chainAt(term.from);
      return chain?.to === term.to ? chain.name : [];
    });
  }

  /** The sum that a token is part of; what is added to a variable is part of it too. */
  #sumAround(i: number): Range {
    const file = this.#file;
    let { from, to } = { from: i, to: i };
    while (from > this.#body.from && !BORDER.test(file.text(from - 1)) && !file.isOpening(from - 1)) {
      from = file.isClosing(from - 1) ? file.partner(from - 1) : from - 1;
    }
    while (
      to < this.#body.to &&
      (!BORDER.test(file.text(to)) || /^[-+]=$/.test(file.text(to))) &&
      !file.isClosing(to)
    ) {
      to = file.isOpening(to) ? file.partner(to) + 1 : to + 1;
    }
    return { from, to };
  }

  /** The terms of a sum; of what is shifted or masked, those of the left side. */
  #terms(range: Range, file: SourceTokens): Range[] {
    const isOf = (operators: RegExp) => (i: number) => operators.test(file.text(i));
    const [left] = file.split(range, isOf(/^(?:>>>?|<<|&|\|)$/)) as [Range];
    const terms = file.split(left, isOf(/^(?:[-+]|[-+]=)$/)).filter(({ from, to }) => to > from);
    return terms.flatMap((term) => {
      const isWrapped = file.text(term.from) === "(" && file.partner(term.from) === term.to - 1;
      return isWrapped ? this.#terms({ from: term.from + 1, to: term.to - 1 }, file) : [term];
    });
  }

  #check(range: Range, file: SourceTokens): void {
    for (const term of this.#terms(range, file)) {
      const factors = file.split(term, (i) => /^[*/%]$/.test(file.text(i)));
      for (const factor of factors) {
        if (factor.to - factor.from === 1) this.#checkName(factor, range, file);
        else if (factors.length > 1) this.#checkFactor(factor, file);
        else this.#checkMember(term, range, file);
      }
    }
  }

  /** A number, or the name of one. */
  #checkName({ from }: Range, range: Range, file: SourceTokens): void {
    const name = file.text(from);
    if (NUMBER.test(name) && name !== "0") this.#report(range, file);
    if (!CONSTANT.test(name) || CAPACITY.test(name)) return;
    const owner = file.constant(name) === undefined ? this.#files.get(file.importOf(name) ?? "") : file;
    const value = owner?.constant(name);
    if (owner === undefined || value === undefined || owner.path.endsWith("assembly/abi.ts")) return;
    this.#check(value, owner);
  }

  /** A sum of constants is the size of something; one with a variable says how many there are. */
  #checkFactor(factor: Range, file: SourceTokens): void {
    const names = this.#terms(factor, file).map(({ from }) => file.text(from));
    if (names.every((name) => CONSTANT.test(name) || NUMBER.test(name))) this.#check(factor, file);
  }

  /** A member of a table of places; a global of the core has a `value`. */
  #checkMember({ from }: Range, range: Range, file: SourceTokens): void {
    const isTable = CONSTANT.test(file.text(from)) && file.text(from + 1) === ".";
    if (isTable && file.text(from + 2) !== "value") this.#report(range, file);
  }

  #report(range: Range, file: SourceTokens): void {
    this.#found.push(`${file.path}:${file.lineOf(range)}: ${file.join(range)}`);
  }
}
