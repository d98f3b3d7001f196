import type { Config, PathConfig } from "../config/load.ts";
import type { Logger } from "../lib/log.ts";
import type { Variables } from "./command-line.ts";
import type { HookEnd } from "./hook-process.ts";
import type { HookRunner } from "./runner.ts";

/** The parameters of a hook: the command that runs while a state lasts, and the one that runs once when it ends. */
interface Row {
  readonly during: keyof PathConfig | keyof Config;
  readonly restart: keyof PathConfig | keyof Config;
  readonly after?: keyof PathConfig | keyof Config;
}

const HOOKS = {
  connect: { during: "runOnConnect", restart: "runOnConnectRestart", after: "runOnDisconnect" },
  init: { during: "runOnInit", restart: "runOnInitRestart" },
  demand: { during: "runOnDemand", restart: "runOnDemandRestart", after: "runOnUnDemand" },
  ready: { during: "runOnReady", restart: "runOnReadyRestart", after: "runOnNotReady" },
  read: { during: "runOnRead", restart: "runOnReadRestart", after: "runOnUnread" },
} as const satisfies Record<string, Row>;

export type HookName = keyof typeof HOOKS;

/** Values of the parameters of hooks, by name. */
type Commands = Partial<Pick<Config, HookKey & keyof Config> & Pick<PathConfig, HookKey & keyof PathConfig>>;
type HookRow = (typeof HOOKS)[HookName];
type HookKey = HookRow["during"] | HookRow["restart"] | Extract<HookRow, { after: string }>["after"];

/** The state that a hook is about. */
export interface HookEvent {
  readonly hook: HookName;
  /** Has the parameters of the hook. */
  readonly conf: Commands;
  readonly variables: Variables;
  /** Of its owner. */
  readonly logger: Logger;
  /** Called when its command has exited by itself and is not restarted. */
  readonly ended?: (end: HookEnd) => void;
}

/** Ends the state that a hook is about. */
export type EndHook = () => void;

/** The global parameters of hooks. */
export type HookConfig = Pick<
  Config,
  "runOnConnect" | "runOnConnectRestart" | "runOnDisconnect" | "rtspAddress"
>;

export interface HooksOptions {
  readonly runner: HookRunner;
  readonly config: HookConfig;
  /** The actual RTSP port, if the configuration says 0. */
  readonly rtspPort: () => string | undefined;
}

/** Runs the commands of the configuration when states begin and end. */
export class Hooks {
  readonly runner: HookRunner;
  readonly #rtspPort: () => string | undefined;
  /** Replaced by a reload; running commands are not affected. */
  config: HookConfig;

  constructor({ runner, config, rtspPort }: HooksOptions) {
    this.runner = runner;
    this.#rtspPort = rtspPort;
    this.config = config;
  }

  /** A state begins: its command runs until the returned function is called. */
  begin({ hook, conf, variables, logger, ended }: HookEvent): EndHook {
    const row: HookRow = HOOKS[hook];
    const running = this.runner.start({
      name: row.during,
      command: conf[row.during] ?? "",
      restart: conf[row.restart] ?? false,
      env: variables,
      logger,
      ...(ended !== undefined && { ended }),
    });
    return () => {
      running.stop();
      if (!("after" in row)) return;
      this.runner.launch({ name: row.after, command: conf[row.after] ?? "", env: variables, logger });
    };
  }

  /** A client has connected. @param type as the API would name it: `rtspConn` */
  connected(type: string, id: string, logger: Logger): EndHook | undefined {
    if (!runsAnything("connect", this.config)) return undefined;
    const variables = { MTX_PATH: "", RTSP_PATH: "", MTX_CONN_TYPE: type, MTX_CONN_ID: id };
    return this.begin({ hook: "connect", conf: this.config, variables, logger });
  }

  /** Variables of every command. */
  get variables(): Variables {
    const { rtspAddress } = this.config;
    const port = rtspAddress.slice(rtspAddress.lastIndexOf(":") + 1);
    return { RTSP_PORT: port === "0" ? (this.#rtspPort() ?? port) : port };
  }
}

/** Whether a hook has a command. Connections and readers create nothing for a hook without one. */
export function runsAnything(hook: HookName, conf: Commands): boolean {
  const row: HookRow = HOOKS[hook];
  const after = "after" in row ? (conf[row.after] ?? "") : "";
  return `${conf[row.during] ?? ""}${after}`.trim() !== "";
}

/** The variables of a path. @param groups matches of its regular expression */
export function pathVariables(path: string, groups: readonly string[]): Variables {
  const captured = groups.map((group, i) => [`G${i + 1}`, group]);
  return { MTX_PATH: path, RTSP_PATH: path, ...Object.fromEntries(captured) };
}

/** A query for `MTX_QUERY`; characters that are not safe are percent-encoded. */
export function queryVariable(query: string): string {
  return query.replace(/[^\w.~%&=+:,/@-]/gu, (c) => {
    const isLone = /^[\ud800-\udfff]$/.test(c);
    return isLone ? "%EF%BF%BD" : encodeURIComponent(c).replace(/['()*!]/g, hex);
  });
}

function hex(c: string): string {
  return `%${c.charCodeAt(0).toString(16).toUpperCase()}`;
}
