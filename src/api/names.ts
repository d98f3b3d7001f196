/**
 * The name at the end of a URL's path, with all its slashes; what is percent-encoded is decoded.
 *
 * @param path of the URL, as it came
 * @param base what stands in front of the name, without the slash between
 * @returns undefined when it is empty or not decodable
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
