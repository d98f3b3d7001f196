import { jsonError } from "./middleware.ts";

/** A body, or the response if it cannot be read. */
export type ReadBody =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "refused"; readonly response: Response };

/**
 * Reads the body of a request as text.
 *
 * @param limit the largest body accepted, bytes; a larger one gets 413 as soon as it is detected
 */
export async function readBody(request: Request, limit: number): Promise<ReadBody> {
  const tooLarge: ReadBody = {
    kind: "refused",
    response: jsonError(413, `the body is larger than ${limit} bytes`),
  };
  if (Number(request.headers.get("Content-Length") ?? 0) > limit) return tooLarge;
  if (request.body === null) return { kind: "text", text: "" };
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of request.body as ReadableStream<Uint8Array>) {
      size += chunk.length;
      if (size > limit) return tooLarge;
      chunks.push(chunk);
    }
  } catch {
    return { kind: "refused", response: jsonError(400, "the body is incomplete") };
  }
  return { kind: "text", text: new TextDecoder().decode(Buffer.concat(chunks)) };
}
