import type { Component, Provided } from "../protocols/component.ts";

/** Lets commands run. The last of all: what they connect to listens by now. */
export const commands: Component<object, Pick<Provided, "hooks">> = {
  name: "commands",
  needs: ["hooks"],
  slice: () => ({}),
  start: (_, { hooks }) => {
    hooks.runner.release();
    return Promise.resolve({ close: () => Promise.resolve() });
  },
};
