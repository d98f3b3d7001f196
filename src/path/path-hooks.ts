import type { PathConfig } from "../config/load.ts";
import type { HookEnd } from "../hooks/hook-process.ts";
import { type EndHook, type Hooks, pathVariables, queryVariable, runsAnything } from "../hooks/hooks.ts";
import type { Logger } from "../lib/log.ts";

/** The client that a hook is about. */
export interface HookSubject {
  /** As the API names it: `rtspSession`. */
  readonly type: string;
  readonly id: string;
  /** Query of its URL, without the question mark. */
  readonly query?: string;
}

export interface PathHooksOptions {
  /** Omitted if there are no commands. */
  readonly hooks: Hooks | undefined;
  readonly name: string;
  readonly conf: PathConfig;
  readonly logger: Logger;
  /** Matches of the groups of the entry's regular expression. */
  readonly groups: () => readonly string[];
}

const nothing: EndHook = () => {};

/** Runs the commands of one path. */
export class PathHooks {
  readonly #options: PathHooksOptions;
  #endInit: EndHook | undefined;
  #endDemand: EndHook | undefined;
  #endReady: EndHook | undefined;
  #demandEnded = false;

  constructor(options: PathHooksOptions) {
    this.#options = options;
  }

  get #variables(): Readonly<Record<string, string>> {
    const { name, groups } = this.#options;
    return pathVariables(name, groups());
  }

  /** The path was created. */
  opened(): void {
    const { hooks, conf, logger } = this.#options;
    this.#endInit = hooks?.begin({ hook: "init", conf, variables: this.#variables, logger });
  }

  /**
   * The stream is requested.
   *
   * @param query of the request
   * @param failed called when the command cannot be started or has failed, and is not restarted
   */
  demanded(query: string, failed: (reason: string) => void): void {
    this.undemanded();
    this.#demandEnded = false;
    const { hooks, conf, logger } = this.#options;
    let early: HookEnd | undefined;
    let begun = false;
    this.#endDemand = hooks?.begin({
      hook: "demand",
      conf,
      variables: { ...this.#variables, MTX_QUERY: queryVariable(query) },
      logger,
      ended: (end) => {
        this.#demandEnded = true;
        if (!begun) early = end;
        else if (end.failed) failed(end.reason);
      },
    });
    begun = true;
    if (early?.failed === true) failed(early.reason);
  }

  /** Whether the command started on demand is running or will be restarted. */
  get isDemandAlive(): boolean {
    return !this.#demandEnded;
  }

  /** The command started on demand is no longer needed. */
  undemanded(): void {
    const end = this.#endDemand;
    this.#endDemand = undefined;
    end?.();
  }

  /** The stream is available. */
  ready(source: HookSubject): void {
    const { hooks, conf, logger } = this.#options;
    const variables = {
      ...this.#variables,
      MTX_QUERY: queryVariable(source.query ?? ""),
      MTX_SOURCE_TYPE: source.type,
      MTX_SOURCE_ID: source.id,
    };
    this.#endReady = hooks?.begin({ hook: "ready", conf, variables, logger });
  }

  /** The stream has ended. */
  notReady(): void {
    const end = this.#endReady;
    this.#endReady = undefined;
    end?.();
  }

  /** A reader is attached, until the returned function is called. @param logger of the reader */
  reading(reader: HookSubject, logger: Logger): EndHook {
    const { hooks, conf } = this.#options;
    if (hooks === undefined || !runsAnything("read", conf)) return nothing;
    const variables = {
      ...this.#variables,
      MTX_QUERY: queryVariable(reader.query ?? ""),
      MTX_READER_TYPE: reader.type,
      MTX_READER_ID: reader.id,
    };
    return hooks.begin({ hook: "read", conf, variables, logger });
  }

  /** The path is closed. */
  close(): void {
    this.undemanded();
    this.notReady();
    this.#endInit?.();
    this.#endInit = undefined;
  }
}
