import type { AuthorizerSettings } from "../auth/authorizer.ts";
import { pick } from "../lib/pick.ts";
import type { Component } from "../protocols/component.ts";
import type { ServerDeps } from "./deps.ts";

/** The external authentication server, if one is configured. */
export const auth: Component<AuthorizerSettings, Pick<ServerDeps, "authorizer">> = {
  name: "auth",
  needs: [],
  slice: (config) =>
    config.externalAuthenticationURL === ""
      ? undefined
      : pick(config, "externalAuthenticationURL", "readTimeout"),
  start: async (settings, { authorizer }) => {
    await authorizer.configure(settings);
    return {
      reload: (after) => authorizer.configure(after),
      close: () => authorizer.configure({ ...settings, externalAuthenticationURL: "" }),
    };
  },
};
