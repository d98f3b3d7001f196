/** A URL without credentials and fragment. */
export function plainUrl(url: URL): URL {
  const plain = new URL(url);
  plain.username = "";
  plain.password = "";
  plain.hash = "";
  return plain;
}

/** The header by which the user information of a URL is sent; none when it has none. */
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
