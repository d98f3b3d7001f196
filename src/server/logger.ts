import type { LogSettings } from "../host/log-outputs.ts";
import { pick } from "../lib/pick.ts";
import type { Component } from "../protocols/component.ts";
import type { ServerDeps } from "./deps.ts";

/** The destinations of the log. They stay open when the server closes, for the last lines. */
export const logger: Component<LogSettings, Pick<ServerDeps, "outputs">> = {
  name: "logger",
  needs: [],
  slice: (config) => pick(config, "logLevel", "logDestinations", "logFile", "logStructured", "sysLogPrefix"),
  start: (settings, { outputs }) => {
    outputs.apply(settings);
    return Promise.resolve({
      reload: (after) => outputs.apply(after),
      close: () => Promise.resolve(),
    });
  },
};
