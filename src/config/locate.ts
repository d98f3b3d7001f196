import { type Document, isAlias, isMap, isScalar, isSeq, type Pair } from "yaml";
import { EntryError, type Mistake, type Place } from "./mistakes.ts";

/** Whether a key of the file is meant by a name. */
export type SameKey = (written: string, name: string) => boolean;

/**
 * Where a mistake is in the text of a document. What was merged or left out is shown where the map around it begins.
 *
 * @returns undefined if the document has nothing of it
 */
export function offsetOf(document: Document.Parsed, mistake: Mistake, isSame: SameKey): number | undefined {
  const { error, about = [], place } = mistake;
  const isWrongKey = error instanceof EntryError && error.within === undefined;
  const within = error instanceof EntryError ? (error.within ?? []) : [];
  const found = follow(document, [...place, ...within], isSame);
  for (const name of about) {
    const pair = pairOf(document, found.node, { name, isSame });
    if (pair !== undefined) return startOf(pair.key);
  }
  const isEntry = about.length > 0 || (place[0] === "paths" && place.length === 2);
  if (isWrongKey || isEntry || !found.isWhole) return found.key;
  return startOf(found.node) ?? found.key;
}

/** Where a node begins. */
export function startOf(node: unknown): number | undefined {
  const { range } = (node ?? {}) as { readonly range?: readonly number[] | null };
  return range?.[0];
}

/** Follows keys and indices as far as they go. */
function follow(document: Document.Parsed, place: Place, isSame: SameKey) {
  let node: unknown = document.contents;
  let key: number | undefined;
  for (const name of place) {
    const list = resolved(document, node);
    if (isSeq(list)) {
      node = list.items[Number(name)];
      key = startOf(node) ?? key;
      continue;
    }
    const pair = pairOf(document, node, { name, isSame });
    if (pair === undefined) return { node, key, isWhole: false };
    key = startOf(pair.key) ?? key;
    node = pair.value;
  }
  return { node, key, isWhole: true };
}

function resolved(document: Document.Parsed, node: unknown): unknown {
  return isAlias(node) ? node.resolve(document) : node;
}

/** The entry of a map that counts: the last one of a repeated key. */
function pairOf(
  document: Document.Parsed,
  node: unknown,
  { name, isSame }: { readonly name: string; readonly isSame: SameKey },
): Pair | undefined {
  const map = resolved(document, node);
  if (!isMap(map)) return undefined;
  const named = (test: (written: string) => boolean) =>
    map.items.findLast(({ key }) => isScalar(key) && typeof key.value === "string" && test(key.value));
  return named((written) => written === name) ?? named((written) => isSame(written, name));
}
