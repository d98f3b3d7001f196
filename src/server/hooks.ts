import { type HookConfig, Hooks } from "../hooks/hooks.ts";
import { HookRunner } from "../hooks/runner.ts";
import { pick } from "../lib/pick.ts";
import type { Component } from "../protocols/component.ts";
import type { ServerDeps } from "./deps.ts";

/** Runs the commands of the configuration. It closes after everything that starts commands, and waits for them. */
export const hooks: Component<HookConfig, Pick<ServerDeps, "logger" | "clock" | "inventory">> = {
  name: "hooks",
  needs: [],
  slice: (config) => pick(config, "runOnConnect", "runOnConnectRestart", "runOnDisconnect", "rtspAddress"),
  start: (config, { logger, clock, inventory }) => {
    const running: Hooks = new Hooks({
      config,
      runner: new HookRunner({ logger, clock, variables: () => running.variables }),
      rtspPort: () => {
        const address = inventory.addressOf("rtsp");
        return address?.slice(address.lastIndexOf(":") + 1);
      },
    });
    return Promise.resolve({
      provides: { hooks: running },
      reload: (after) => {
        running.config = after;
      },
      close: () => running.runner.close(),
    });
  },
};
