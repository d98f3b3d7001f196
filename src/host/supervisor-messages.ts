/** A message of the server to its supervisor. */
export type SupervisorCommand =
  | {
      /** Start a process, in a process group of its own. */
      readonly kind: "start";
      /** Id of the process in later messages. */
      readonly id: number;
      readonly words: readonly string[];
      /** Windows: the words are joined as they are. */
      readonly verbatim: boolean;
      /** Overrides the environment of the server. */
      readonly variables: Readonly<Record<string, string>>;
    }
  /** End the group of a process: SIGINT, and 5 s later SIGKILL. */
  | { readonly kind: "stop"; readonly id: number };

/** A message of the supervisor to the server. */
export type SupervisorEvent =
  | { readonly kind: "started"; readonly id: number; readonly pid: number }
  /** It could not be started; this is its last event. */
  | { readonly kind: "failed"; readonly id: number; readonly problem: string }
  /** The process itself has exited; others of its group may still be running. */
  | { readonly kind: "exited"; readonly id: number; readonly code: number; readonly signal: string | null }
  /** All processes of its group have exited; this is its last event. */
  | { readonly kind: "gone"; readonly id: number }
  /** A line that it printed. `overwritten`: it ended with a lone carriage return. */
  | { readonly kind: "line"; readonly id: number; readonly text: string; readonly overwritten: boolean }
  /** Number of lines that were dropped because there were too many. */
  | { readonly kind: "skipped"; readonly id: number; readonly lines: number };
