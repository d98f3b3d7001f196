import { ProtocolError } from "../../lib/errors.ts";
import type { AmfValue } from "./value.ts";

/** Most values of a message, without those in objects and arrays. */
export const MAX_AMF_VALUES = 1024;
/** Deepest nesting of objects and arrays, references included. */
export const MAX_AMF_DEPTH = 64;
/** Most that all values of a message may cost: about the bytes they take in memory or when written out. */
export const MAX_AMF_COST = 4 * 1024 * 1024;
/** Longest name of a member or a class, in characters; whatever they are, they can be written in 65,535 bytes. */
const MAX_NAME_LENGTH = 16_384;

const VALUE_COST = 16;
/** What an object, array or anything else that may be referred to costs more than other values. */
const REFERABLE_COST = 256;

/** A value that later ones may refer to. */
export interface Referable {
  readonly value: AmfValue;
  /** Of the value with everything in it; undefined while it is being read. */
  cost: number | undefined;
  /** How deep it nests: 0 if it is neither object nor array. */
  height: number;
}

/**
 * Limits what the values of one message cost, and how deep they nest. A reference costs as much as the value it refers
 * to, although both share memory, and nests as deep. Whoever walks over the values therefore does no more work than
 * `MAX_AMF_COST` allows, and needs no protection against references that multiply or go in circles.
 */
export class AmfLimits {
  #cost = 0;
  #depth = 0;
  /** The deepest nesting since the current object or array began. */
  #deepest = 0;

  /**
   * Accounts for a value.
   *
   * @param size of its text, in characters, or of its bytes
   */
  spend(size = 0): void {
    this.#spend(VALUE_COST + size);
  }

  /** Accounts for the name of a member or a class. */
  name(name: string): string {
    if (name.length > MAX_NAME_LENGTH) throw new ProtocolError(`AMF name longer than ${MAX_NAME_LENGTH}`);
    this.spend(name.length);
    return name;
  }

  /** Accounts for a value that is neither object nor array, and adds it to a table of references. */
  keep<Value extends AmfValue>(value: Value, size: number, table: Referable[]): Value {
    const cost = VALUE_COST + REFERABLE_COST + size;
    this.#spend(cost);
    table.push({ value, cost, height: 0 });
    return value;
  }

  /**
   * Reads an object or array: adds it to a table of references, then has it filled.
   *
   * @param fill accounts for all that belongs to it, names included
   */
  nest<Value extends AmfValue>(value: Value, table: Referable[], fill: () => void): Value {
    const referable: Referable = { value, cost: undefined, height: 0 };
    table.push(referable);
    const before = this.#cost;
    const outer = this.#deepest;
    this.#spend(VALUE_COST + REFERABLE_COST);
    this.#depth += 1;
    this.#deepest = this.#depth;
    checkDepth(this.#depth);
    fill();
    referable.cost = this.#cost - before;
    referable.height = this.#deepest - this.#depth + 1;
    this.#depth -= 1;
    this.#deepest = Math.max(this.#deepest, outer);
    return value;
  }

  /**
   * Resolves a reference.
   *
   * @throws {ProtocolError} if there is no such value, or it is not complete yet
   */
  refer(index: number, table: readonly Referable[]): AmfValue {
    const referable = table[index];
    if (referable === undefined) throw new ProtocolError(`invalid AMF reference: ${index}`);
    if (referable.cost === undefined) throw new ProtocolError(`an AMF value contains itself: ${index}`);
    this.#spend(referable.cost);
    checkDepth(this.#depth + referable.height);
    this.#deepest = Math.max(this.#deepest, this.#depth + referable.height);
    return referable.value;
  }

  #spend(cost: number): void {
    this.#cost += cost;
    if (this.#cost > MAX_AMF_COST) throw new ProtocolError("AMF values too large");
  }
}

function checkDepth(depth: number): void {
  if (depth > MAX_AMF_DEPTH) throw new ProtocolError(`AMF values nested deeper than ${MAX_AMF_DEPTH}`);
}
