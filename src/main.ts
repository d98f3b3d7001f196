import { Authorizer } from "./auth/authorizer.ts";
import { LoginLimiter } from "./auth/login-limiter.ts";
import { type Config, type LoadedConfig, loadConfig } from "./config/load.ts";
import { ConfigStore } from "./config/store.ts";
import { systemClock } from "./host/clock.ts";
import { readText, watchFile } from "./host/files.ts";
import { raiseDescriptorLimit } from "./host/libc.ts";
import { LogOutputs } from "./host/log-outputs.ts";
import { errorText, isExpected } from "./lib/errors.ts";
import { faultText, reportFault, reportUnexpected } from "./lib/faults.ts";
import { Logger } from "./lib/log.ts";
import { COMPATIBLE_VERSION, PRODUCT_LINE } from "./lib/product.ts";
import { App } from "./server/app.ts";
import { parseArguments, usage } from "./server/arguments.ts";
import { PARTS } from "./server/components.ts";
import {
  type ConfigFile,
  DEFAULT_FILE,
  encryptFile,
  ignoredKeys,
  ignoredVariables,
  loadFile,
  locateConfig,
  missingFile,
} from "./server/config-file.ts";
import type { ServerDeps } from "./server/deps.ts";
import { Inventory } from "./server/inventory.ts";
import { type AllDeps, componentsOf, declaredBy } from "./server/parts.ts";
import { Reloader } from "./server/reloader.ts";

const DECLARED = declaredBy(PARTS);
/** Longest wait for the log to be written at exit, ms. */
const FLUSH_MS = 500;

void main(Bun.argv.slice(2));

async function main(args: readonly string[]): Promise<void> {
  const command = parseArguments(args);
  switch (command.kind) {
    case "help":
      return finish(usage(PRODUCT_LINE), 0);
    case "supervise":
      return (await import("./host/supervisor.ts")).supervise();
    case "version":
      return finish(`${COMPATIBLE_VERSION}\n${PRODUCT_LINE}\n`, 0);
    case "wrong":
      process.stderr.write(`mediamtx: error: ${command.reason}\n`);
      return finish(usage(PRODUCT_LINE), 1);
    case "check":
      return check(command.file);
    case "encrypt":
      return encrypt(command.file ?? DEFAULT_FILE);
    case "schema": {
      const { configJsonSchema } = await import("./config/json-schema.ts");
      return finish(`${JSON.stringify(configJsonSchema(), undefined, 2)}\n`, 0);
    }
    case "run":
      return run(locateConfig(command.file));
  }
}

/** Why a command failed, a line for each mistake; with the stack if it is a bug. */
function reasonLines(level: string, error: unknown): string {
  if (!isExpected(error)) return `${level}: ${faultText(error)}`;
  return errorText(error)
    .split("\n")
    .map((line) => `${level}: ${line}`)
    .join("\n");
}

function finish(text: string, code: number): void {
  process.stdout.write(text);
  process.exitCode = code;
}

function check(file: string | undefined): void {
  try {
    const located = locateConfig(file);
    const { config } = loadFile(located, process.env, DECLARED.sources);
    const name = located.exists ? located.path : "the built-in configuration";
    const lines = [`${name} is valid`, ignoredKeys(config), ignoredVariables(process.env)];
    finish(`${lines.filter((line) => line !== undefined).join("\n")}\n`, 0);
  } catch (error) {
    finish(`${reasonLines("ERR", error)}\n`, 1);
  }
}

/** Encrypts a file. An invalid configuration is reported, and encrypted all the same. */
function encrypt(file: string): void {
  try {
    const text = encryptFile(file, process.env);
    try {
      loadConfig(readText(file), {}, DECLARED.sources);
    } catch (error) {
      process.stderr.write(`${reasonLines("WAR", error)}\n`);
    }
    finish(text, 0);
  } catch (error) {
    process.stderr.write(`${reasonLines("ERR", error)}\n`);
    process.exitCode = 1;
  }
}

async function run(file: ConfigFile): Promise<void> {
  let loaded: LoadedConfig;
  let changed = () => {};
  const watcher = watchFile(file.path, () => changed()); // before the file is read: no change is missed
  try {
    loaded = loadFile(file, process.env, DECLARED.sources);
  } catch (error) {
    watcher.close();
    return finish(`${reasonLines("ERR", error)}\n`, 1);
  }
  const outputs = new LogOutputs();
  outputs.apply(loaded.config);
  const logger = new Logger(outputs.output, systemClock);
  const exit = async (code: number): Promise<void> => {
    await outputs.flush(FLUSH_MS);
    process.exit(code);
  };
  surviveFaults(logger);
  greet(logger, file, loaded.config);
  const store = new ConfigStore(loaded, {
    schemes: DECLARED.sources,
    apply: (config) => {
      logger.info("reloading configuration (API request)");
      void app.reload(config);
    },
  });
  const app = createApp(logger, outputs, store);
  const reloader = createReloader({ logger, app, store, file });
  changed = () => reloader.changed();
  if (!file.exists) watcher.close();
  stopOnSignals(logger, async () => {
    reloader.close();
    await app.close();
    await exit(0);
  });
  try {
    await app.start(loaded.config);
  } catch (error) {
    reportUnexpected(logger, error, "starting the server");
    logger.error(errorText(error));
    return exit(1);
  }
  raiseDescriptorLimit();
}

function greet(logger: Logger, file: ConfigFile, config: Config): void {
  logger.info(PRODUCT_LINE);
  if (!file.exists) logger.warn(missingFile(config));
  else if (file.isSystemFile) logger.info(`configuration loaded from ${file.path}`);
  for (const line of [ignoredKeys(config), ignoredVariables(process.env)]) {
    if (line !== undefined) logger.warn(line);
  }
}

function createApp(logger: Logger, outputs: LogOutputs, store: ConfigStore): App<AllDeps, Config> {
  const inventory = new Inventory();
  const deps: ServerDeps = {
    ...DECLARED,
    store,
    logger,
    outputs,
    inventory,
    clock: systemClock,
    loginLimiter: new LoginLimiter(),
    authorizer: new Authorizer(systemClock, logger),
    ignoredPackets: { datagrams: 0, packets: 0 },
  };
  return new App({ components: componentsOf(PARTS), deps, inventory, logger });
}

/** What a reload of the file works on. */
interface Reloadable {
  readonly logger: Logger;
  readonly app: App<AllDeps, Config>;
  readonly store: ConfigStore;
  readonly file: ConfigFile;
}

function createReloader({ logger, app, store, file }: Reloadable): Reloader<Config> {
  return new Reloader({
    clock: systemClock,
    logger,
    load: () => {
      const warned = ignoredKeys(store.current.config);
      const loaded = loadFile(file, process.env, DECLARED.sources);
      store.replace(loaded);
      const ignored = ignoredKeys(loaded.config);
      if (ignored !== undefined && ignored !== warned) logger.warn(ignored);
      return loaded.config;
    },
    apply: (config) => app.reload(config),
  });
}

/** The first signal shuts the server down gracefully, the second one at once. */
function stopOnSignals(logger: Logger, stop: () => Promise<void>): void {
  let stopping = false;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(1);
      stopping = true;
      logger.info("shutting down gracefully");
      void stop();
    });
  }
}

/** Uncaught errors are bugs; they are logged, and streams continue. */
function surviveFaults(logger: Logger): void {
  process.on("uncaughtException", (fault) => reportFault(logger, fault, "uncaught exception"));
  process.on("unhandledRejection", (fault) => reportFault(logger, fault, "unhandled rejection"));
}
