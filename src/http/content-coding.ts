import { pipeline, Readable, type Transform } from "node:stream";
import zlib from "node:zlib";
import { SourceError } from "../lib/errors.ts";

/** Most codings of one body, and characters of their names in an error message. */
const CODINGS_MAX = 3;
const SHOWN_MAX = 40;

/** How to undo a content coding (RFC 9110 §8.4.1); undefined where the body is not coded after all. */
type Opener = (first: Uint8Array) => Transform | undefined;

const CODINGS: Readonly<Record<string, Opener>> = {
  gzip: (first) => (first[0] === 0x1f ? zlib.createGunzip() : undefined),
  // a zlib stream by the standard; some servers send one without its header
  deflate: (first) => (hasZlibHeader(first) ? zlib.createInflate() : zlib.createInflateRaw()),
  br: () => zlib.createBrotliDecompress(),
};

function hasZlibHeader([first = 0, second = 0]: Uint8Array): boolean {
  return (first & 15) === 8 && (256 * first + second) % 31 === 0;
}

/**
 * The codings of a body, in the order in which they were applied.
 *
 * @throws {SourceError} if one of them is not known
 */
export function contentCodings(header: string | undefined): readonly string[] {
  const names = (header ?? "").toLowerCase().split(",");
  const codings = names.map((name) => name.trim().replace(/^x-gzip$/, "gzip"));
  const applied = codings.filter((name) => name !== "" && name !== "identity");
  if (applied.length > CODINGS_MAX || applied.some((name) => !Object.hasOwn(CODINGS, name))) {
    throw new SourceError(`unsupported Content-Encoding: ${applied.join(", ").slice(0, SHOWN_MAX)}`);
  }
  return applied;
}

/**
 * The body without its codings, in pieces of bounded size.
 *
 * @throws {SourceError} while it is read, if it is invalid
 */
export function withoutCodings(
  body: AsyncIterator<Uint8Array>,
  codings: readonly string[],
): AsyncIterator<Uint8Array> {
  return codings.reduceRight((chunks, coding) => decode(chunks, coding), body);
}

async function* decode(body: AsyncIterator<Uint8Array>, coding: string): AsyncGenerator<Uint8Array> {
  const first = await body.next();
  if (first.done === true) return;
  const decoder = CODINGS[coding]?.(first.value);
  const source: { fault?: unknown } = {};
  const whole = resumed(first.value, body, source);
  if (decoder === undefined) {
    yield* whole;
    return;
  }
  pipeline(Readable.from(whole), decoder, () => {}); // errors come out of the decoder
  try {
    yield* decoder;
  } catch (error) {
    throw source.fault ?? new SourceError(`the body is not valid ${coding}`, { cause: error });
  }
}

/** The body, its first piece included; an error of its own is left in `source`. */
async function* resumed(
  first: Uint8Array,
  rest: AsyncIterator<Uint8Array>,
  source: { fault?: unknown },
): AsyncGenerator<Uint8Array> {
  yield first;
  try {
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
  } catch (error) {
    source.fault = error;
    throw error;
  }
}
