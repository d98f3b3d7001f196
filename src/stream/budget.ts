import { BudgetError } from "../lib/errors.ts";

/**
 * Opens something that needs media memory.
 *
 * @param part undefined when the memory is used up
 * @throws {BudgetError} then
 */
export function orUsedUp<Part>(part: Part | undefined): Part {
  if (part === undefined) throw usedUp();
  return part;
}

export function usedUp(): BudgetError {
  return new BudgetError("the media memory is used up");
}
