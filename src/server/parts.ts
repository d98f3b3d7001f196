import { sourceSchemes } from "../config/source-scheme.ts";
import type { Component, Provided } from "../protocols/component.ts";
import type { Declaration, Protocol } from "../protocols/protocol.ts";
import type { Declared, ServerDeps } from "./deps.ts";

/** Everything a component can ask for. */
export type AllDeps = ServerDeps & Provided;

/** An entry in the list of parts. */
export type Part = Component<unknown, AllDeps> | Declaration<AllDeps> | Protocol;

/** The components of all parts, in start order. */
export function componentsOf(parts: readonly Part[]): readonly Component<unknown, AllDeps>[] {
  return parts.flatMap((part): readonly Component<unknown, AllDeps>[] =>
    "components" in part ? part.components : [part],
  );
}

/** What all parts declare together. */
export function declaredBy(parts: readonly Part[]): Declared {
  const declarations = parts.filter((part) => "components" in part);
  const shown = [
    ...declarations.filter(({ isShownFirst }) => isShownFirst === true),
    ...declarations.filter(({ isShownFirst }) => isShownFirst !== true),
  ];
  return {
    sources: sourceSchemes(declarations.flatMap((part) => ("sources" in part ? part.sources : []))),
    resources: shown.flatMap(({ resources }) => resources),
    sections: shown.flatMap(({ sections }) => sections),
  };
}
