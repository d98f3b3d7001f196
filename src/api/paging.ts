import type { JsonObject, Listed } from "../lib/registry.ts";

/** Parameters are decimal numbers below this. */
const MAX_PARAMETER = 2 ** 31;
const DEFAULT_ITEMS_PER_PAGE = 100;

/** A page of a list, in the order in which the API writes it. */
export interface Page extends JsonObject {
  /** All items, before paging. */
  readonly itemCount: number;
  readonly pageCount: number;
  readonly items: readonly JsonObject[];
}

/** The requested page; `page` counts from 0. */
export interface PageRequest {
  readonly itemsPerPage: number;
  readonly page: number;
}

/**
 * Reads `itemsPerPage` and `page` of a query; empty values are ignored.
 *
 * @returns an error text if a value is not a number in range
 */
export function parsePageRequest(query: (name: string) => string | undefined): PageRequest | string {
  const itemsPerPage = parseParameter(query("itemsPerPage"), DEFAULT_ITEMS_PER_PAGE);
  if (itemsPerPage === undefined || itemsPerPage === 0)
    return `invalid itemsPerPage: '${query("itemsPerPage")}'`;
  const page = parseParameter(query("page"), 0);
  if (page === undefined) return `invalid page: '${query("page")}'`;
  return { itemsPerPage, page };
}

/** Cuts a page; empty past the last one. Only the items of the page are shown. */
export function pageOf(
  items: readonly Listed[],
  { itemsPerPage, page }: PageRequest,
  show: (item: Listed) => JsonObject,
): Page {
  const start = itemsPerPage * page;
  return {
    itemCount: items.length,
    pageCount: Math.ceil(items.length / itemsPerPage),
    items: items.slice(start, start + itemsPerPage).map(show),
  };
}

function parseParameter(text: string | undefined, absent: number): number | undefined {
  if (text === undefined || text === "") return absent;
  if (!/^\d{1,10}$/.test(text)) return undefined;
  const value = Number(text);
  return value < MAX_PARAMETER ? value : undefined;
}
