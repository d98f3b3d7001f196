/** The profiles and their descriptions. */
const PROFILES = [
  ["profile?seconds=10", "CPU profile of JavaScript, 1,000 samples per second"],
  ["heap?debug=1", "memory use; without <code>debug</code>, as a pprof profile"],
  ["goroutine?debug=1", "activity: connections, sessions, paths, timers"],
] as const;

/** The page has no script, no style and no picture. */
export const INDEX_HEADERS = {
  "Content-Type": "text/html; charset=utf-8",
  "Content-Security-Policy":
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
};

/** A page with links to all profiles. */
export function indexPage(): string {
  const items = PROFILES.map(([path, about]) => `<li><a href="${path}">${path}</a>: ${about}`);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>MediaMTX profiles</title>
<h1>Profiles</h1>
<ul>
${items.join("\n")}
</ul>
<p>For <code>go tool pprof</code>: give it the address of a profile, without <code>debug</code>.</p>
</html>
`;
}
