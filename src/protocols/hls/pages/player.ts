import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import scriptPath from "hls.js/dist/hls.min.js" with { type: "file" };
import html from "./player.html" with { type: "text" };

/** The text of the import, unlike what the runtime's types say. */
const page = html as unknown as string;

/** The page's own script, as its policy names it. */
const SCRIPT_HASH = createHash("sha256")
  .update(/<script>([\s\S]*)<\/script>/.exec(page)?.[1] ?? "")
  .digest("base64");
const POLICY = [
  "default-src 'none'",
  `script-src 'self' 'sha256-${SCRIPT_HASH}' blob:`,
  "worker-src blob:",
  "style-src 'unsafe-inline'",
  "connect-src 'self'",
  "media-src 'self' blob:",
  "frame-ancestors *",
].join("; ");
let script: Blob | undefined;

/** The page that plays a stream. It can be embedded. */
export function playerPage(): string {
  return page;
}

export function playerHeaders(): Record<string, string> {
  return {
    "Content-Type": "text/html",
    "Cache-Control": "max-age=3600",
    "Content-Security-Policy": POLICY,
  };
}

/** The script that plays HLS where the browser does not. */
export function playerScript(): Response {
  script ??= new Blob([readFileSync(scriptPath)]);
  const headers = { "Content-Type": "application/javascript", "Cache-Control": "max-age=3600" };
  return new Response(script, { headers });
}
