/** Path and query of a request's URL. The host may be missing or invalid. */
export function requestTarget(url: string): string {
  if (url.startsWith("/")) return url;
  const start = url.indexOf("/", url.indexOf("://") + 3);
  return start < 0 ? "/" : url.slice(start);
}

/** The URL of a request, with a valid host. */
export function localUrl(url: string): URL {
  return new URL(`http://localhost${requestTarget(url)}`);
}

/** A URL without credentials and fragment. */
export function plainUrl(url: URL): URL {
  const plain = new URL(url);
  plain.username = "";
  plain.password = "";
  plain.hash = "";
  return plain;
}

/** The Authorization header for the user information of a URL, if it has any. */
export function basicAuthorization({ username, password }: URL): { readonly Authorization?: string } {
  if (username === "" && password === "") return {};
  const [user, pass] = [username, password].map(decode);
  return { Authorization: `Basic ${Buffer.from(`${user}:${pass}`).toString("base64")}` };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // as it was written
  }
}
