import type { JsonObject, Listed } from "../lib/registry.ts";

/** A version of the API. Several can be served side by side. */
export interface ApiVersion {
  /** Prefix of its routes: `/v2`. */
  readonly base: string;
  /** An item of a list, in the shape of this version. */
  readonly show: (item: Listed) => JsonObject;
}

/** The version of v1.0.3. */
export const V2: ApiVersion = { base: "/v2", show: (item) => item.describe() };
