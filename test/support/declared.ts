import { PARTS } from "../../src/server/components.ts";
import { declaredBy } from "../../src/server/parts.ts";

/** What the parts of the server declare. */
export const { sources: SOURCES, resources: RESOURCES, sections: SECTIONS } = declaredBy(PARTS);
