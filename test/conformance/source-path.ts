import type { TestServer } from "../support/server.ts";

/**
 * Gives a running server a path with a source.
 *
 * @param more parameters of the path
 */
export async function addSource(
  server: TestServer,
  path: string,
  source: string,
  more: Readonly<Record<string, string>> = {},
): Promise<void> {
  await change(server, `add/${path}`, { source, ...more });
}

export async function removeSource(server: TestServer, path: string): Promise<void> {
  await change(server, `remove/${path}`, {});
}

async function change(server: TestServer, what: string, body: object): Promise<void> {
  const url = `${server.apiUrl}/v2/config/paths/${what}`;
  const response = await fetch(url, { method: "POST", body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${what}: ${response.status} ${await response.text()}`);
}

/**
 * Resolves once the source of a path has brought a stream.
 *
 * @param from place in the log where the line may be
 */
export async function sourceReady(server: TestServer, path: string, from: number): Promise<void> {
  await server.waitForLog(new RegExp(`\\[path ${path}\\] \\[.*source\\] ready: `), from);
}
