import { count, object, ref, text, time, word } from "../lib/api-schema.ts";
import type { JsonObject } from "../lib/registry.ts";

/** How the API shows a registry. */
export interface Resource {
  /** The registry's name, which is that of its routes: `rtspconns`. */
  readonly name: string;
  /** What an item is called, and several; the first also when there is none. */
  readonly item: string;
  readonly items: string;
  /** What an item is asked for by: its UUID, or the name of a path with all its slashes. */
  readonly by: "id" | "name";
  readonly kick: boolean;
  /** Name of the schema of an item. */
  readonly schema: string;
  /** That schema, and those of its own that it refers to, by name. */
  readonly schemas: Readonly<Record<string, JsonObject>>;
}

/** Connections that are asked for by their id. */
export function connResource(
  protocol: string,
  shown: Pick<Resource, "name" | "kick" | "schema" | "schemas">,
): Resource {
  return { ...shown, item: "connection", items: `${protocol} connections`, by: "id" };
}

/** Sessions that are asked for by their id, and may be kicked. */
export function sessionResource(
  protocol: string,
  shown: Pick<Resource, "name" | "schema" | "schemas">,
): Resource {
  return { ...shown, item: "session", items: `${protocol} sessions`, by: "id", kick: true };
}

/** Connections that publish or read by themselves, without sessions. */
export function streamConnResource(name: string, protocol: string): Resource {
  const StreamConn = object({
    ...identity(),
    state: word(["idle", "read", "publish"]),
    path: text("name of the path; empty while idle"),
    ...traffic(),
  });
  return connResource(protocol, { name, kick: true, schema: "StreamConn", schemas: { StreamConn } });
}

/** The first fields of a client's schema. */
export function identity(): Record<string, JsonObject> {
  return {
    id: { type: "string", format: "uuid" },
    created: time("when it was made"),
    remoteAddr: text("address and port of the peer"),
  };
}

/** The last fields of a client's schema. */
export function traffic(): Record<string, JsonObject> {
  return {
    bytesReceived: count("bytes received"),
    bytesSent: count("bytes sent"),
    live: ref("Live"),
  };
}
