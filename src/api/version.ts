import type { JsonObject, Listed } from "../lib/registry.ts";

/** A version of the API: several can be served beside each other. */
export interface ApiVersion {
  /** What its routes begin with: `/v2`. */
  readonly base: string;
  /** An item of a list as this version shows it. */
  readonly show: (item: Listed) => JsonObject;
}

/** The version of v1.0.3. */
export const V2: ApiVersion = { base: "/v2", show: (item) => item.describe() };
