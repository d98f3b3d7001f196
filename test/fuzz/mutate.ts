import type { Random } from "../support/random.ts";

/** Inputs grow no longer than this, bytes. */
const MAX_SIZE = 80_000;
const NUMBERS = [0, 1, 2, 3, 4, 7, 8, 12, 15, 16, 31, 32, 63, 64, 127, 128, 129, 192, 254, 255];
const WIDE_NUMBERS = [0, 1, 255, 256, 1023, 1459, 1460, 4096, 32767, 32768, 65507, 65534, 65535];
const DECIMALS = ["0", "-1", "1", "00", "255", "256", "65535", "65536", "4294967295", "4294967296"];
const LONG_DECIMALS = ["2147483648", "9007199254740993", "1e9", "0x10", "99999999999999999999999", "1.5", ""];

type Mutation = (input: Uint8Array, random: Random, others: Dictionary) => Uint8Array;

/** What a mutation may borrow from: whole inputs, and the words found in them. */
export interface Dictionary {
  readonly inputs: readonly Uint8Array[];
  readonly words: readonly Uint8Array[];
}

/** One to eight random changes of an input; the input itself stays as it is. */
export function mutate(input: Uint8Array, random: Random, others: Dictionary): Uint8Array {
  let changed: Uint8Array = input.slice();
  for (let left = 1 << random.below(4); left > 0; left--) {
    changed = random.pick(MUTATIONS)(changed, random, others);
    if (changed.length > MAX_SIZE) changed = changed.slice(0, MAX_SIZE);
  }
  return changed;
}

/** Words of text, and what lies between, for `Dictionary.words`. */
export function wordsOf(inputs: readonly Uint8Array[]): Uint8Array[] {
  const words = new Set<string>();
  for (const input of inputs) {
    const text = String.fromCharCode(...input.subarray(0, 4096));
    for (const word of text.match(/[\w.-]{2,40}|[^\w.-]{1,4}|[\w-]+[:=][^\s;,]{1,60}/g) ?? [])
      words.add(word);
  }
  return [...words].slice(0, 4000).map((word) => Uint8Array.from(word, (letter) => letter.charCodeAt(0)));
}

const MUTATIONS: readonly Mutation[] = [
  flipBit,
  setByte,
  setByte,
  setNumber,
  setWide,
  tweakLength,
  tweakLength,
  swapDecimal,
  swapDecimal,
  remove,
  duplicate,
  truncate,
  insertNoise,
  insertWord,
  replaceWord,
  splice,
  exchange,
];

function flipBit(input: Uint8Array, random: Random): Uint8Array {
  const at = random.below(input.length);
  if (input.length > 0) input[at] = (input[at] as number) ^ (1 << random.below(8));
  return input;
}

function setByte(input: Uint8Array, random: Random): Uint8Array {
  if (input.length > 0) input[random.below(input.length)] = random.below(256);
  return input;
}

function setNumber(input: Uint8Array, random: Random): Uint8Array {
  if (input.length > 0) input[random.below(input.length)] = random.pick(NUMBERS);
  return input;
}

function setWide(input: Uint8Array, random: Random): Uint8Array {
  if (input.length < 4) return input;
  const view = new DataView(input.buffer, input.byteOffset, input.length);
  const value = random.chance(0.5) ? random.pick(WIDE_NUMBERS) : input.length - random.below(16);
  if (random.chance(0.7)) view.setUint16(random.below(input.length - 1), value);
  else view.setUint32(random.below(input.length - 3), random.chance(0.2) ? -value : value);
  return input;
}

/** Makes two bytes a little larger or smaller: most length fields are two bytes. */
function tweakLength(input: Uint8Array, random: Random): Uint8Array {
  if (input.length < 2) return input;
  const view = new DataView(input.buffer, input.byteOffset, input.length);
  const at = random.below(input.length - 1);
  view.setUint16(at, view.getUint16(at) + random.between(-4, 4));
  return input;
}

function swapDecimal(input: Uint8Array, random: Random): Uint8Array {
  const start = random.below(input.length);
  let at = start;
  while (at < input.length && !isDigit(input[at])) at += 1;
  if (at === input.length) return input;
  let end = at;
  while (end < input.length && isDigit(input[end])) end += 1;
  const text = random.pick(random.chance(0.7) ? DECIMALS : LONG_DECIMALS);
  return replace(input, at, end, new TextEncoder().encode(text));
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 48 && byte <= 57;
}

function remove(input: Uint8Array, random: Random): Uint8Array {
  const [at, end] = range(input, random);
  return replace(input, at, end, new Uint8Array(0));
}

function duplicate(input: Uint8Array, random: Random): Uint8Array {
  const [at, end] = range(input, random);
  const piece = input.slice(at, end);
  let changed = input;
  for (let left = 1 << random.below(random.chance(0.05) ? 9 : 3); left > 0; left--) {
    if (changed.length > MAX_SIZE) break;
    changed = replace(changed, end, end, piece);
  }
  return changed;
}

function truncate(input: Uint8Array, random: Random): Uint8Array {
  return input.slice(0, random.below(input.length + 1));
}

function insertNoise(input: Uint8Array, random: Random): Uint8Array {
  const at = random.below(input.length + 1);
  return replace(input, at, at, random.bytes(1 << random.below(7)));
}

function insertWord(input: Uint8Array, random: Random, { words }: Dictionary): Uint8Array {
  const at = random.below(input.length + 1);
  return words.length === 0 ? input : replace(input, at, at, random.pick(words));
}

function replaceWord(input: Uint8Array, random: Random, { words }: Dictionary): Uint8Array {
  if (words.length === 0) return input;
  const word = random.pick(words);
  const at = random.below(input.length + 1);
  return replace(input, at, Math.min(input.length, at + word.length), word);
}

/** The beginning of one input, the end of another. */
function splice(input: Uint8Array, random: Random, { inputs }: Dictionary): Uint8Array {
  const other = random.pick(inputs);
  return replace(
    input,
    random.below(input.length + 1),
    input.length,
    other.subarray(random.below(other.length)),
  );
}

/** A piece of another input in the midst of this one. */
function exchange(input: Uint8Array, random: Random, { inputs }: Dictionary): Uint8Array {
  const other = random.pick(inputs);
  const [from, to] = range(other, random);
  const [at, end] = range(input, random);
  return replace(input, at, end, other.subarray(from, to));
}

/** A short piece, now and then a long one. */
function range(input: Uint8Array, random: Random): [number, number] {
  const at = random.below(input.length + 1);
  const longest = random.chance(0.8) ? 64 : input.length;
  return [at, Math.min(input.length, at + random.below(longest + 1))];
}

function replace(input: Uint8Array, at: number, end: number, piece: Uint8Array): Uint8Array {
  const changed = new Uint8Array(input.length - (end - at) + piece.length);
  changed.set(input.subarray(0, at));
  changed.set(piece, at);
  changed.set(input.subarray(end), at + piece.length);
  return changed;
}
