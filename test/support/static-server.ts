import { join, normalize } from "node:path";

/** An HTTP server for the files of a folder, with byte ranges; it says what was asked for. */
export class StaticServer implements Disposable {
  readonly requests: Request[] = [];
  readonly #server: Bun.Server<undefined>;
  readonly #scheme: string;

  /**
   * @param tls key and certificate
   * @param answer what is answered instead of a file
   */
  constructor(
    folder: string,
    tls?: { readonly key: Bun.BunFile; readonly cert: Bun.BunFile },
    answer: (request: Request) => Response | undefined = () => undefined,
  ) {
    this.#scheme = tls === undefined ? "http" : "https";
    this.#server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      ...(tls && { tls }),
      fetch: async (request) => {
        this.requests.push(request);
        return answer(request) ?? (await serve(folder, request));
      },
    });
  }

  url(path: string): string {
    return `${this.#scheme}://127.0.0.1:${this.#server.port}/${path}`;
  }

  [Symbol.dispose](): void {
    void this.#server.stop(true);
  }
}

async function serve(folder: string, request: Request): Promise<Response> {
  const path = join(folder, normalize(new URL(request.url).pathname));
  const file = Bun.file(path);
  if (!path.startsWith(folder) || !(await file.exists())) return new Response("not found", { status: 404 });
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.get("Range") ?? "");
  if (range === null) return new Response(await file.bytes());
  const bytes = await file.slice(Number(range[1]), Number(range[2]) + 1).bytes();
  return new Response(bytes, { status: 206 });
}
