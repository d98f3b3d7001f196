import { createPrivateKey, X509Certificate } from "node:crypto";
import { errorText } from "../lib/errors.ts";
import type { Logger } from "../lib/log.ts";
import { readText, watchFile } from "./files.ts";
import {
  handlers,
  openListener,
  shownAddress,
  type TcpConn,
  type TcpListener,
  type TcpSocket,
} from "./tcp.ts";

export interface TlsOptions {
  /** PEM files of the private key and of the certificate with its chain. */
  readonly keyFile: string;
  readonly certFile: string;
  readonly logger: Logger;
  /** Told of exceptions of the connection's owner and of refused connections. */
  readonly onFault: (error: unknown) => void;
}

interface KeyPair {
  readonly key: string;
  readonly cert: string;
}

/**
 * Accepts TLS connections on `address`. When the files change, new connections get the new certificate and those that
 * are there go on; a pair of files that is of no use leaves the old one in force.
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

/** How often a change of the files is tried again when the port could not be had at once. */
const TRIES = 3;

class TlsListener implements TcpListener {
  readonly address: string;
  readonly port: number;
  readonly #options: TlsOptions;
  readonly #handlers: ReturnType<typeof handlers>;
  readonly #hostname: string;
  readonly #watchers: readonly { close(): void }[];
  #pair: KeyPair;
  #listener: { stop(force: boolean): void };

  constructor(address: string, accept: (socket: TcpSocket) => TcpConn, options: TlsOptions) {
    this.#options = options;
    this.#pair = readPair(options);
    this.#handlers = handlers(accept, options.onFault, false);
    let bound = "";
    const listener = openListener(address, (hostname, port) => {
      bound = hostname;
      return this.#listen(hostname, port);
    });
    this.#hostname = bound;
    this.#listener = listener;
    this.port = listener.port;
    this.address = shownAddress(address, listener.port);
    this.#watchers = [options.keyFile, options.certFile].map((file) => watchFile(file, () => this.#reload()));
  }

  #listen(hostname: string, port: number) {
    const { key, cert } = this.#pair;
    return Bun.listen({ hostname, port, tls: { key, cert }, socket: this.#handlers });
  }

  #reload(): void {
    const { logger, certFile } = this.#options;
    try {
      const pair = readPair(this.#options);
      if (pair.key === this.#pair.key && pair.cert === this.#pair.cert) return;
      const before = this.#pair;
      this.#pair = pair;
      try {
        this.#relisten();
      } catch (error) {
        this.#pair = before;
        this.#relisten();
        throw error;
      }
      logger.info(`certificate reloaded from ${certFile}`);
    } catch (error) {
      logger.error(`the certificate stays as it is: ${errorText(error)}`);
    }
  }

  /** The runtime keeps the certificate a listener was opened with: a new one takes its place, connections stay. */
  #relisten(): void {
    this.#listener.stop(false);
    for (let left = TRIES; ; left--) {
      try {
        this.#listener = this.#listen(this.#hostname, this.port);
        return;
      } catch (error) {
        if (left <= 1) throw error;
      }
    }
  }

  close(): Promise<void> {
    for (const watcher of this.#watchers) watcher.close();
    this.#listener.stop(false);
    return Promise.resolve();
  }
}

/** @throws {Error} if a file cannot be read, or the two do not belong together */
function readPair({ keyFile, certFile }: TlsOptions): KeyPair {
  const key = readText(keyFile);
  const cert = readText(certFile);
  const parsed = parse(certFile, () => new X509Certificate(cert));
  const secret = parse(keyFile, () => createPrivateKey(key));
  if (!parsed.checkPrivateKey(secret)) {
    throw new Error(`the private key of ${keyFile} does not belong to the certificate of ${certFile}`);
  }
  return { key, cert };
}

function parse<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new Error(`${file} is not usable: ${errorText(cause)}`, { cause });
  }
}
