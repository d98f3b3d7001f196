import type { Component, Provided } from "../protocols/component.ts";

/** Lets commands run. It starts last, when everything they may connect to is listening. */
export const commands: Component<object, Pick<Provided, "hooks">> = {
  name: "commands",
  needs: ["hooks"],
  slice: () => ({}),
  start: (_, { hooks }) => {
    hooks.runner.release();
    return Promise.resolve({ close: () => Promise.resolve() });
  },
};
