import type { PathConfig } from "../config/load.ts";
import { type EndHook, type Hooks, pathVariables, queryVariable, runsAnything } from "../hooks/hooks.ts";
import type { Logger } from "../lib/log.ts";

/** Somebody a hook is about. */
export interface HookSubject {
  /** As the API names it: `rtspSession`. */
  readonly type: string;
  readonly id: string;
  /** Of its URL, without the question mark. */
  readonly query?: string;
}

export interface PathHooksOptions {
  /** Left out where nothing is run. */
  readonly hooks: Hooks | undefined;
  readonly name: string;
  readonly conf: PathConfig;
  readonly logger: Logger;
  /** What the groups of the entry's regular expression match. */
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

  /** The path is there. */
  opened(): void {
    const { hooks, conf, logger } = this.#options;
    this.#endInit = hooks?.begin({ hook: "init", conf, variables: this.#variables, logger });
  }

  /** Somebody asks for the stream. @param query of the request */
  demanded(query: string): void {
    this.undemanded();
    this.#demandEnded = false;
    const { hooks, conf, logger } = this.#options;
    this.#endDemand = hooks?.begin({
      hook: "demand",
      conf,
      variables: { ...this.#variables, MTX_QUERY: queryVariable(query) },
      logger,
      ended: () => {
        this.#demandEnded = true;
      },
    });
  }

  /** Whether what was started on demand runs, or will again. */
  get isDemandAlive(): boolean {
    return !this.#demandEnded;
  }

  /** Nobody needs what was started on demand. */
  undemanded(): void {
    const end = this.#endDemand;
    this.#endDemand = undefined;
    end?.();
  }

  /** The stream is there. */
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

  /** It has ended. */
  notReady(): void {
    const end = this.#endReady;
    this.#endReady = undefined;
    end?.();
  }

  /** A reader gets the stream, until the function that is returned is called. @param logger of the reader */
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
