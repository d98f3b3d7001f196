import { createPrivateKey, X509Certificate } from "node:crypto";
import { errorText, SystemError } from "../lib/errors.ts";
import { reportUnexpected } from "../lib/faults.ts";
import type { Logger } from "../lib/log.ts";
import { readText, watchFile } from "./files.ts";
import { shownAddress } from "./socket-address.ts";
import { handlers, openListener, type TcpListener } from "./tcp.ts";
import type { TcpConn, TcpSocket } from "./tcp-connection.ts";

/** PEM files of a private key and of its certificate with the chain. */
export interface TlsFiles {
  readonly keyFile: string;
  readonly certFile: string;
}

export interface TlsOptions extends TlsFiles {
  readonly logger: Logger;
}

/** Contents of the files, PEM. */
export interface KeyPair {
  readonly key: string;
  readonly cert: string;
}

/** A key and its certificate in two files, which may change. */
export class KeyPairFiles {
  readonly #files: TlsFiles;
  readonly #logger: Logger;
  readonly #use: (pair: KeyPair) => void;
  #pair: KeyPair;
  #watchers: readonly { close(): void }[] = [];

  /**
   * @param use called with each pair after the first; if it throws, it is called again with the previous pair
   * @throws {Error} if a file cannot be read, or the two do not belong together
   */
  constructor(files: TlsFiles, logger: Logger, use: (pair: KeyPair) => void) {
    this.#files = files;
    this.#logger = logger;
    this.#use = use;
    this.#pair = readPair(files);
  }

  /** The current pair. */
  get pair(): KeyPair {
    return this.#pair;
  }

  watch(): void {
    const { keyFile, certFile } = this.#files;
    this.#watchers = [keyFile, certFile].map((file) => watchFile(file, () => this.#reload()));
  }

  #reload(): void {
    const { certFile } = this.#files;
    try {
      const pair = readPair(this.#files);
      if (pair.key === this.#pair.key && pair.cert === this.#pair.cert) return;
      try {
        this.#use(pair);
      } catch (error) {
        this.#use(this.#pair);
        throw error;
      }
      this.#pair = pair;
      this.#logger.info(`certificate reloaded from ${certFile}`);
    } catch (error) {
      reportUnexpected(this.#logger, error, `reloading ${certFile}`);
      this.#logger.error(`keeping the current certificate: ${errorText(error)}`);
    }
  }

  close(): void {
    for (const watcher of this.#watchers) watcher.close();
  }
}

/**
 * Accepts TLS connections on `address`. When the files change, new connections get the new certificate, and open ones are
 * not affected. An invalid pair of files is ignored.
 *
 * @throws {Error} `listen tcp <address>: <reason>` if the address cannot be had; or what is wrong with the files
 */
export function listenTls(
  address: string,
  accept: (socket: TcpSocket) => TcpConn,
  options: TlsOptions,
): TcpListener {
  return new TlsListener(address, accept, options);
}

/** Number of retries when the port is not free at once after a change of the files. */
const TRIES = 3;

class TlsListener implements TcpListener {
  readonly address: string;
  readonly port: number;
  readonly #handlers: ReturnType<typeof handlers>;
  readonly #hostname: string;
  readonly #files: KeyPairFiles;
  #listener: { stop(force: boolean): void };

  constructor(address: string, accept: (socket: TcpSocket) => TcpConn, options: TlsOptions) {
    this.#files = new KeyPairFiles(options, options.logger, (pair) => this.#relisten(pair));
    this.#handlers = handlers(accept, options, false);
    let bound = "";
    const listener = openListener(address, (hostname, port) => {
      bound = hostname;
      return this.#listen(hostname, port, this.#files.pair);
    });
    this.#hostname = bound;
    this.#listener = listener;
    this.port = listener.port;
    this.address = shownAddress(address, listener.port);
    this.#files.watch();
  }

  #listen(hostname: string, port: number, { key, cert }: KeyPair) {
    return Bun.listen({ hostname, port, tls: { key, cert }, socket: this.#handlers });
  }

  /** The runtime cannot change the certificate of a listener: a new listener replaces it, connections stay. */
  #relisten(pair: KeyPair): void {
    this.#listener.stop(false);
    this.#listener = retry(() => this.#listen(this.#hostname, this.port, pair));
  }

  close(): Promise<void> {
    this.#files.close();
    this.#listener.stop(false);
    return Promise.resolve();
  }
}

/** Retries while the port is not free. */
export function retry<T>(open: () => T): T {
  for (let left = TRIES; ; left--) {
    try {
      return open();
    } catch (error) {
      if (left <= 1) throw error;
    }
  }
}

/** @throws {Error} if a file cannot be read, or the two do not belong together */
function readPair({ keyFile, certFile }: TlsFiles): KeyPair {
  const key = readText(keyFile);
  const cert = readText(certFile);
  const parsed = parse(certFile, () => new X509Certificate(cert));
  const secret = parse(keyFile, () => createPrivateKey(key));
  if (!parsed.checkPrivateKey(secret)) {
    throw new SystemError(`private key ${keyFile} does not match certificate ${certFile}`);
  }
  return { key, cert };
}

function parse<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new SystemError(`${file} is not valid: ${errorText(cause)}`, { cause });
  }
}
