import * as v from "valibot";
import { ConfigError, errorText } from "../lib/errors.ts";
import { decode, defaultsOf, present, toJson, type Values } from "./row.ts";
import { clip, type Kind, secretText, text, wrongType } from "./scalars.ts";
import type { TreeMap } from "./tree.ts";

/** Parameters of one STUN or TURN server. */
const ICE_SERVER_ROWS = {
  url: present(text, "", "URL that begins with stun:, turn: or turns:"),
  username: present(text, "", "name to log in with; AUTH_SECRET derives one from the password"),
  password: present(secretText, "", "password, or the shared secret"),
};

/** A STUN or TURN server for WebRTC clients. */
export type IceServer = Values<typeof ICE_SERVER_ROWS>;

const ICE_URL = /^(stun|turns?):/;

/** A list of STUN and TURN servers. */
export const iceServers: Kind<readonly IceServer[]> = {
  schema: v.array(
    v.pipe(
      v.custom<TreeMap>(
        (input) => input instanceof Map,
        (issue) => wrongType(issue.input, "conf.WebRTCICEServer"),
      ),
      v.rawTransform<TreeMap, IceServer>(({ dataset, addIssue, NEVER }) => {
        try {
          const server = {
            ...defaultsOf(ICE_SERVER_ROWS),
            ...decode(ICE_SERVER_ROWS, dataset.value, { at: "" }),
          };
          if (!ICE_URL.test(server.url)) throw new ConfigError(`invalid ICE server: '${clip(server.url)}'`);
          return server;
        } catch (error) {
          addIssue({ message: errorText(error) });
          return NEVER;
        }
      }),
    ),
    (issue) => wrongType(issue.input, "[]conf.WebRTCICEServer"),
  ),
  shape: {
    type: "array",
    items: {
      type: "object",
      required: ["url"],
      additionalProperties: false,
      properties: {
        url: { type: "string", pattern: ICE_URL.source, description: ICE_SERVER_ROWS.url.meaning },
        username: { type: "string", description: ICE_SERVER_ROWS.username.meaning },
        password: { type: "string", description: ICE_SERVER_ROWS.password.meaning },
      },
    },
  },
  form: "maps",
  label: "list of url, username, password",
  expected: "a list of servers with url, username and password",
  nullAs: [],
  secret: true,
  toJson: (servers) => servers.map((server) => toJson(ICE_SERVER_ROWS, server)),
};

/**
 * Reads a server in the old one-string form: `scheme:user:pass:host:port`, or a URL.
 *
 * @throws {ConfigError} if the result is no STUN or TURN server
 */
export function parseIceServer(value: string): IceServer {
  const parts = value.split(":");
  const [scheme = "", username = "", password = "", host = "", port = ""] = parts;
  // the rest may hold a password
  const shown = parts.length === 1 ? clip(value) : `${clip(scheme)}:…`;
  if (!ICE_URL.test(value)) throw new ConfigError(`invalid ICE server: '${shown}'`);
  return parts.length === 5
    ? { url: `${scheme}:${host}:${port}`, username, password }
    : { url: value, username: "", password: "" };
}
