import { count, object, ref, text, time, word } from "../lib/api-schema.ts";
import type { JsonObject } from "../lib/registry.ts";

/** A list in the API. */
export interface Resource {
  /** Name of the registry and of its routes: `rtspconns`. */
  readonly name: string;
  /** Name of an item, singular and plural. */
  readonly item: string;
  readonly items: string;
  /** How an item is addressed: by its UUID, or by the name of a path, slashes included. */
  readonly by: "id" | "name";
  readonly kick: boolean;
  /** Name of the schema of an item. */
  readonly schema: string;
  /** That schema by its name, and the schemas it refers to that nothing else declares. */
  readonly schemas: Readonly<Record<string, JsonObject>>;
}

/** A list of connections. */
export function connResource(
  protocol: string,
  shown: Pick<Resource, "name" | "kick" | "schema" | "schemas">,
): Resource {
  return { ...shown, item: "connection", items: `${protocol} connections`, by: "id" };
}

/** A list of sessions, which can be kicked. */
export function sessionResource(
  protocol: string,
  shown: Pick<Resource, "name" | "schema" | "schemas">,
): Resource {
  return { ...shown, item: "session", items: `${protocol} sessions`, by: "id", kick: true };
}

/** A list of connections that publish or read without a session. */
export function streamConnResource(name: string, protocol: string): Resource {
  const StreamConn = object({
    ...identity(),
    state: word(["idle", "read", "publish"]),
    path: text("name of the path; empty while idle"),
    ...traffic(),
  });
  return connResource(protocol, { name, kick: true, schema: "StreamConn", schemas: { StreamConn } });
}

/** The leading fields of the schema of a client. */
export function identity(): Record<string, JsonObject> {
  return {
    id: { type: "string", format: "uuid" },
    created: time("time of creation"),
    remoteAddr: text("address and port of the peer"),
  };
}

/** The trailing fields of the schema of a client. */
export function traffic(): Record<string, JsonObject> {
  return {
    bytesReceived: count("bytes received"),
    bytesSent: count("bytes sent"),
    live: ref("Live"),
  };
}
