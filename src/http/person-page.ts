import { PRODUCT_LINE } from "../lib/product.ts";

/** What a page tells a person. */
export interface PageText {
  readonly title: string;
  /** Paragraphs of HTML; nothing of a request may be in them. */
  readonly paragraphs: readonly string[];
}

/** Whether a browser asks for a page to show, in contrast to a player, a script or a program. */
export function wantsPage({ method, headers }: Request): boolean {
  return method === "GET" && headers.get("Accept")?.includes("text/html") === true;
}

/** A page that says where a person is and what to do next; it loads nothing. @param headers in addition */
export function personPage(
  { title, paragraphs }: PageText,
  status: number,
  headers: Headers = new Headers(),
): Response {
  const lines = [...paragraphs, PRODUCT_LINE].map((text) => `<p>${text}</p>`);
  const html = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<h1>${title}</h1>
${lines.join("\n")}
</html>
`;
  headers.set("Content-Type", "text/html; charset=utf-8");
  headers.set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'");
  headers.set("X-Content-Type-Options", "nosniff");
  headers.set("Cache-Control", "no-store");
  return new Response(html, { status, headers });
}
