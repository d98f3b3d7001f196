/**
 * The name at the end of a URL's path, slashes included, percent-decoded.
 *
 * @param path of the URL, not decoded
 * @param base the path before the name, without trailing slash
 * @returns undefined if it is empty or cannot be decoded
 */
export function nameIn(path: string, base: string): string | undefined {
  const rest = path.slice(base.length + 1);
  if (rest === "") return undefined;
  try {
    return decodeURIComponent(rest);
  } catch {
    return undefined;
  }
}
