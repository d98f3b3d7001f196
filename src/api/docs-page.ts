import { createHash } from "node:crypto";
import type { Json, JsonObject } from "../lib/registry.ts";

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 0 auto; padding: 1rem; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid #8886; text-transform: capitalize; }
article { margin: 1rem 0; padding: .75rem 1rem; border: 1px solid #8886; border-radius: .5rem; }
h3 { margin: 0; font: 600 1rem ui-monospace, monospace; overflow-wrap: anywhere; }
h3 b { display: inline-block; min-width: 3.5rem; color: #0a7d3c; }
h3 b.post { color: #b45309; }
p { margin: .4rem 0; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
td { padding: .15rem .75rem .15rem 0; vertical-align: top; }
td:first-child { white-space: nowrap; font-family: ui-monospace, monospace; }
code { font-family: ui-monospace, monospace; }
`;

/** Content-Security-Policy of the page: nothing but its own style. */
export const DOCS_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** An OpenAPI document as an HTML page. */
export function docsPage(document: JsonObject): string {
  const { title, version, description } = document["info"] as Record<string, string>;
  const { schemas } = document["components"] as { schemas: Record<string, JsonObject> };
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escaped(`${title} API`)}</title>
<style>${STYLE}</style>
<h1>${escaped(`${title} API`)}</h1>
<p>${prose(`${description} Version ${version}. For programs: `)}<a href="/openapi.json">openapi.json</a></p>
${operations(document)}
<h2>Objects</h2>
${Object.entries(schemas)
  .map(([name, schema]) => schemaSection(name, schema))
  .join("\n")}
</html>
`;
}

/** All operations, under the headings of their tags. */
function operations(document: JsonObject): string {
  const sections = new Map<string, string[]>();
  for (const [path, methods] of Object.entries(document["paths"] as Record<string, JsonObject>)) {
    for (const [method, operation] of Object.entries(methods as Record<string, JsonObject>)) {
      const [tag] = operation["tags"] as readonly string[];
      const section = sections.get(tag ?? "") ?? [];
      sections.set(tag ?? "", section);
      section.push(operationSection(method, path, operation));
    }
  }
  return [...sections].map(([tag, parts]) => `<h2>${escaped(tag)}</h2>\n${parts.join("\n")}`).join("\n");
}

function operationSection(method: string, path: string, operation: JsonObject): string {
  const parameters = (operation["parameters"] ?? []) as readonly JsonObject[];
  const responses = Object.entries(operation["responses"] as Record<string, JsonObject>);
  const body = operation["requestBody"] as JsonObject | undefined;
  const rows = [
    ...parameters.map(({ name, description }) => row(String(name), prose(String(description)))),
    ...(body === undefined ? [] : [row("body", typesOf(body["content"] as JsonObject))]),
    ...responses.map(([status, { description, content }]) =>
      row(
        status,
        `${prose(String(description))}${content === undefined ? "" : `: ${typesOf(content as JsonObject)}`}`,
      ),
    ),
  ];
  return `<article><h3><b class="${method}">${method.toUpperCase()}</b> ${escaped(path)}</h3>
<p>${prose(String(operation["summary"]))}</p>
<table>${rows.join("")}</table></article>`;
}

function typesOf(content: JsonObject): string {
  const schemas = Object.values(content as Record<string, JsonObject>).map(({ schema }) =>
    typeOf(schema as JsonObject),
  );
  return schemas.join(" or ");
}

function schemaSection(name: string, schema: JsonObject): string {
  const properties = Object.entries((schema["properties"] ?? {}) as Record<string, JsonObject>);
  const rows = properties.map(([key, property]) => {
    const { description } = property;
    const said = description === undefined ? "" : ` – ${prose(String(description))}`;
    return row(key, `${typeOf(property)}${said}`);
  });
  const about = schema["description"] === undefined ? "" : `<p>${prose(String(schema["description"]))}</p>`;
  return `<article id="${escaped(name)}"><h3>${escaped(name)}</h3>${about}<table>${rows.join("")}</table></article>`;
}

/** The name of a type, with a link if it has a section of its own. */
function typeOf(schema: JsonObject): string {
  const { $ref, type, items, oneOf } = schema;
  if (typeof $ref === "string") return link($ref.slice($ref.lastIndexOf("/") + 1));
  if (Array.isArray(oneOf)) return (oneOf as readonly JsonObject[]).map(typeOf).join(" or ");
  if (schema["enum"] !== undefined)
    return (schema["enum"] as readonly Json[]).map((word) => code(String(word))).join(", ");
  if (items !== undefined) return `list of ${typeOf(items as JsonObject)}`;
  const page = (schema["properties"] as JsonObject | undefined)?.["items"];
  if (page !== undefined) return `page of ${typeOf((page as JsonObject)["items"] as JsonObject)}`;
  const { additionalProperties: values } = schema;
  if (typeof values === "object" && values !== null) return `map of ${typeOf(values as JsonObject)}`;
  return type === undefined ? "" : code(Array.isArray(type) ? type.join(" or ") : String(type));
}

function link(name: string): string {
  return `<a href="#${escaped(name)}">${escaped(name)}</a>`;
}

function row(name: string, text: string): string {
  return `<tr><td>${escaped(name)}<td>${text}`;
}

function code(text: string): string {
  return `<code>${escaped(text)}</code>`;
}

/** Text with code between backticks. */
function prose(text: string): string {
  return escaped(text).replace(/`([^`]+)`/g, "<code>$1</code>");
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
