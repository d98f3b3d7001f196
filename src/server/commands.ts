import type { Component, Provided } from "../protocols/component.ts";

/** Starts external commands. It starts last, when all servers that they may connect to are listening. */
export const commands: Component<object, Pick<Provided, "hooks">> = {
  name: "commands",
  needs: ["hooks"],
  slice: () => ({}),
  start: (_, { hooks }) => {
    hooks.runner.release();
    return Promise.resolve({ close: () => Promise.resolve() });
  },
};
